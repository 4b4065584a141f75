"""`synid bot`: the coordinator, its engine and the Discord client in one process, until it is drained."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import discord

from bot.chat_errors import RejectedTokenError
from bot.client import BotClient
from bot.control.server import ControlServer
from bot.coordinator.opening import Opened, open_coordinator
from bot.coordinator.parts import CoordinatorConfig
from bot.delivery import ChatDelivery
from bot.features.about import AboutCog
from bot.features.character import CharacterCog, CharacterHandlers
from bot.features.imagine import ImagineCog
from bot.features.picture import PictureHandlers, PictureMenus
from bot.features.privacy import PrivacyCog
from bot.features.queue import QueueCog
from bot.features.roster import RosterCog
from bot.features.settings import SettingsCog
from bot.live_cards import LiveCards
from bot.moderation import PictureRule
from bot.policy import PromptPolicy, WordPolicy, read_lists
from bot.posting import Posting
from bot.serve import until_drained
from bot.service.service import Service, open_service
from bot.settings import Settings
from bot.translator import CommandTranslator
from bot.words import Words
from storage.clock import Clock, wall_clock
from storage.files import write_whole
from synid_engine.serving.link import EngineLink

_LOG = logging.getLogger(__name__)
_COMMANDS_FILE = "commands.sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotConfig:
    """How the bot behaves.

    Attributes:
        coordinator: Limits and times of the queue; a portrait is picked within a minute.
        edit_every_s: Least seconds between two edits of a card.
        policy: Which prompts are drawn; the words that the project lists if None.
        rule: Which pictures are shown.
    """

    coordinator: CoordinatorConfig = field(default_factory=lambda: CoordinatorConfig(answer_within_s=60.0))
    edit_every_s: float = 3.0
    policy: PromptPolicy | None = None
    rule: PictureRule = field(default_factory=PictureRule)


def config_of(settings: Settings) -> BotConfig:
    """Return how the bot behaves where the environment wishes something.

    Raises:
        InvalidSettingError: The lists of words cannot be read.
    """
    return BotConfig(
        policy=WordPolicy(lists=read_lists(settings.policy)),
        rule=PictureRule(threshold=settings.nsfw_threshold),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningBot:
    """A bot at work."""

    client: BotClient
    opened: Opened
    service: Service
    cards: LiveCards
    connection: asyncio.Task[None]


@asynccontextmanager
async def running_bot(
    token: str,
    folder: Path,
    link: EngineLink,
    *,
    words: Words,
    config: BotConfig | None = None,
    connector: aiohttp.BaseConnector | None = None,
    clock: Clock = wall_clock,
) -> AsyncGenerator[RunningBot]:
    """Serve a data folder to Discord while the block lasts.

    Args:
        token: What the bot logs in with.
        folder: The data folder.
        link: To the engine, not started yet.
        words: What the base model knows.
        config: Limits and times.
        connector: Another way to Discord than the internet.
        clock: Tells the time.

    Raises:
        RejectedTokenError: Discord does not know the token.
        CoordinatorRunningError: Another process serves the folder.
        StoreError: It cannot be read or written.
    """
    chosen = config or BotConfig()
    client = BotClient(connector=connector)
    posting = Posting(client)
    delivery = ChatDelivery(posting, clock=clock)
    async with client:
        await _log_in(client, token)
        async with open_coordinator(
            folder,
            link,
            config=chosen.coordinator,
            delivery=delivery,
            repertoire=words.repertoire,
            clock=clock,
        ) as opened:
            service = open_service(opened, folder, words=words, policy=chosen.policy, rule=chosen.rule)
            cards = LiveCards(service, posting, every_s=chosen.edit_every_s, clock=clock)
            await client.tree.set_translator(CommandTranslator())
            await _furnish(client, service, cards)
            await _sync(client, folder)
            delivery.bind(service, cards)
            await cards.resume()
            connection = asyncio.create_task(client.connect(reconnect=True))
            try:
                yield RunningBot(
                    client=client, opened=opened, service=service, cards=cards, connection=connection
                )
            finally:
                await cards.close()
                await client.close()
                connection.cancel()
                await asyncio.gather(connection, return_exceptions=True)


async def _log_in(client: BotClient, token: str) -> None:
    try:
        await client.login(token)
    except discord.LoginFailure as error:
        raise RejectedTokenError from error


async def _furnish(client: BotClient, service: Service, cards: LiveCards) -> None:
    """Give the client its features."""
    follow = cards.follow
    roster, privacy = RosterCog(service), PrivacyCog(service)
    for cog in (
        ImagineCog(service, follow),
        CharacterCog(service, follow),
        roster,
        privacy,
        QueueCog(service),
        SettingsCog(service),
        AboutCog(service, client),
    ):
        await client.add_cog(cog)
    for menu in PictureMenus(service, follow).menus():
        client.tree.add_command(menu)
    pictures, characters = PictureHandlers(service, follow), CharacterHandlers(service, follow)
    client.presses.update(pictures.presses() | characters.presses() | roster.presses() | privacy.presses())
    client.forms.update(pictures.forms() | characters.forms())


async def _sync(client: BotClient, folder: Path) -> None:
    """Tell Discord the commands, if they are not those that it was told last."""
    path, digest = folder / _COMMANDS_FILE, client.command_digest()
    known = await asyncio.to_thread(lambda: path.read_text() if path.exists() else "")
    if known != digest:
        await client.tree.sync()
        await asyncio.to_thread(write_whole, path, digest.encode())
        _LOG.info("told Discord the commands")


async def serve_discord(
    token: str, folder: Path, link: EngineLink, *, words: Words, log: logging.Logger, config: BotConfig
) -> None:
    """Serve a data folder to Discord, and to other processes of this user, until it is drained.

    Raises:
        JobCancelledError: A second signal ended it before everything was handed back.
    """
    async with running_bot(token, folder, link, words=words, config=config) as running:
        control = ControlServer(running.opened.coordinator, running.opened.desk)
        async with control.listening(folder):
            log.info("serving %s to Discord", folder)
            await until_over(running, log)
        log.info("everything is handed back")


async def until_over(running: RunningBot, log: logging.Logger) -> None:
    """Wait until a signal, or a call, has drained the bot's coordinator, or Discord has ended it.

    Raises:
        JobCancelledError: A second signal ended it before everything was handed back.
    """
    drained = asyncio.create_task(until_drained(running.opened, log))
    try:
        await asyncio.wait({drained, running.connection}, return_when=asyncio.FIRST_COMPLETED)
        await (drained if drained.done() else running.connection)
    finally:
        drained.cancel()
        await asyncio.gather(drained, return_exceptions=True)
