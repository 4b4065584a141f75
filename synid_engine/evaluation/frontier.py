"""`synid bench frontier`: identity against prompt following, over the strengths of the identity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from PIL import Image, ImageDraw, ImageFont

from synid_engine.engine import Character
from synid_engine.evaluation.cast import ABLATED, DEVELOPED, Described
from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.likeness import Reading
from synid_engine.evaluation.metrics import mean
from synid_engine.evaluation.progress import BenchOptions, Ticker
from synid_engine.evaluation.prompts import suite_prompts
from synid_engine.evaluation.suites import draw_prompts, following
from synid_engine.evaluation.trial import TrialSettings, begin_trials

STRENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 1000, 700, 110, 90, 60, 90
_Box = tuple[float | int, float | int, float | int, float | int]
_INK, _FAINT, _LINE, _CHOSEN = (38, 36, 44), (221, 217, 210), (47, 125, 193), (226, 98, 74)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """From percent to pixels."""

    low: float
    high: float
    start: int
    end: int

    @classmethod
    def around(cls, values: Sequence[float], *, start: int, end: int) -> "_Axis":
        """Return an axis of whole tens around values."""
        low, high = 10.0 * math.floor(min(values) / 10), 10.0 * math.ceil(max(values) / 10)
        return cls(low=low, high=max(high, low + 10.0), start=start, end=end)

    def place(self, percent: float) -> float:
        """Return where a value lies."""
        return self.start + (self.end - self.start) * (percent - self.low) / (self.high - self.low)

    def marks(self) -> list[tuple[float, float]]:
        """Return ten values and their places."""
        values = [self.low + (self.high - self.low) * tenth / 10 for tenth in range(11)]
        return [(value, self.place(value)) for value in values]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint:
    """What one strength comes to.

    Attributes:
        strength: How strongly the bank and its tokens act; 1 is the weight that the wording gives them.
        same: Percent of the pictures with every face trait of the portrait.
        followed: Percent of the expressions and scenes that are there.
    """

    strength: float
    same: float
    followed: float


def bench_frontier(options: BenchOptions) -> BenchReport:
    """Draw the same people at every strength, and plot what each gains and loses.

    Raises:
        WeightsError: A model is missing or damaged.
    """
    people = DEVELOPED[:1] if options.quick else ABLATED
    settings = begin_trials("frontier", people, options)
    engine = settings.engine
    ticker = Ticker("strengths", total=len(people) * len(STRENGTHS), on_progress=options.on_progress)
    rates = [_person_rates(settings, who, ticker) for who in people]
    points = [
        FrontierPoint(
            strength=strength,
            same=100 * mean([one[number][0] for one in rates]),
            followed=100 * mean([one[number][1] for one in rates]),
        )
        for number, strength in enumerate(STRENGTHS)
    ]
    default = engine.config.identity_scale
    plot = options.out / f"{options.stem('frontier')}.png"
    plot.parent.mkdir(parents=True, exist_ok=True)
    draw_frontier(points, default=default).save(plot, optimize=True)
    settings.partial.forget()
    return BenchReport(
        name="frontier",
        figures=frontier_figures(points, default=default),
        quick=options.quick,
        notes=(str(plot.absolute()),),
    )


def frontier_figures(points: Sequence[FrontierPoint], *, default: float) -> tuple[Figure, ...]:
    """Tell both measures of each strength; the default is named."""
    figures: list[Figure] = []
    for point in points:
        name = f"strength {point.strength:g}{', the default' if point.strength == default else ''}"
        figures += [
            Figure(name=f"{name}: same character, face traits", value=point.same, unit="%"),
            Figure(name=f"{name}: expressions and scenes followed", value=point.followed, unit="%"),
        ]
    return tuple(figures)


def draw_frontier(points: Sequence[FrontierPoint], *, default: float) -> Image.Image:
    """Draw a line through the strengths: up is identity, right is following; the default has a ring."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    drawing = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(24), ImageFont.load_default(16)
    drawing.text((_LEFT, 30), "Identity against prompt following", fill=_INK, font=large)
    across_axis = _Axis.around([point.followed for point in points], start=_LEFT, end=_WIDTH - _RIGHT)
    upward = _Axis.around([point.same for point in points], start=_HEIGHT - _BOTTOM, end=_TOP)
    for percent, across in across_axis.marks():
        drawing.line([(across, _TOP), (across, _HEIGHT - _BOTTOM)], fill=_FAINT)
        drawing.text((across, _HEIGHT - _BOTTOM + 10), f"{percent:g} %", fill=_INK, anchor="mt", font=small)
    for percent, height in upward.marks():
        drawing.line([(_LEFT, height), (_WIDTH - _RIGHT, height)], fill=_FAINT)
        drawing.text((_LEFT - 10, height), f"{percent:g} %", fill=_INK, anchor="rm", font=small)
    middle = (_LEFT + _WIDTH - _RIGHT) // 2
    drawing.text((_LEFT, _TOP - 14), "same character, face traits", fill=_INK, anchor="ls", font=small)
    drawing.text(
        (middle, _HEIGHT - 34), "expressions and scenes followed", fill=_INK, anchor="mt", font=small
    )
    places = [(across_axis.place(point.followed), upward.place(point.same)) for point in points]
    drawing.line(places, fill=_LINE, width=3)
    taken = [(across - 7, height - 7, across + 7, height + 7) for across, height in places]
    for point, (across, height) in zip(points, places, strict=True):
        colour = _CHOSEN if point.strength == default else _LINE
        size = 9 if point.strength == default else 5
        drawing.ellipse([across - size, height - size, across + size, height + size], fill=colour)
        label = f"{point.strength:g}"
        shifts = ((0, -22), (0, 22), (0, 44), (0, -44), (30, 0), (-30, 0))
        around = [(across + x, height + y) for x, y in shifts]
        boxes = [drawing.textbbox(place, label, anchor="mm", font=small) for place in around]
        free = [number for number, box in enumerate(boxes) if not any(_meet(box, other) for other in taken)]
        chosen = free[0] if free else 0
        taken.append(boxes[chosen])
        drawing.text(
            around[chosen], label, fill=colour, anchor="mm", font=small, stroke_width=3, stroke_fill="white"
        )
    return image


def _meet(one: _Box, other: _Box) -> bool:
    """Say whether two boxes of (left, top, right, bottom) overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _person_rates(settings: TrialSettings, who: Described, ticker: Ticker) -> list[list[float]]:
    """Return for each strength the shares, in 0..1, of the same face and of what was followed."""
    engine, judges = settings.engine, settings.judges
    prompts = suite_prompts(settings.suite)

    @cache
    def made() -> tuple[Character, Reading]:
        character = engine.create(who.name, who.description, seed=who.seed, on_progress=ticker.touch)
        return character, judges.read([character.portrait])[0]

    def rates(strength: float) -> list[float]:
        rows = draw_prompts(
            engine, made()[0], prompts, judges, made()[1], on_progress=ticker.touch, identity_scale=strength
        )
        return [mean([float(row.face_is_same) for row in rows]), mean(following(rows))]

    found: list[list[float]] = []
    for strength in STRENGTHS:
        key = f"{who.seed} {strength}"
        remembered = settings.partial.has(key)
        measured = settings.partial.once(key, lambda strength=strength: rates(strength))
        found.append(cast("list[float]", measured))
        ticker.step(f"{who.name} at {strength:g}", remembered=remembered)
    return found
