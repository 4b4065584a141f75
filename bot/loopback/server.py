"""The web server of a loopback Discord: API, gateway and CDN on one port of this machine."""

from typing import Any

from aiohttp import web

from bot.loopback import cdn
from bot.loopback.clock import Clock
from bot.loopback.config import LoopbackConfig
from bot.loopback.faults import Faults, Kind
from bot.loopback.gateway import Gateway
from bot.loopback.rate_limits import RateLimits
from bot.loopback.rest.pipeline import Pipeline, cut
from bot.loopback.world import World

LOCALHOST = "127.0.0.1"
_LARGEST_BODY = 1 << 30


class LoopbackServer:
    """Everything that runs, and the state that it serves.

    Attributes:
        world: The state.
        gateway: The gateway and its failure knobs.
        faults: The failure knobs of API and CDN.
        exchanges: What was asked of the API, and answered.
    """

    def __init__(self, config: LoopbackConfig, clock: Clock) -> None:
        self.world = World(config=config, clock=clock)
        self.gateway = Gateway(self.world)
        self.faults = Faults()
        self._pipeline = Pipeline(world=self.world, faults=self.faults, limits=RateLimits(config, clock))
        self.exchanges = self._pipeline.exchanges
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """Return the web application; pages can be added to it before it starts."""
        application = web.Application(client_max_size=_LARGEST_BODY, middlewares=[self._cdn_faults])
        application[cdn.WORLD] = self.world
        application.add_routes(self._pipeline.routes())
        application.add_routes(
            [web.get("/gateway/", self.gateway.serve), web.get("/gateway", self.gateway.serve)]
        )
        application.add_routes(cdn.ROUTES)
        return application

    async def start(
        self, application: web.Application | None = None, *, host: str = LOCALHOST, port: int = 0
    ) -> str:
        """Listen.

        Args:
            application: What `application()` returned, with more added; None for nothing more.
            host: Where to listen; only this machine unless told otherwise.
            port: 0 for one that the system chooses.

        Returns:
            The address, as `http://127.0.0.1:PORT`.
        """
        self._runner = web.AppRunner(application or self.application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        chosen: Any = self._runner.addresses[0]
        self.world.address = f"http://{LOCALHOST}:{chosen[1]}"
        return self.world.address

    async def stop(self) -> None:
        """End every socket, and listen no longer."""
        self.world.clock.cancel_all()
        await self.gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _cdn_faults(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401
        path = request.path
        if path.startswith(("/api/", "/gateway")):
            return await handler(request)
        fault = self.faults.take(request.method, path)
        if fault is None:
            return await handler(request)
        if fault.kind in {Kind.LOSE_REQUEST, Kind.LOSE_REPLY}:
            return cut(request)
        if fault.kind is Kind.SLOW:
            await self.world.clock.sleep(fault.seconds)
            return await handler(request)
        return web.Response(status=fault.status, text="the loopback was told to fail")
