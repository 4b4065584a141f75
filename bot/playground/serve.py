"""Open the playground: a web server of its own, beside the loopback Discord that it shows.

It has its own port so that `lan` opens nothing but the page: API and gateway stay on this machine.
"""

import mimetypes
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from yarl import URL

from bot.chat_errors import PortError
from bot.loopback import cdn
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.server import LOCALHOST
from bot.playground import actions, live
from bot.playground.guard import TICKET, Guard
from bot.playground.phone import own_address, qr_picture

_FILES = Path(__file__).with_name("page")
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - only with `lan`, and only with a ticket
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_GUARD = web.AppKey("GUARD", Guard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Playground:
    """The page, as long as it is open.

    Attributes:
        link: To open on this machine; with `lan` it works once.
        phone_link: To open on another machine, once; None without `lan`, or without a network.
    """

    link: str
    phone_link: str | None


@asynccontextmanager
async def playground(
    discord: LoopbackDiscord, *, port: int = 0, lan: bool = False
) -> AsyncGenerator[Playground]:
    """Show a loopback Discord as a page, and start it if it is not.

    Args:
        discord: With servers and people in it, as `scene.furnish` puts them there.
        port: Of the page; 0 for one that the system chooses.
        lan: Whether other machines of the network may come in, each with a ticket.

    Raises:
        PortError: The page cannot have that port.
    """
    guard = Guard(is_open=lan)
    runner = web.AppRunner(page_application(discord, guard), access_log=None, shutdown_timeout=1.0)
    is_ours = URL(discord.address).port == 0
    try:
        if is_ours:
            await discord.start()
        await runner.setup()
        await _listen(runner, _EVERYWHERE if lan else LOCALHOST, port)
        chosen: Any = runner.addresses[0]
        guard.port = int(chosen[1])
        yield Playground(link=_link(guard, LOCALHOST), phone_link=_phone_link(guard))
    finally:
        await runner.cleanup()
        if is_ours:
            await discord.stop()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise PortError(port=port, detail=os.strerror(error.errno or 0)) from error


def page_application(discord: LoopbackDiscord, guard: Guard) -> web.Application:
    """Return the web application: the page, its API and socket, and the files of messages."""
    application = web.Application(middlewares=[guard.check])
    application[_GUARD] = guard
    application[live.SOCKETS] = set()
    application[actions.WORLD] = application[cdn.WORLD] = discord.world
    application.on_shutdown.append(live.close_all)
    application.add_routes([*actions.ROUTES, *live.ROUTES, *cdn.ROUTES])
    application.add_routes([web.post(f"{actions.API}/tickets", _new_ticket), web.get("/", _index)])
    for path in sorted(_FILES.iterdir()):
        application.router.add_get(f"/page/{path.name}", _file)
    return application


def _link(guard: Guard, host: str) -> str:
    query = {TICKET: guard.ticket()} if guard.is_open else {}
    return str(URL.build(scheme="http", host=host, port=guard.port, path="/", query=query))


def _phone_link(guard: Guard) -> str | None:
    address = own_address() if guard.is_open else None
    return None if address is None else _link(guard, address)


async def _new_ticket(request: web.Request) -> web.Response:
    link = _phone_link(request.app[_GUARD])
    if link is None:
        return actions.refused(409, "The playground is not open to other machines: start it with --lan.")
    return web.json_response({"link": link, "picture": qr_picture(link)})


async def _index(_: web.Request) -> web.StreamResponse:
    return _static("index.html")


async def _file(request: web.Request) -> web.StreamResponse:
    return _static(request.path.rpartition("/")[2])


def _static(name: str) -> web.StreamResponse:
    path = _FILES / name
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"Cache-Control": "no-cache", "Content-Type": kind}
    return web.FileResponse(path, headers=headers)
