"""One engine process, from its start to its end: its socket, its reports, and its signs of life."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from synid_engine.serving.engine_status import EngineExit
from synid_engine.serving.link import EngineDownError, EngineLost, EngineStarted, LinkEvent
from synid_engine.serving.orders import Order
from synid_engine.serving.reports import Alive
from synid_engine.serving.wire import WireError, decode_report, encode, read_body

_GRACE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildTimes:
    """Patience with one engine, in seconds.

    Attributes:
        connect_s: From the start of the process to its connection.
        silence_s: From one sign of life to the next.
        end_s: From the end of the connection to that of the process.
    """

    connect_s: float = 60.0
    silence_s: float = 30.0
    end_s: float = 5.0


@dataclass(slots=True, eq=False)
class _Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class EngineChild:
    """A process that is run once."""

    def __init__(
        self,
        generation: int,
        socket: Path,
        *,
        tell: Callable[[LinkEvent], None],
        times: ChildTimes,
        clock: Callable[[], float],
    ) -> None:
        self.socket = socket
        self._generation, self._tell, self._times, self._clock = generation, tell, times, clock
        self._lines: asyncio.Queue[_Line] = asyncio.Queue()
        self._line: _Line | None = None
        self._process: Process | None = None
        self._is_doomed = False
        self._alive_at = 0.0

    async def run(self, command: Sequence[str], log: int) -> EngineLost:
        """Start the process, pass on its reports, and return how it ended, when it has.

        Args:
            command: The program and its arguments.
            log: File descriptor that gets what it prints.

        Raises:
            OSError: It cannot be started.
        """
        server = await asyncio.start_unix_server(self._connected, str(self.socket))
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            self._process = process
            if self._is_doomed:
                self.signal(kill=True)
            try:
                reason = await self._attend(process)
            finally:
                self._hang_up()
                exit_code = await self._ended(process)
        finally:
            server.close()
            self.socket.unlink(missing_ok=True)
        return EngineLost(
            generation=self._generation, exit_code=exit_code, reason=reason or _ending(exit_code)
        )

    async def send(self, order: Order) -> None:
        """Give it an order.

        Raises:
            EngineDownError: It is not connected, or no longer.
        """
        if self._line is None:
            raise EngineDownError
        try:
            self._line.writer.write(encode(order))
            await self._line.writer.drain()
        except ConnectionError as error:
            raise EngineDownError from error

    def signal(self, *, kill: bool) -> None:
        """Ask it to end, or end it, at once or as soon as it has started; one that has ended is ignored."""
        self._is_doomed = True
        if self._process is not None and self._process.returncode is None:
            with suppress(
                ProcessLookupError
            ):  # not by the process's own method, which takes its exit code away
                os.kill(self._process.pid, signal.SIGKILL if kill else signal.SIGTERM)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._line is None and self._lines.empty():
            self._lines.put_nowait(_Line(reader, writer))
        else:
            writer.close()

    async def _attend(self, process: Process) -> str:
        """Read reports until there are no more.

        Returns:
            Why it was given up; empty when it ended by itself.
        """
        waiting = asyncio.create_task(self._lines.get())
        ending = asyncio.create_task(process.wait())
        try:
            await asyncio.wait(
                {waiting, ending}, timeout=self._times.connect_s, return_when=asyncio.FIRST_COMPLETED
            )
            if ending.done():
                await asyncio.wait({waiting}, timeout=_GRACE_S)  # it may have said something before
            if not waiting.done():
                return "" if ending.done() else self._give_up("it did not connect in time")
            self._line = waiting.result()
        finally:
            waiting.cancel()
            ending.cancel()
        self._tell(EngineStarted(generation=self._generation))
        self._alive_at = self._clock()
        return await self._listen(self._line.reader)

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        watch = asyncio.create_task(self._watch())
        reading = asyncio.create_task(self._read(reader))
        try:
            done, _ = await asyncio.wait({watch, reading}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading in done else self._give_up("it gave no sign of life")
        finally:
            watch.cancel()
            reading.cancel()

    async def _read(self, reader: asyncio.StreamReader) -> str:
        try:
            while (body := await read_body(reader)) is not None:
                report = decode_report(body)
                if isinstance(report, Alive):
                    self._alive_at = self._clock()
                self._tell(report)
        except WireError as error:
            return self._give_up(f"its reports broke off: {error}")
        return ""

    async def _watch(self) -> None:
        """Return when there has been no sign of life for too long."""
        while True:
            left = self._alive_at + self._times.silence_s - self._clock()
            if left <= 0:
                return
            await asyncio.sleep(left)

    def _give_up(self, reason: str) -> str:
        self.signal(kill=True)
        return reason

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.writer.close()

    async def _ended(self, process: Process) -> int:
        """Wait for the end of a process whose connection is over; one that stays is killed."""
        try:
            return await asyncio.wait_for(process.wait(), timeout=self._times.end_s)
        except TimeoutError:
            self.signal(kill=True)
            return await process.wait()


def _ending(exit_code: int) -> str:
    if exit_code < 0:
        return f"it was ended by {signal.Signals(-exit_code).name}"
    names: dict[int, str] = {
        EngineExit.DRAINED: "it was drained",
        EngineExit.LOST: "it lost the connection",
        EngineExit.UNLOADABLE: "its models or its settings cannot be used; its log says why",
    }
    return names.get(exit_code, f"it ended with exit code {exit_code}")
