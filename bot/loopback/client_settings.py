"""Point one discord.py client, and no other, at a loopback Discord.

discord.py takes no address, but it takes the connector of its only HTTP session, which carries REST, gateway,
webhooks and CDN. This connector sends what is meant for Discord's hosts to the loopback, and refuses every
other host: the client's token cannot leave the machine. The library and its class attributes stay as they
are, so a client of the real Discord can run beside it.
"""

from typing import TYPE_CHECKING, TypedDict

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_PATHS = {
    "discord.com": "",
    "gateway.discord.gg": "/gateway",
    "cdn.discordapp.com": "",
    "media.discordapp.net": "",
}
_PLAIN = {"https": "http", "wss": "ws", "http": "http", "ws": "ws"}


class ForeignHostError(aiohttp.ClientConnectionError):
    """The client wanted to reach a host that is neither Discord's nor the loopback."""

    def __init__(self, host: str | None) -> None:
        super().__init__(f"the loopback client may not reach {host}")
        self.host = host


class LoopbackConnector(aiohttp.TCPConnector):
    """Connections to a loopback Discord, whatever the client asks for."""

    def __init__(self, address: str) -> None:
        super().__init__(limit=0)  # pyright: ignore[reportUnknownMemberType] - aiohttp's own annotation
        self._address = URL(address)

    def redirected(self, url: URL) -> URL:
        """Return where a request goes instead.

        Raises:
            ForeignHostError: It is meant for another host.
        """
        if (url.host, url.port) == (self._address.host, self._address.port):
            return url
        folder = _PATHS.get(url.host or "")
        if folder is None:
            raise ForeignHostError(url.host)
        moved = url.with_scheme(_PLAIN[url.scheme]).with_host(self._address.host or "")
        moved = moved.with_port(self._address.port)
        return moved.with_path(folder + url.path, keep_query=True) if folder else moved

    async def connect(
        self, req: "ClientRequest", traces: "list[Trace]", timeout: "ClientTimeout"
    ) -> "Connection":
        """Open the connection that a request gets; its address is changed before that."""
        req.url = self.redirected(req.url)
        return await super().connect(req, traces, timeout)


class ClientOptions(TypedDict):
    """Arguments for `discord.Client`."""

    connector: aiohttp.BaseConnector


def client_options(address: str) -> ClientOptions:
    """Return what `discord.Client` takes to run against a loopback Discord.

    Args:
        address: As `http://127.0.0.1:PORT`.

    Returns:
        Arguments to spread into the constructor, made anew for each client, which closes the connector. To be
        called inside a running event loop.
    """
    return {"connector": LoopbackConnector(address)}
