"""The page's websocket: it pushes what the chosen user sees, when it happens, and takes nothing."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, web

from bot.loopback.changes import Change
from bot.loopback.form import Json
from bot.playground.actions import API, sight_of
from bot.playground.sight import Sight, UnseenError

SOCKETS = web.AppKey("SOCKETS", set[web.WebSocketResponse])
_HEARTBEAT_S = 30.0
_MOST_WAITING = 1000


@dataclass(slots=True, eq=False)
class Outbox:
    """What waits to be sent to one page: written down when it happens, as the user saw it then.

    Attributes:
        is_full: Whether the page was too slow: it then starts over, rather than miss something.
    """

    sight: Sight
    is_full: bool = False
    _waiting: asyncio.Queue[Json] = field(default_factory=lambda: asyncio.Queue[Json](_MOST_WAITING))

    def note(self, change: Change) -> None:
        """Take a change, if the user sees it."""
        told = self.sight.told(change)
        if told is None or self.is_full:
            return
        try:
            self._waiting.put_nowait(told)
        except asyncio.QueueFull:
            self.is_full = True

    async def send_all(self, socket: web.WebSocketResponse) -> None:
        """Send until the page is gone, or too slow."""
        while not self.is_full:
            await socket.send_json(await self._waiting.get())
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")


async def _serve(request: web.Request) -> web.StreamResponse:
    try:
        outbox = Outbox(sight_of(request))
    except UnseenError:
        return web.Response(status=404)
    socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=1024)
    await socket.prepare(request)
    request.app[SOCKETS].add(socket)
    leave = outbox.sight.world.changes.listen(outbox.note)
    sending = asyncio.create_task(_send(socket, outbox))
    try:
        async for _ in socket:
            continue
    finally:
        leave()
        sending.cancel()
        request.app[SOCKETS].discard(socket)
        await asyncio.wait({sending})
    return socket


async def _send(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    try:
        await socket.send_json({"event": "hello"})
        await outbox.send_all(socket)
    except ConnectionError:  # the page is gone, which its reader notices
        return


async def close_all(application: web.Application) -> None:
    """End every socket: the page is told that the server goes."""
    for socket in tuple(application[SOCKETS]):
        await socket.close(code=WSCloseCode.GOING_AWAY)


ROUTES = (web.get(f"{API}/as/{{user_id:\\d{{1,20}}}}/live", _serve),)
