"""A whole Discord on this machine, to start, fill with people, drive and watch: for tests, demo and page."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from bot.loopback.changes import Changes
from bot.loopback.client_settings import ClientOptions, client_options
from bot.loopback.clock import Clock
from bot.loopback.config import LoopbackConfig
from bot.loopback.faults import Faults
from bot.loopback.form import Json
from bot.loopback.gateway import Gateway
from bot.loopback.invocation import TIMEOUT_S
from bot.loopback.message_payloads import message_payload
from bot.loopback.models import Channel, Message, User
from bot.loopback.person import Person
from bot.loopback.rest.pipeline import Exchange
from bot.loopback.scenery import Scenery
from bot.loopback.server import LOCALHOST, LoopbackServer
from bot.loopback.world import World

Found = TypeVar("Found")


class LoopbackDiscord:
    """Discord, on this machine.

    Attributes:
        scenery: Adds people, servers and channels.
        server: What listens.
    """

    def __init__(self, config: LoopbackConfig | None = None, *, clock: Clock | None = None) -> None:
        self.server = LoopbackServer(config or LoopbackConfig(), clock or Clock())
        self.scenery = Scenery(self.world)

    @property
    def world(self) -> World:
        """Everything that is there."""
        return self.server.world

    @property
    def clock(self) -> Clock:
        """The time, which `advance` moves."""
        return self.world.clock

    @property
    def changes(self) -> Changes:
        """The stream of everything that happens."""
        return self.world.changes

    @property
    def gateway(self) -> Gateway:
        """The gateway, with its failure knobs."""
        return self.server.gateway

    @property
    def faults(self) -> Faults:
        """The failure knobs of API and CDN."""
        return self.server.faults

    @property
    def exchanges(self) -> deque[Exchange]:
        """What the bot asked, and was answered."""
        return self.server.exchanges

    @property
    def token(self) -> str:
        """What the bot logs in with."""
        return self.world.token

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.world.address

    @property
    def bot(self) -> User:
        """The bot's own user."""
        return self.world.users[self.world.bot_id]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(
        self, application: web.Application | None = None, *, host: str = LOCALHOST, port: int = 0
    ) -> str:
        """Listen; `application` is `server.application()` with more routes added to it."""
        return await self.server.start(application, host=host, port=port)

    async def stop(self) -> None:
        """End every connection, and listen no longer."""
        await self.server.stop()

    def client_options(self) -> ClientOptions:
        """Return what `discord.Client` takes to run here."""
        return client_options(self.address)

    def as_user(self, user: User) -> Person:
        """Return a user at their client."""
        return Person(self.world, user)

    def messages(self, channel: Channel, *, seen_by: User | None = None) -> list[Message]:
        """Return a channel's messages, oldest first: all of them, or those that a user sees."""
        if seen_by is not None:
            return self.as_user(seen_by).sees(channel)
        return list(self.world.messages.get(channel.id, {}).values())

    def payload(self, message: Message) -> Json:
        """Return a message as Discord writes it, links to its files included."""
        return message_payload(self.world, message)

    async def until(self, look: Callable[[], Found | None], *, timeout_s: float = TIMEOUT_S) -> Found:
        """Look now and after every change until there is something to see."""
        return await self.changes.until(look, timeout_s=timeout_s)

    async def connected(self, *, timeout_s: float = TIMEOUT_S) -> None:
        """Wait until the bot is logged in."""
        async with asyncio.timeout(timeout_s):
            await self.gateway.wait_connected()
