"""`synid bench identity`: whether characters stay themselves, follow words, and can be told apart."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from synid_engine.evaluation.cast import MEASURED
from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.metrics import auc, bootstrap_interval, mean, same_and_different
from synid_engine.evaluation.progress import BenchOptions
from synid_engine.evaluation.report import contact_sheet
from synid_engine.evaluation.trial import (
    SHOWN,
    Trial,
    begin_trials,
    ceiling_rates,
    run_trials,
    shown_pictures,
)

_QUICK_PEOPLE = 2
_TRIALS_A_ROW = 2

Units = Sequence[int]


def bench_identity(options: BenchOptions) -> BenchReport:
    """Create and measure the characters of `cast.MEASURED`; two of them when quick.

    Raises:
        WeightsError: A model is missing or damaged.
    """
    people = MEASURED[:_QUICK_PEOPLE] if options.quick else MEASURED
    settings = begin_trials("identity", people, options)
    trials = run_trials(settings, people)
    ceilings = ceiling_rates(settings.judges, settings.suite)
    sheet = save_sheet(
        options.out / f"{options.stem('identity')}.png",
        *shown_pictures(settings, people),
        title="bench identity",
    )
    settings.partial.forget()
    return BenchReport(
        name="identity",
        figures=identity_figures(trials, face_ceiling=mean(ceilings[0]), all_ceiling=mean(ceilings[1])),
        quick=options.quick,
        notes=(sheet,),
    )


def identity_figures(
    trials: Sequence[Trial], *, face_ceiling: float, all_ceiling: float
) -> tuple[Figure, ...]:
    """Sum up trials; intervals come from drawing the characters again, whose pictures belong together.

    Args:
        trials: At least one.
        face_ceiling: Rate in 0..1 at which real renders of one person are the same by face traits.
        all_ceiling: The same by all identity traits.
    """
    seconds = [trial.creation_s for trial in trials]
    return (
        *_same_figures(trials, "face traits", face_ceiling, _face_rate, _plain_face_rate, target=95),
        *_same_figures(trials, "clothes too", all_ceiling, _all_rate, _plain_all_rate, target=95),
        *_following_figures(trials),
        _over_characters("told apart from others (AUC)", trials, _told_apart, target=0.99),
        _over_characters("face likeness to portrait", trials, _pooled(lambda one: one.likeness)),
        _over_characters("picture likeness (CLIP-I)", trials, _pooled(lambda one: one.clip_likeness)),
        _over_characters("words agree (CLIP-T)", trials, _pooled(lambda one: one.clip_words)),
        Figure(name="creation, mean", value=mean(seconds), unit="s", target=60, bound="most"),
        Figure(name="creation, slowest", value=max(seconds), unit="s"),
        Figure(
            name="a character besides pictures",
            value=max(trial.kilobytes for trial in trials),
            unit="KB",
            target=400,
            bound="most",
        ),
        Figure(name="characters", value=len(trials)),
        *(
            Figure(name=f"  {trial.name}: same face traits", value=100 * mean(trial.face_same), unit="%")
            for trial in trials
        ),
        *(figure for trial in trials for figure in _as_synid_tells(trial)),
    )


def save_sheet(path: Path, pictures: list[Image.Image], captions: list[str], *, title: str) -> str:
    """Write trials, two in a row, and return the absolute path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(pictures, captions, _TRIALS_A_ROW * (SHOWN + 1), title=title).save(path)
    return str(path.absolute())


def _as_synid_tells(trial: Trial) -> tuple[Figure, ...]:
    """Tell of a character like one of SynID's five what SynID tells of it."""
    if trial.name not in {one.name for one in MEASURED if one.like_synid}:
        return ()
    return (
        Figure(name=f"  {trial.name}: CLIP identity", value=mean(trial.clip_likeness)),
        Figure(name=f"  {trial.name}: CLIP pairs", value=mean(trial.clip_pairs)),
        Figure(name=f"  {trial.name}: face likeness", value=mean(trial.likeness)),
    )


def _same_figures(
    trials: Sequence[Trial],
    by: str,
    ceiling: float,
    rate: Callable[[Sequence[Trial]], float],
    plain_rate: Callable[[Sequence[Trial]], float],
    *,
    target: float | int,
) -> tuple[Figure, ...]:
    def share(chosen: Sequence[Trial]) -> float:
        return 100 * rate(chosen) / max(1e-9, ceiling)

    return (
        _over_characters(f"same character of the ceiling, {by}", trials, share, unit="%", target=target),
        _over_characters(f"  same character, {by}", trials, lambda chosen: 100 * rate(chosen), unit="%"),
        Figure(name=f"  ceiling: real renders, {by}", value=100 * ceiling, unit="%"),
        _over_characters(
            f"  without identity, {by}", trials, lambda chosen: 100 * plain_rate(chosen), unit="%"
        ),
    )


def _following_figures(trials: Sequence[Trial]) -> tuple[Figure, ...]:
    follows, plain = _pooled(lambda one: one.follows), _pooled(lambda one: one.plain_follows)

    def share(chosen: Sequence[Trial]) -> float:
        return 100 * follows(chosen) / max(1e-9, plain(chosen))

    return (
        _over_characters("following, of that without identity", trials, share, unit="%", target=95),
        _over_characters("  expressions and scenes", trials, lambda one: 100 * follows(one), unit="%"),
        _over_characters("  without identity", trials, lambda one: 100 * plain(one), unit="%"),
    )


def _over_characters(
    name: str,
    trials: Sequence[Trial],
    statistic: Callable[[Sequence[Trial]], float],
    *,
    unit: str = "",
    target: float | int | None = None,
) -> Figure:
    def again(units: Units) -> float:
        return statistic([trials[i] for i in units])

    return Figure(
        name=name,
        value=statistic(trials),
        unit=unit,
        target=target,
        interval=bootstrap_interval(len(trials), again, resamples=300),
    )


def _pooled(values: Callable[[Trial], list[float]]) -> Callable[[Sequence[Trial]], float]:
    def statistic(trials: Sequence[Trial]) -> float:
        return mean([value for trial in trials for value in values(trial)])

    return statistic


_face_rate = _pooled(lambda one: one.face_same)
_plain_face_rate = _pooled(lambda one: one.plain_face_same)
_all_rate = _pooled(lambda one: one.all_same)
_plain_all_rate = _pooled(lambda one: one.plain_all_same)


def _told_apart(trials: Sequence[Trial]) -> float:
    """Compare pairs of pictures of one character with pairs of two; a character drawn twice is one."""
    vectors = {trial.name: np.asarray(trial.embeds, dtype=np.float32) for trial in trials}
    return auc(*same_and_different(vectors))
