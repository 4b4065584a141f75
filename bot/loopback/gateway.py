"""The gateway of a loopback Discord: login, heartbeats, events, resumes, and the ways in which it breaks.

Source: discord-api-docs, events/gateway.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import cast

from aiohttp import WSMsgType, web

from bot.loopback.changes import Change
from bot.loopback.form import Json
from bot.loopback.gateway_events import GUILDS, KNOWN, PRIVILEGED, for_bot
from bot.loopback.payloads import guild_create_payload, own_user_payload
from bot.loopback.sessions import (
    HEARTBEAT,
    HEARTBEAT_ACK,
    HELLO,
    IDENTIFY,
    INVALID_SESSION,
    PRESENCE,
    RECONNECT,
    RESUME,
    Connection,
    Session,
)
from bot.loopback.world import APPLICATION_FLAGS, World

_FRAMES_A_MINUTE = 120
_LARGEST_FRAME = 4096
_MINUTE_S = 60.0
_MISSED_BEATS = 2


class Close(IntEnum):
    """Discord's close codes."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQUENCE = 4007
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class _Closing(Exception):  # noqa: N818 - it ends a socket, which is no error
    def __init__(self, code: Close) -> None:
        super().__init__(code)
        self.code = code


class Gateway:
    """All sessions of the bot.

    Attributes:
        acknowledges_heartbeats: Whether heartbeats are answered; switch it off to lose them.
        refuses_resume: Whether every resume is answered with INVALID_SESSION.
        swallows: Tells which changes never arrive, as if the network had lost them.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.acknowledges_heartbeats = True
        self.refuses_resume = False
        self.swallows: Callable[[Change], bool] = lambda _: False
        self._sessions: dict[str, Session] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        self._known = asyncio.Event()
        self._leave = world.changes.listen(self._tell)

    @property
    def connected(self) -> bool:
        """Whether a client is logged in now."""
        return any(session.connection for session in self._sessions.values())

    async def wait_connected(self) -> None:
        """Wait until a client is logged in, or has taken its session up again."""
        await self._known.wait()

    def drop(self) -> None:
        """Cut every line, without a word."""
        for connection in self._connections():
            connection.drop()

    def close(self, code: int = Close.UNKNOWN_ERROR) -> None:
        """Close every socket with a code."""
        for connection in self._connections():
            connection.close(code)

    def ask_to_reconnect(self) -> None:
        """Send RECONNECT."""
        for connection in self._connections():
            connection.send({"op": RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Send INVALID_SESSION, and forget the sessions unless they can be resumed."""
        for session in tuple(self._sessions.values()):
            if session.connection is not None:
                session.connection.send({"op": INVALID_SESSION, "d": resumable})
            if not resumable:
                session.resumable = False

    def _connections(self) -> list[Connection]:
        return [session.connection for session in self._sessions.values() if session.connection]

    def _tell(self, change: Change) -> None:
        if self.swallows(change):
            return
        for session in self._sessions.values():
            data = for_bot(self.world, change, session.intents)
            if data is not None:
                session.dispatch(change.event, data)

    async def stop(self) -> None:
        """End every socket."""
        self._leave()
        for socket in tuple(self._sockets):
            await socket.close(code=1001)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket until it ends."""
        socket = web.WebSocketResponse(autoping=True, max_msg_size=0)
        await socket.prepare(request)
        self._sockets.add(socket)
        connection = Connection(socket, compressed=request.query.get("compress") == "zlib-stream")
        pump = asyncio.create_task(connection.pump(request.transport))
        try:
            await _Talk(self, connection).hold()
        except _Closing as closing:
            connection.close(closing.code)
            with contextlib.suppress(ConnectionError):
                await pump
        finally:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await pump
            self._sockets.discard(socket)
            self._let_go(connection)
        return socket

    def _let_go(self, connection: Connection) -> None:
        for session in self._sessions.values():
            if session.connection is connection:
                session.connection = None
        if not self.connected:
            self._known.clear()

    def open_session(self, intents: int, connection: Connection) -> None:
        """Log a client in: READY, then its guilds."""
        world = self.world
        session = Session(intents, connection=connection)
        self._sessions = {key: one for key, one in self._sessions.items() if one.connection}
        self._sessions[session.id] = session
        self._known.set()
        guilds = [guild for guild in world.guilds.values() if world.bot_id in guild.members]
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": own_user_payload(world.users[world.bot_id]),
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "private_channels": [],
                "session_id": session.id,
                "resume_gateway_url": f"{world.address.replace('http', 'ws', 1)}/gateway/",
                "session_type": "normal",
                "application": {"id": str(world.bot_id), "flags": APPLICATION_FLAGS},
            },
        )
        for guild in guilds if intents & GUILDS else ():
            session.dispatch("GUILD_CREATE", guild_create_payload(world, guild))

    def resume(self, wanted: Json, connection: Connection) -> bool:
        """Take a session up again; False if that is not possible."""
        session = self._sessions.get(str(wanted.get("session_id")))
        sequence = wanted.get("seq") or 0
        if self.refuses_resume or session is None or not session.can_resume(sequence):
            return False
        session.resume(connection, sequence)
        self._known.set()
        return True


class _Talk:
    """What one socket says and hears."""

    def __init__(self, gateway: Gateway, connection: Connection) -> None:
        self._gateway = gateway
        self._world = gateway.world
        self._connection = connection
        self._known = False
        self._frames: deque[float] = deque()
        self._alarm = None

    async def hold(self) -> None:
        """Greet, then hear the client out."""
        interval = self._world.config.heartbeat_interval_s
        self._connection.send({"op": HELLO, "d": {"heartbeat_interval": int(interval * 1000), "_trace": []}})
        self._expect_heartbeat()
        try:
            async for message in self._connection.socket:
                if message.type is WSMsgType.TEXT:
                    self._hear(_frame(message.data))
                elif message.type is WSMsgType.BINARY:
                    raise _Closing(Close.DECODE_ERROR)
        finally:
            if self._alarm is not None:
                self._world.clock.cancel(self._alarm)

    def _expect_heartbeat(self) -> None:
        clock = self._world.clock
        if self._alarm is not None:
            clock.cancel(self._alarm)
        due = clock.now() + self._world.config.heartbeat_interval_s * _MISSED_BEATS
        self._alarm = clock.call_at(due, lambda: self._connection.close(Close.SESSION_TIMED_OUT))

    def _hear(self, frame: Json) -> None:
        operation, data = frame.get("op"), frame.get("d")
        if operation == HEARTBEAT:
            self._expect_heartbeat()
            if self._gateway.acknowledges_heartbeats:
                self._connection.send({"op": HEARTBEAT_ACK})
            return
        self._count()
        if operation in {IDENTIFY, RESUME}:
            self._log_in(operation, cast("Json", data))
        elif not self._known:
            raise _Closing(Close.NOT_AUTHENTICATED)
        elif operation != PRESENCE:  # voice and lists of members are not modelled
            raise _Closing(Close.UNKNOWN_OPCODE)

    def _count(self) -> None:
        now = self._world.clock.elapsed()
        self._frames.append(now)
        while self._frames[0] <= now - _MINUTE_S:
            self._frames.popleft()
        if len(self._frames) > _FRAMES_A_MINUTE:
            raise _Closing(Close.RATE_LIMITED)

    def _log_in(self, operation: int, data: Json) -> None:
        if self._known:
            raise _Closing(Close.ALREADY_AUTHENTICATED)
        if data.get("token") != self._world.token:
            raise _Closing(Close.AUTHENTICATION_FAILED)
        if operation == RESUME:
            self._known = self._gateway.resume(data, self._connection)
            if not self._known:
                self._connection.send({"op": INVALID_SESSION, "d": False})
            return
        self._gateway.open_session(self._intents(data), self._connection)
        self._known = True

    def _intents(self, data: Json) -> int:
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~KNOWN:
            raise _Closing(Close.INVALID_INTENTS)
        if intents & PRIVILEGED & ~self._world.config.privileged_intents:
            raise _Closing(Close.DISALLOWED_INTENTS)
        if data.get("shard", [0, 1]) != [0, 1]:
            raise _Closing(Close.INVALID_SHARD)
        return intents


def _frame(text: str) -> Json:
    if len(text) > _LARGEST_FRAME:
        raise _Closing(Close.DECODE_ERROR)
    try:
        frame = json.loads(text)
    except ValueError:
        raise _Closing(Close.DECODE_ERROR) from None
    if not isinstance(frame, dict):
        raise _Closing(Close.DECODE_ERROR)
    return cast("Json", frame)
