"""Draw how long people wait, and how full batches are, over minutes of mixed load on a served queue.

    python benchmarks/serving_load.py                          five minutes, docs/serving-load.png
    python benchmarks/serving_load.py --seconds 30 --out x.png

Pictures are asked for at random moments by eight owners, at about seven tenths of what the engine can draw; a
character is begun every minute; and at two fifths of the time one owner asks for twelve pictures at once.
"""

import argparse
import asyncio
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.serving_load import Errand, Load, served
from synid_engine.serving.messages import CreateWork, RenderWork

OWNERS, RUSH, RUSH_AT, LOAD_SHARE, CREATION_EVERY_S = 8, 12, 0.4, 0.7, 60.0
SAMPLE_S = 0.5
WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP, BOTTOM = 1200, 900, 80, 30, 80, 70, 50
PANELS = 3
INK, FAINT, LIGHT, HEAVY, MAKER = "#22262b", "#d9dde2", "#2f7dc1", "#d9822b", "#5a9e4b"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The engine at one moment: jobs that wait, creations at work, and the share of the batch in use."""

    at_s: float
    queued: int
    occupancy: float


@dataclass(frozen=True, kw_only=True)
class Story:
    """What happened; times count from the beginning."""

    began_at: float
    seconds: float
    pictures: Sequence[Errand]
    rush: Sequence[Errand]
    creations: Sequence[Errand]
    samples: Sequence[Sample]


async def tell(seconds: float, models: Path | None, recipe: Path | None, folder: Path) -> Story:
    """Put the load on, and watch."""
    rng = random.Random(9)  # noqa: S311  (moments, and no secret)
    async with served(folder, models, recipe=recipe) as opened:
        load = Load(opened)
        for number in range(4):
            await load.ask(0, work(number))
            await load.all_done()
        rate = LOAD_SHARE / statistics.median(one.taken_s for one in load.errands[1:])
        began = time.perf_counter()
        samples: list[Sample] = []
        watching = asyncio.create_task(watch(load, began, samples))
        pictures, rush, creations = await ask(load, seconds, rate, rng)
        await load.all_done()
        watching.cancel()
        ended = time.perf_counter()
    return Story(
        began_at=began,
        seconds=ended - began,
        pictures=pictures,
        rush=rush,
        creations=creations,
        samples=samples,
    )


async def ask(
    load: Load, seconds: float, rate: float, rng: random.Random
) -> tuple[list[Errand], list[Errand], list[Errand]]:
    """Ask for everything at its moment."""
    moments: list[tuple[float, str]] = [(RUSH_AT * seconds, "rush")]
    moments += [(at * CREATION_EVERY_S, "creation") for at in range(int(seconds // CREATION_EVERY_S) + 1)]
    at = 0.0
    while (at := at + rng.expovariate(rate)) < seconds:
        moments.append((at, "picture"))
    pictures: list[Errand] = []
    rush: list[Errand] = []
    creations: list[Errand] = []
    began = time.perf_counter()
    for number, (moment, kind) in enumerate(sorted(moments)):
        await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
        if kind == "picture":
            pictures.append(await load.ask(1 + rng.randrange(OWNERS), work(number)))
        elif kind == "rush":
            rush += [await load.ask(50, work(1000 + one)) for one in range(RUSH)]
        else:
            creations.append(await load.character(70 + len(creations), f"Nova {number}"))
    return pictures, rush, creations


async def watch(load: Load, began: float, samples: list[Sample]) -> None:
    """Look at the queue and the engine again and again."""
    while True:
        health = await load.opened.coordinator.health()
        occupancy = health.engine.occupancy if health.engine is not None and health.in_engine else 0.0
        samples.append(Sample(at_s=time.perf_counter() - began, queued=health.queued, occupancy=occupancy))
        await asyncio.sleep(SAMPLE_S)


def work(seed: int) -> RenderWork | CreateWork:
    """Return an order for one picture."""
    return RenderWork(prompt="a man, smiling", seed=seed)


class Panel:
    """One of the charts: from seconds and a value to pixels."""

    def __init__(
        self, drawing: ImageDraw.ImageDraw, place: tuple[int, int], *, seconds: float, most: float
    ) -> None:
        self.drawing, (self.top, self.bottom) = drawing, place
        self.seconds, self.most = seconds, most

    def point(self, at_s: float, value: float) -> tuple[float, float]:
        """Return where a value lies."""
        across = LEFT + (WIDTH - LEFT - RIGHT) * at_s / self.seconds
        return across, self.bottom - (self.bottom - self.top) * min(value, self.most) / self.most

    def frame(self, title: str, *, unit: str, small: ImageFont.ImageFont) -> None:
        """Draw the axes with four lines across, and a mark for each sixth of the time."""
        for quarter in range(5):
            value = self.most * quarter / 4
            _, height = self.point(0, value)
            self.drawing.line([(LEFT, height), (WIDTH - RIGHT, height)], fill=FAINT)
            self.drawing.text((LEFT - 8, height), f"{value:.3g} {unit}", fill=INK, anchor="rm", font=small)
        for sixth in range(7):
            across, _ = self.point(self.seconds * sixth / 6, 0)
            words = f"{self.seconds * sixth / 6:.0f} s"
            self.drawing.text((across, self.bottom + 8), words, fill=INK, anchor="mt", font=small)
        self.drawing.text((LEFT, self.top - 10), title, fill=INK, anchor="lb", font=small)

    def dots(self, errands: Sequence[Errand], began: float, colour: str) -> None:
        """Draw each job's wait at the moment when it was asked for."""
        for one in errands:
            across, height = self.point(one.asked_at - began, one.wait_s)
            self.drawing.ellipse([across - 4, height - 4, across + 4, height + 4], fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """Draw values over time."""
        self.drawing.line([self.point(*one) for one in points], fill=colour, width=2)


def draw(story: Story) -> Image.Image:
    """Draw the waits, the queue and the batch, one below the other."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    drawing = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(20), ImageFont.load_default(14)
    every = [*story.pictures, *story.rush, *story.creations]
    drawing.text((LEFT, 12), headline(story), fill=INK, font=large)
    waits = panel(drawing, 0, story, most=max(one.wait_s for one in every))
    waits.frame("wait from the request to the first step", unit="s", small=small)
    legend(drawing, small)
    for errands, colour in ((story.pictures, LIGHT), (story.rush, HEAVY), (story.creations, MAKER)):
        waits.dots(errands, story.began_at, colour)
    queue = panel(drawing, 1, story, most=max(one.queued for one in story.samples))
    queue.frame("jobs that wait for the engine", unit="", small=small)
    queue.line([(one.at_s, one.queued) for one in story.samples], HEAVY)
    full = panel(drawing, 2, story, most=100)
    full.frame("share of the batch in use, over the last hundred steps", unit="%", small=small)
    full.line([(one.at_s, 100 * one.occupancy) for one in story.samples], LIGHT)
    return image


def panel(drawing: ImageDraw.ImageDraw, number: int, story: Story, *, most: float) -> Panel:
    """Return one of the charts, one below the other."""
    height = (HEIGHT - TOP - BOTTOM - (PANELS - 1) * GAP) // PANELS
    top = TOP + number * (height + GAP)
    return Panel(drawing, (top, top + height), seconds=story.seconds, most=round_up(most))


def round_up(value: float) -> float:
    """Return the next number whose quarters are easy to read."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-3)))
    return next(power * step for step in (1, 2, 4, 8, 10) if power * step >= value)


def legend(drawing: ImageDraw.ImageDraw, font: ImageFont.ImageFont) -> None:
    """Say what the colours mean."""
    across = WIDTH - RIGHT
    named = (
        (MAKER, "characters"),
        (HEAVY, f"{RUSH} at once by one owner"),
        (LIGHT, f"pictures of {OWNERS} owners"),
    )
    for colour, words in named:
        drawing.text((across, TOP - 14), words, fill=colour, anchor="rs", font=font)
        across -= int(drawing.textlength(words, font=font)) + 24


def headline(story: Story) -> str:
    """Return the figures in one line."""
    waits = [one.wait_s for one in story.pictures]
    used = statistics.fmean(one.occupancy for one in story.samples)
    count = len(story.pictures) + len(story.rush)
    return (
        f"{count} pictures and {len(story.creations)} characters in {story.seconds:.0f} s;"
        f" median wait {statistics.median(waits):.2f} s, batches {100 * used:.0f} % full"
    )


def main() -> int:
    """Run and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--recipe", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "serving-load.png")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="synid-load-") as folder:
        story = asyncio.run(tell(given.seconds, given.models, given.recipe, Path(folder)))
    draw(story).save(given.out, optimize=True)
    sys.stdout.write(f"{headline(story)}\n{given.out}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
