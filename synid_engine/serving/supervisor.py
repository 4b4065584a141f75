"""Keeps one engine process running: spawns it, talks to it, and starts it again when it is lost.

Knows nothing about jobs, and imports no torch: the coordinator and the bot share its process.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from synid_engine.errors import InvalidSettingError
from synid_engine.serving.engine_child import ChildTimes, EngineChild
from synid_engine.serving.engine_options import EngineOptions, to_arguments
from synid_engine.serving.link import EngineDownError, EngineLost, LinkEvent
from synid_engine.serving.orders import Drain, Order

ENGINE_COMMAND = (sys.executable, "-m", "synid_engine.serving.engine_process")
_LONGEST_SOCKET = 99  # a system's limit is 104 or 108 bytes
_LARGEST_LOG = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorConfig:
    """How patient the supervisor is; all times in seconds.

    Attributes:
        first_backoff_s: Wait before the first restart; each further one is twice as long.
        longest_backoff_s: Longest wait.
        healthy_after_s: An engine that lived so long was healthy: the next wait is the first again.
        term_s: Between SIGTERM and SIGKILL.
        child: Patience with one engine.
    """

    first_backoff_s: float = 0.5
    longest_backoff_s: float = 30.0
    healthy_after_s: float = 60.0
    term_s: float = 5.0
    child: ChildTimes = field(default_factory=ChildTimes)

    def __post_init__(self) -> None:
        if not 0 < self.first_backoff_s <= self.longest_backoff_s:
            allowed = f"more than 0 and at most {self.longest_backoff_s}"
            raise InvalidSettingError(field="first_backoff_s", value=self.first_backoff_s, allowed=allowed)


class EngineSupervisor:
    """An `EngineLink` to a process of this machine."""

    def __init__(
        self,
        options: EngineOptions,
        *,
        log_folder: Path,
        config: SupervisorConfig | None = None,
        command: Sequence[str] = ENGINE_COMMAND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is started.

        Args:
            options: What each engine is started with.
            log_folder: Gets `engine.log`, with all that engines print.
            config: Patience.
            command: The program, to which the options are added.
            clock: Seconds.
        """
        self._options, self._log_folder = options, log_folder
        self._config, self._clock = config or SupervisorConfig(), clock
        self._command = tuple(command)
        self._events: asyncio.Queue[LinkEvent | None] = asyncio.Queue()
        self._child: EngineChild | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._generation = 0

    async def start(self) -> None:
        """Begin to keep an engine running; returns before it is ready."""
        if self._keeping is None and not self._stopping.is_set():
            self._keeping = asyncio.create_task(self._keep(), name="engine supervisor")

    async def send(self, order: Order) -> None:
        """Give an order to the engine of the moment.

        Raises:
            EngineDownError: There is none.
        """
        if self._child is None:
            raise EngineDownError
        await self._child.send(order)

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield everything that happens, in order, until the supervisor is closed; for one reader."""
        while (event := await self._events.get()) is not None:
            yield event

    async def drain(self, timeout_s: float) -> None:
        """Let the engine hand back what it has and end; then SIGTERM, then SIGKILL. None is started again."""
        self._stopping.set()
        if self._keeping is None:
            return
        try:
            await self.send(Drain())
        except EngineDownError:
            timeout_s = 0.0  # it has nothing to hand back
        for end, patience_s in ((None, timeout_s), ("terminate", self._config.term_s), ("kill", None)):
            if end is not None and self._child is not None:
                self._child.signal(kill=end == "kill")
            done, _ = await asyncio.wait({self._keeping}, timeout=patience_s)
            if done:
                return

    async def close(self) -> None:
        """End the engine at once, and with it the events; may be called twice."""
        self._stopping.set()
        if self._keeping is not None:
            if self._child is not None:
                self._child.signal(kill=True)
            await asyncio.wait({self._keeping})
            self._keeping.result()
            self._keeping = None
        self._events.put_nowait(None)

    async def _keep(self) -> None:
        """Run engine after engine until it is time to stop."""
        folder = Path(await asyncio.to_thread(_private_folder))
        backoff_s = self._config.first_backoff_s
        try:
            while not self._stopping.is_set():
                started = self._clock()
                await self._run_one(folder)
                if self._clock() - started >= self._config.healthy_after_s:
                    backoff_s = self._config.first_backoff_s
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), timeout=backoff_s)
                backoff_s = min(2 * backoff_s, self._config.longest_backoff_s)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _run_one(self, folder: Path) -> None:
        self._generation += 1
        child = EngineChild(
            self._generation,
            folder / f"{self._generation}.sock",
            tell=self._events.put_nowait,
            times=self._config.child,
            clock=self._clock,
        )
        self._child = child
        try:
            log = await asyncio.to_thread(_open_log, self._log_folder)
            try:
                command = [*self._command, *to_arguments(self._options, child.socket)]
                lost = await child.run(command, log)
            finally:
                os.close(log)
        except OSError as error:
            reason = f"it cannot be started: {error.strerror or error}"
            lost = EngineLost(generation=self._generation, exit_code=None, reason=reason)
        finally:
            self._child = None
        self._events.put_nowait(lost)


def _private_folder() -> str:
    """Make a folder that only this user may enter, with a path short enough for a socket in it."""
    folder = tempfile.mkdtemp(prefix="synid-")  # mode 0700
    if len(os.fsencode(folder)) + len("/999999.sock") <= _LONGEST_SOCKET:
        return folder
    Path(folder).rmdir()
    return tempfile.mkdtemp(prefix="synid-", dir="/tmp")  # private, and nowhere is shorter


def _open_log(folder: Path) -> int:
    """Open the log to be added to; one that has grown large is put aside, over the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "engine.log"
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(folder / "engine.1.log")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
