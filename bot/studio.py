"""The bot in a Discord on this machine: what the playground shows, and the demo drives."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.app import BotConfig, RunningBot, running_bot, until_over
from bot.loopback.client_settings import client_options
from bot.loopback.driver import LoopbackDiscord
from bot.playground.scene import Scene, furnish
from bot.playground.serve import Playground, playground
from bot.words import Words
from synid_engine.serving.link import EngineLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """A server with people in it, and the bot at work there."""

    discord: LoopbackDiscord
    scene: Scene
    running: RunningBot


@asynccontextmanager
async def bot_at_home(
    discord: LoopbackDiscord, scene: Scene, folder: Path, link: EngineLink, words: Words
) -> AsyncGenerator[Studio]:
    """Let the bot work in a loopback Discord that listens, as it would in the real one.

    Raises:
        CoordinatorRunningError: Another process serves the folder.
        StoreError: It cannot be read or written.
    """
    connector = client_options(discord.address)["connector"]
    async with running_bot(
        discord.token, folder, link, words=words, config=BotConfig(), connector=connector
    ) as running:
        await discord.connected()
        yield Studio(discord=discord, scene=scene, running=running)


@asynccontextmanager
async def open_studio(folder: Path, link: EngineLink, *, words: Words) -> AsyncGenerator[Studio]:
    """Start a loopback Discord with the bot in it, on ports that the system chooses; errors as there."""
    discord = LoopbackDiscord()
    scene = furnish(discord)
    async with discord, bot_at_home(discord, scene, folder, link, words) as studio:
        yield studio


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWish:
    """How the playground's page is opened.

    Attributes:
        port: 0 for one that the system chooses.
        lan: Whether other machines of the network may come in, each with a ticket.
        opened: Called when the page can be used.
    """

    port: int
    lan: bool
    opened: Callable[[Playground], None]


async def serve_playground(folder: Path, link: EngineLink, wish: PageWish, *, words: Words) -> None:
    """Show the bot in a browser until a signal, or a call, drains it.

    Raises:
        PortError: The page cannot have that port.
        CoordinatorRunningError: Another process serves the folder.
        StoreError: It cannot be read or written.
        JobCancelledError: A second signal ended it before everything was handed back.
    """
    log = logging.getLogger(__name__)
    discord = LoopbackDiscord()
    scene = furnish(discord)
    async with (
        playground(discord, port=wish.port, lan=wish.lan) as page,
        bot_at_home(discord, scene, folder, link, words) as studio,
    ):
        await asyncio.to_thread(wish.opened, page)
        await until_over(studio.running, log)
