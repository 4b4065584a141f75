"""What every request to the API goes through: faults, limits, login, reading, doing, answering."""

import json
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.loopback.faults import Fault, Faults, Kind
from bot.loopback.form import Json
from bot.loopback.rate_limits import Limited, RateLimits
from bot.loopback.refusals import RefusalError, not_modelled, refusal
from bot.loopback.rest import channels, commands, guilds, interactions, messages, users
from bot.loopback.rest.call import Call, Route, read_call
from bot.loopback.rest.known_paths import methods_of
from bot.loopback.world import World

PREFIX = "/api/v10"
ROUTES: tuple[Route, ...] = (
    *users.ROUTES,
    *guilds.ROUTES,
    *channels.ROUTES,
    *messages.ROUTES,
    *commands.ROUTES,
    *interactions.ROUTES,
)
_REMEMBERED = 10_000
_JSON = {"Content-Type": "application/json"}  # with a charset, discord.py takes the body for text


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its answer, kept for tests.

    Attributes:
        route: The path as a template.
        files: Sizes in bytes of what was uploaded.
    """

    method: str
    path: str
    route: str
    status: int
    body: Any = None
    files: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class Pipeline:
    """The API.

    Attributes:
        exchanges: What was asked and answered, oldest first.
    """

    world: World
    faults: Faults
    limits: RateLimits
    exchanges: deque[Exchange] = field(default_factory=lambda: deque[Exchange](maxlen=_REMEMBERED))

    def routes(self) -> list[web.RouteDef]:
        """Return every route, and last what catches the rest."""
        known = [web.route(one.method, PREFIX + one.path, self._handler(one)) for one in ROUTES]
        return [*known, web.route("*", "/api/{tail:.*}", self._handler(None))]

    def _handler(self, route: Route | None) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            fault = self.faults.take(request.method, request.path.removeprefix(PREFIX))
            if fault is not None:
                early = await self._before(request, fault)
                if early is not None:
                    return early
            response = await self._serve(request, route)
            return response if fault is None else self._after(request, fault, response)

        return handle

    async def _before(self, request: web.Request, fault: Fault) -> web.Response | None:
        if fault.kind is Kind.SLOW:
            await self.world.clock.sleep(fault.seconds)
            return None
        if fault.kind is Kind.LOSE_REQUEST:
            return cut(request)
        if fault.kind is Kind.RATE_LIMIT:
            scope = "global" if fault.is_global else "shared"
            return _limited(Limited(retry_after=fault.seconds, scope=scope), {})
        return _broken(fault.status) if fault.kind is Kind.ANSWER else None

    @staticmethod
    def _after(request: web.Request, fault: Fault, response: web.Response) -> web.Response:
        if fault.kind is Kind.LOSE_REPLY:
            return cut(request)
        return _broken(fault.status) if fault.kind is Kind.ANSWER_AFTER else response

    async def _serve(self, request: web.Request, route: Route | None) -> web.Response:
        if self.limits.is_banned():
            return web.Response(status=429, text="error code: 1015")
        limited, headers = self._count(request, route)
        call: Call | None = None
        if limited is not None:
            response = _limited(limited, headers)
        else:
            try:
                self._log_in(request, route)
                call = await read_call(self.world, request)
                response = _answer(call, request, route)
            except RefusalError as refused:
                response = web.Response(status=refused.status, body=_pack(refused.body()), headers=_JSON)
            response.headers.update(headers)
        self.limits.note_answer(response.status)
        self._remember(request, route, call, response.status)
        return response

    def _count(self, request: web.Request, route: Route | None) -> tuple[Limited | None, dict[str, str]]:
        if route is None or not route.limited:
            return None, {}
        name, place = route.bucket_name, route.place(request.match_info)
        limited = self.limits.count(name, place, counts_globally=route.counts_globally)
        return limited, self.limits.headers(name, place)

    def _log_in(self, request: web.Request, route: Route | None) -> None:
        wanted = f"Bot {self.world.token}"
        given = request.headers.get("Authorization")
        needed = route is None or route.needs_token
        if given != wanted and (needed or given is not None):
            raise refusal("unauthorized")

    def _remember(self, request: web.Request, route: Route | None, call: Call | None, status: int) -> None:
        self.exchanges.append(
            Exchange(
                method=request.method,
                path=request.path.removeprefix(PREFIX),
                route=route.path if route else "",
                status=status,
                body=call.body if call else None,
                files=tuple(len(upload.data) for upload in call.uploads) if call else (),
            )
        )


def _answer(call: Call, request: web.Request, route: Route | None) -> web.Response:
    if route is None:
        raise _stranger(request)
    told = route.handle(call)
    if told is None:
        return web.Response(status=204)
    return web.Response(status=200, body=_pack(told), headers=_JSON)


def _stranger(request: web.Request) -> RefusalError:
    version = re.match(r"/api/v(\d+)/", request.path)
    if version and f"/api/v{version[1]}" != PREFIX:
        return refusal("invalid api version")
    path = request.path.removeprefix(PREFIX)
    methods = methods_of(path)
    if request.method in methods:
        return not_modelled(f"{request.method} {path}")
    return refusal("method not allowed" if methods else "not found")


def _pack(told: Json | list[Json]) -> bytes:
    return json.dumps(told).encode()


def _limited(limited: Limited, headers: dict[str, str]) -> web.Response:
    return web.Response(status=429, body=_pack(limited.body()), headers=_JSON | headers | limited.headers())


def _broken(status: int) -> web.Response:
    told: Json = {"message": f"{status}: the loopback was told to fail", "code": 0}
    if status == refusal("too large").status:
        told = refusal("too large").body()
    return web.Response(status=status, body=_pack(told), headers=_JSON)


def cut(request: web.Request) -> web.Response:
    """Cut the line: what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
