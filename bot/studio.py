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


@dataclass(frozen=True, slots=True, kw_only=True)
class BotWish:
    """What the bot is told; see `running_bot`."""

    words: Words
    config: BotConfig


@asynccontextmanager
async def bot_at_home(
    discord: LoopbackDiscord, scene: Scene, folder: Path, link: EngineLink, bot: BotWish
) -> AsyncGenerator[Studio]:
    """Let the bot work in a loopback Discord that listens, as it would in the real one.

    Raises:
        CoordinatorRunningError: Another process serves the folder.
        StoreError: It cannot be read or written.
    """
    connector = client_options(discord.address)["connector"]
    async with running_bot(
        discord.token, folder, link, words=bot.words, config=bot.config, connector=connector
    ) as running:
        await discord.connected()
        yield Studio(discord=discord, scene=scene, running=running)


@asynccontextmanager
async def open_studio(folder: Path, link: EngineLink, bot: BotWish) -> AsyncGenerator[Studio]:
    """Start a loopback Discord with the bot in it, on ports that the system chooses; errors as there."""
    discord = LoopbackDiscord()
    scene = furnish(discord)
    async with discord, bot_at_home(discord, scene, folder, link, bot) as studio:
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


async def serve_playground(folder: Path, link: EngineLink, bot: BotWish, *, page: PageWish) -> None:
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
        playground(discord, port=page.port, lan=page.lan) as opened,
        bot_at_home(discord, scene, folder, link, bot) as studio,
    ):
        await asyncio.to_thread(page.opened, opened)
        await until_over(studio.running, log)
