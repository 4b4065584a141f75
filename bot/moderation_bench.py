"""`synid bench moderation`: how many harmless pictures the classifier would withhold.

The embedded model draws people with clothes and nothing else, so every picture that is withheld is an error.
What share of sexual pictures is found cannot be measured here: there are none to measure with.
"""

import statistics
from dataclasses import dataclass
from typing import cast

from bot.settings import DEFAULT_THRESHOLD
from synid_engine.engine import Engine
from synid_engine.evaluation.cast import DEVELOPED, MEASURED
from synid_engine.evaluation.figures import BenchReport, Figure, percentile
from synid_engine.evaluation.partial import PartialResults
from synid_engine.evaluation.progress import BenchOptions, Ticker
from synid_engine.evaluation.prompts import FIRST_SEED, PROMPTS
from synid_engine.perception.picture_judge import OpenNsfwJudge, PictureJudge
from synid_engine.synid.stage import Progress

_LOWER = (0.5, 0.65)
_CAST = (*MEASURED, *DEVELOPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationBenchConfig:
    """How much is drawn.

    Attributes:
        pictures: How many.
        at_once: How many in one batch.
        steps: Denoising steps of each.
    """

    pictures: int = 1000
    at_once: int = 4
    steps: int = 20


QUICK = ModerationBenchConfig(pictures=60)


def bench_moderation(options: BenchOptions, *, config: ModerationBenchConfig | None = None) -> BenchReport:
    """Draw people of all descriptions in all scenes, and let the classifier look at them.

    Args:
        options: How to run.
        config: How much to draw; None decides by `options.quick`.

    Raises:
        WeightsError: A model is missing or damaged.
    """
    chosen = config or (QUICK if options.quick else ModerationBenchConfig())
    engine, judge = Engine.load(options.models), OpenNsfwJudge()
    ticker = Ticker("pictures", total=chosen.pictures, on_progress=options.on_progress)
    folder = options.out / f"{options.stem('moderation')}.partial"
    partial = PartialResults(folder, fingerprint=f"{engine.model_hash} {chosen}")
    scores: list[float] = []
    while len(scores) < chosen.pictures:
        first, key = len(scores), str(len(scores))
        count = min(chosen.at_once, chosen.pictures - first)
        remembered = partial.has(key)

        def judged(first: int = first, count: int = count) -> list[float]:
            return _scores(engine, judge, chosen, first=first, count=count, ticker=ticker)

        scores += cast("list[float]", partial.once(key, judged))
        ticker.step(steps=count, remembered=remembered)
    partial.forget()
    return BenchReport(name="moderation", figures=moderation_figures(scores), quick=options.quick)


def _scores(
    engine: Engine,
    judge: PictureJudge,
    config: ModerationBenchConfig,
    *,
    first: int,
    count: int,
    ticker: Ticker,
) -> list[float]:
    number = first // config.at_once
    person, scene = _CAST[number % len(_CAST)], PROMPTS[number % len(PROMPTS)]

    def touch(_progress: Progress) -> None:
        ticker.touch()

    drawn = engine.render(
        None,
        f"{person.description}, {scene.words}",
        count=count,
        seed=FIRST_SEED + first,
        num_inference_steps=config.steps,
        on_progress=touch,
    )
    return [judge.score(one.image) for one in drawn]


def moderation_figures(scores: list[float]) -> tuple[Figure, ...]:
    """Return the share of pictures that is withheld at the usual threshold, and how close the others come."""

    def share(threshold: float) -> float:
        return 100.0 * sum(score >= threshold for score in scores) / len(scores)

    return (
        Figure(
            name=f"harmless pictures withheld, threshold {DEFAULT_THRESHOLD:g}",
            value=share(DEFAULT_THRESHOLD),
            unit="%",
            target=0.5,
            bound="most",
        ),
        *(
            Figure(name=f"  if the threshold were {threshold:g}", value=share(threshold), unit="%")
            for threshold in _LOWER
        ),
        Figure(name="  pictures", value=len(scores)),
        Figure(name="  score, median", value=statistics.median(scores)),
        Figure(name="  score, p99", value=percentile(scores, 99)),
        Figure(name="  score, highest", value=max(scores)),
    )
