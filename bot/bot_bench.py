"""`synid bench bot`: the whole bot in a loopback Discord, with its real engine, under load.

The bot, its client and the loopback share this process and its one core; Discord itself would be elsewhere.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.bot_load import Answered, Street, crowd, errands, street
from bot.loopback.invocation import Invocation
from bot.loopback.models import Message
from bot.peak_memory import PeakMemory
from bot.serve import engine_of
from bot.words import words_of
from storage.data_folder import DataFolder
from synid_engine.errors import CapacityError
from synid_engine.evaluation.figures import BenchReport, Figure, percentile
from synid_engine.evaluation.progress import BenchOptions, Ticker

_DEADLINE_MS = 3000.0
_MOST_MS, _MOST_MIB = 500, 300
_MIB = 2**20
_LONGEST_S = 600.0
_POLL_S = 0.1
_MOST_STARTS = 3
_DRAWING = {"character": "Nova", "prompt": "smiling, on a beach"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BotBenchConfig:
    """How much is asked.

    Attributes:
        interactions: How many, within `within_s` seconds.
        people: By whom.
        pictures: Requests one after the other, from the command to the finished card.
    """

    interactions: int = 1000
    within_s: float = 60.0
    people: int = 50
    pictures: int = 5


QUICK = BotBenchConfig(pictures=2)


def bench_bot(options: BenchOptions, *, config: BotBenchConfig | None = None) -> BenchReport:
    """Measure the bot.

    Args:
        options: How to run.
        config: How much to ask; None decides by `options.quick`.

    Raises:
        CapacityError: The engine process cannot be kept running, or does not finish.
    """
    chosen = config or (QUICK if options.quick else BotBenchConfig())
    with tempfile.TemporaryDirectory(prefix="synid-bench-") as folder:
        figures = asyncio.run(_measure(options, chosen, Path(folder)))
    return BenchReport(name="bot", figures=figures, quick=options.quick)


async def _measure(options: BenchOptions, config: BotBenchConfig, folder: Path) -> tuple[Figure, ...]:
    link = engine_of(DataFolder(folder), model=options.models)
    ticker = Ticker("bot", total=config.pictures + 3, on_progress=options.on_progress)
    async with street(folder, link, words=words_of(options.models), people=config.people) as place:
        while not (health := await place.bot.opened.coordinator.health()).is_ready:
            if health.generation > _MOST_STARTS:
                raise CapacityError(str(folder / "engine.log"))
            await asyncio.sleep(_POLL_S)
        ticker.step("the engine is ready")
        made_s = await _created_s(place)
        ticker.step("a character is made")
        drawn: list[float] = []
        card: Message | None = None
        for _ in range(config.pictures):
            card, taken_s = await _drawn(place)
            drawn.append(taken_s)
            ticker.step("a picture is drawn")
        assert card is not None  # noqa: S101 - at least one is drawn
        asks = errands(place, card, count=config.interactions)
        answered = await crowd(asks, within_s=config.within_s)
        ticker.step("everybody is answered")
    return (
        *load_figures(answered, within_s=config.within_s),
        Figure(name="a picture, from the command to the card, fastest", value=min(drawn), unit="s"),
        Figure(name="  slowest", value=max(drawn), unit="s"),
        Figure(name="a character, from the command to the card", value=made_s, unit="s"),
        Figure(
            name="peak memory of the bot with its loopback",
            value=PeakMemory.measured().own / _MIB,
            unit="MiB",
            target=_MOST_MIB,
            bound="most",
        ),
    )


async def _created_s(place: Street) -> float:
    options = {"name": "Nova", "description": "a young woman with red hair", "pick": "auto"}
    _, taken_s = await finished(place.people[0].slash(place.channel, "character create", options))
    return taken_s


async def _drawn(place: Street) -> tuple[Message, float]:
    return await finished(place.people[0].slash(place.channel, "imagine", _DRAWING))


async def finished(asked: Invocation) -> tuple[Message, float]:
    """Wait for a card with pictures that nothing will change any more."""
    began = time.perf_counter()

    def look() -> Message | None:
        message = asked.message
        return message if message is not None and _is_over(message) else None

    try:
        return await asked.until(look, timeout_s=_LONGEST_S), time.perf_counter() - began
    except TimeoutError as error:
        raise CapacityError from error


def _is_over(message: Message) -> bool:
    return any(one.filename.startswith("job-") for one in message.attachments)


def load_figures(answered: Sequence[Answered], *, within_s: float) -> tuple[Figure, ...]:
    """Return how fast everybody was answered, and how many were not."""
    first = [one.acknowledged_ms for one in answered if one.acknowledged_ms is not None]
    whole = [one.answered_ms for one in answered if one.answered_ms is not None]
    lost = len(answered) - len(first)
    late = sum(one > _DEADLINE_MS for one in first)
    told = f"{len(answered)} interactions in {within_s:g} s"
    kinds = dict.fromkeys(one.kind for one in answered)
    return (
        Figure(name=f"{told}: not acknowledged within 3 s", value=lost + late, target=0, bound="most"),
        Figure(name="  acknowledged, never answered", value=len(first) - len(whole), target=0, bound="most"),
        Figure(
            name="acknowledged, p99",
            value=percentile(first, 99) if first else float("nan"),
            unit="ms",
            target=_MOST_MS,
            bound="most",
        ),
        Figure(name="  median", value=percentile(first, 50) if first else float("nan"), unit="ms"),
        Figure(name="answered, p99", value=percentile(whole, 99) if whole else float("nan"), unit="ms"),
        *(_of_kind(kind, answered) for kind in kinds),
    )


def _of_kind(kind: str, answered: Sequence[Answered]) -> Figure:
    taken = [one.acknowledged_ms for one in answered if one.kind == kind and one.acknowledged_ms is not None]
    value = percentile(taken, 99) if taken else float("nan")
    return Figure(name=f"  {kind}, acknowledged, p99", value=value, unit="ms")
