"""A gateway session: its numbered events, and the socket that it may have lost."""

import asyncio
import json
import secrets
import zlib
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from bot.loopback.form import Json

BACKLOG = 1000
DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, RESUME, RECONNECT = 0, 1, 2, 3, 6, 7
INVALID_SESSION, HELLO, HEARTBEAT_ACK = 9, 10, 11


class Connection:
    """One socket of the gateway: what is sent goes out in order, compressed if the client asked for it."""

    def __init__(self, socket: web.WebSocketResponse, *, compressed: bool) -> None:
        self.socket = socket
        self._compressor = zlib.compressobj() if compressed else None
        self._queue: asyncio.Queue[str | int | None] = asyncio.Queue()

    def send(self, frame: Json) -> None:
        """Put a frame on its way."""
        self._queue.put_nowait(json.dumps(frame))

    def close(self, code: int) -> None:
        """Close the socket with a code, after what is on its way."""
        self._queue.put_nowait(code)

    def drop(self) -> None:
        """Cut the line, without a word."""
        self._queue.put_nowait(None)

    async def pump(self, transport: asyncio.Transport | None) -> None:
        """Send what comes, until the socket ends."""
        while True:
            frame = await self._queue.get()
            if isinstance(frame, str):
                await self._write(frame)
            elif frame is None:
                if transport is not None:
                    transport.abort()
                return
            else:
                await self.socket.close(code=frame)
                return

    async def _write(self, frame: str) -> None:
        if self._compressor is None:
            await self.socket.send_str(frame)
            return
        packed = self._compressor.compress(frame.encode())
        await self.socket.send_bytes(packed + self._compressor.flush(zlib.Z_SYNC_FLUSH))


@dataclass(slots=True, eq=False)
class Session:
    """What survives a lost socket.

    Attributes:
        intents: What it is told of.
        connection: Its socket now.
        resumable: Whether it can be taken up again.
    """

    intents: int
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    connection: Connection | None = None
    resumable: bool = True
    _sequence: int = 0
    _backlog: deque[Json] = field(default_factory=lambda: deque[Json](maxlen=BACKLOG))

    def dispatch(self, event: str, data: Json) -> None:
        """Number an event, keep it for a resume, and send it if somebody listens."""
        self._sequence += 1
        frame: Json = {"op": DISPATCH, "s": self._sequence, "t": event, "d": data}
        self._backlog.append(frame)
        if self.connection is not None:
            self.connection.send(frame)

    def can_resume(self, sequence: int) -> bool:
        """Tell whether everything after a number is still kept."""
        oldest = self._backlog[0]["s"] if self._backlog else self._sequence + 1
        return self.resumable and oldest - 1 <= sequence <= self._sequence

    def resume(self, connection: Connection, sequence: int) -> None:
        """Send what was missed on a new socket."""
        self.connection = connection
        for frame in tuple(self._backlog):
            if frame["s"] > sequence:
                connection.send(frame)
        self.dispatch("RESUMED", {})
