from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.models import Channel, User
from bot.playground.scene import Scene, furnish
from bot.playground.serve import playground


@dataclass
class Visitor:
    """A browser without a screen, which may be anybody."""

    link: str
    session: aiohttp.ClientSession
    scene: Scene

    @property
    def origin(self) -> str:
        return self.link.rstrip("/")

    def path(self, user: User, rest: str) -> str:
        return f"{self.origin}/playground/api/as/{user.id}/{rest}"

    async def look(self, user: User, rest: str) -> tuple[int, Any]:
        async with self.session.get(self.path(user, rest)) as answer:
            return answer.status, await answer.json()

    async def act(
        self, user: User, rest: str, body: object = None, *, files: dict[str, bytes] | None = None
    ) -> tuple[int, Any]:
        headers = {"Origin": self.origin}
        if files is None:
            posted = self.session.post(self.path(user, rest), json=body or {}, headers=headers)
        else:
            form = aiohttp.FormData()
            form.add_field("payload_json", aiohttp.JsonPayload(body or {}), content_type="application/json")
            for key, (name, data) in enumerate(files.items()):
                form.add_field(f"files[{key}]", data, filename=name)
            posted = self.session.post(self.path(user, rest), data=form, headers=headers)
        async with posted as answer:
            return answer.status, await answer.json()

    async def remove(self, user: User, rest: str) -> int:
        async with self.session.delete(self.path(user, rest), headers={"Origin": self.origin}) as answer:
            return answer.status

    async def listen(self, user: User) -> aiohttp.ClientWebSocketResponse:
        socket = await self.session.ws_connect(self.path(user, "live"), origin=self.origin)
        assert await socket.receive_json(timeout=20) == {"event": "hello"}
        return socket

    async def messages(self, user: User, channel: Channel) -> list[Any]:
        _, told = await self.look(user, f"channels/{channel.id}/messages")
        return told["messages"]


@pytest.fixture
def discord() -> LoopbackDiscord:
    return LoopbackDiscord()


@pytest.fixture
def scene(discord: LoopbackDiscord) -> Scene:
    return furnish(discord)


@pytest.fixture
async def visitor(discord: LoopbackDiscord, scene: Scene) -> AsyncGenerator[Visitor]:
    async with playground(discord) as shown, aiohttp.ClientSession() as session:
        yield Visitor(shown.link, session, scene)
