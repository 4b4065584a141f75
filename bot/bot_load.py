"""A Discord full of people who all want something at once, and when each of them was answered."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.app import BotConfig, RunningBot, running_bot
from bot.loopback.client_settings import LoopbackConnector
from bot.loopback.config import LoopbackConfig
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.invocation import DidNotRespondError, Invocation
from bot.loopback.message_rules import LOADING
from bot.loopback.models import Channel, Message
from bot.loopback.person import Person
from bot.words import Words
from synid_engine.serving.link import EngineLink

_PATIENCE_S = 60.0

Ask = tuple[str, Callable[[], Invocation]]
"""What kind of interaction it is, and how it is begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One interaction; times in milliseconds.

    Attributes:
        kind: What it was.
        acknowledged_ms: Until the first answer; None if it came too late, or never.
        answered_ms: Until there was something to read or to choose; None if there never was.
    """

    kind: str
    acknowledged_ms: float | None
    answered_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """A server with a channel and people in it, and the bot at work."""

    loopback: LoopbackDiscord
    channel: Channel
    people: Sequence[Person]
    bot: RunningBot


@asynccontextmanager
async def street(
    folder: Path,
    link: EngineLink,
    *,
    words: Words,
    people: int,
    config: BotConfig | None = None,
    rules: LoopbackConfig | None = None,
) -> AsyncGenerator[Street]:
    """Furnish a loopback Discord by Discord's own rules, rate limits included, and let the bot in."""
    async with LoopbackDiscord(rules or LoopbackConfig()) as loopback:
        scenery = loopback.scenery
        guild = scenery.add_guild("Street")
        users = [scenery.add_user(f"person {number}") for number in range(people)]
        scenery.join(guild, *users)
        channel = scenery.add_channel(guild, "general")
        async with running_bot(
            loopback.token,
            folder,
            link,
            words=words,
            config=config,
            connector=LoopbackConnector(loopback.address),
        ) as bot:
            await bot.client.wait_until_ready()
            yield Street(
                loopback=loopback,
                channel=channel,
                people=[loopback.as_user(user) for user in users],
                bot=bot,
            )


async def timed(kind: str, ask: Callable[[], Invocation]) -> Answered:
    """Do something, and return when it was answered."""
    began = time.perf_counter()

    def since() -> float:
        return 1000 * (time.perf_counter() - began)

    try:
        asked = ask()
        await asked.acknowledged(timeout_s=_PATIENCE_S)
        acknowledged_ms = since()
    except (DidNotRespondError, TimeoutError):
        return Answered(kind=kind, acknowledged_ms=None, answered_ms=None)
    try:
        await asked.until(lambda: is_answered(asked), timeout_s=_PATIENCE_S)
    except TimeoutError:
        return Answered(kind=kind, acknowledged_ms=acknowledged_ms, answered_ms=None)
    return Answered(kind=kind, acknowledged_ms=acknowledged_ms, answered_ms=since())


def is_answered(asked: Invocation) -> bool:
    """Tell whether there is something to read, to choose or to fill in."""
    interaction = asked.interaction
    if interaction.choices is not None or interaction.modal is not None or asked.follow_ups:
        return True
    return asked.message is not None and not asked.message.flags & LOADING


async def crowd(asks: Sequence[Ask], *, within_s: float) -> list[Answered]:
    """Let many things be asked, evenly over a time, and wait for all answers."""
    began = asyncio.get_running_loop().time()

    async def one(number: int, kind: str, ask: Callable[[], Invocation]) -> Answered:
        await asyncio.sleep(began + within_s * number / len(asks) - asyncio.get_running_loop().time())
        return await timed(kind, ask)

    return list(await asyncio.gather(*(one(number, kind, ask) for number, (kind, ask) in enumerate(asks))))


def errands(place: Street, card: Message, *, count: int) -> list[Ask]:
    """Return things to ask, of every kind that needs no engine, by everybody in turn."""
    channel = place.channel

    def of(person: Person) -> list[Ask]:
        return [
            ("autocomplete", lambda: person.autocomplete(channel, "imagine", "character", "N")),
            ("command", lambda: person.slash(channel, "character list")),
            ("command", lambda: person.slash(channel, "queue")),
            ("button", lambda: person.click(card, label="Details")),
            ("autocomplete", lambda: person.autocomplete(channel, "character show", "name", "n")),
            ("command", lambda: person.slash(channel, "help")),
            ("form", lambda: person.click(card, label="Edit prompt")),
            ("command", lambda: person.slash(channel, "recent")),
            ("refusal", lambda: person.slash(channel, "imagine", {"character": "Nobody", "prompt": "x y"})),
            ("menu", lambda: person.menu(channel, "Details of this picture", card)),
        ]

    every = [of(person) for person in place.people]
    turns = [divmod(number, len(every)) for number in range(count)]
    return [every[who][turn % len(every[who])] for turn, who in turns]
