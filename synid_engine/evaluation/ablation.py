"""`synid ablate`: what each stage of SynID adds, A (one anchor) to D (everything), on people of its own."""

from collections.abc import Mapping, Sequence
from typing import Literal

from PIL import Image

from synid_engine.evaluation.cast import ABLATED, DEVELOPED
from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.identity_bench import save_sheet
from synid_engine.evaluation.metrics import bootstrap_interval, mean
from synid_engine.evaluation.progress import BenchOptions
from synid_engine.evaluation.trial import Trial, begin_trials, run_trials, shown_pictures
from synid_engine.synid.pipeline import DistillConfig

_QUICK_PEOPLE = 1

Step = Literal["A", "B", "C", "D"]

STEPS: tuple[tuple[Step, str], ...] = (
    ("A", "single anchor"),
    ("B", "+ ensemble"),
    ("C", "+ bootstrap and drift"),
    ("D", "+ adapter"),
)


def bench_ablation(options: BenchOptions) -> BenchReport:
    """Create the same people by each step and measure them; a development character only when quick.

    Raises:
        WeightsError: A model is missing or damaged.
    """
    people = DEVELOPED[:_QUICK_PEOPLE] if options.quick else ABLATED
    settings = begin_trials("ablation", people, options)
    trials: dict[Step, list[Trial]] = {
        step: run_trials(settings, people, config=DistillConfig().ablated(step), label=step, with_plain=False)
        for step, _ in STEPS
    }
    pictures: list[Image.Image] = []
    captions: list[str] = []
    for step, meaning in STEPS:
        drawn, words = shown_pictures(settings, people, label=step)
        pictures += drawn
        captions += [f"{step} ({meaning}): {text}" for text in words]
    sheet = save_sheet(options.out / f"{options.stem('ablation')}.png", pictures, captions, title="ablation")
    settings.partial.forget()
    return BenchReport(name="ablation", figures=ablation_figures(trials), quick=options.quick, notes=(sheet,))


def ablation_figures(trials: Mapping[Step, list[Trial]]) -> tuple[Figure, ...]:
    """Tell each step's measures, and each step's gain over the one before on the same people."""
    figures: list[Figure] = []
    before: list[Trial] | None = None
    for step, meaning in STEPS:
        figures += _step_figures(f"{step} {meaning}", trials[step])
        if before is not None:
            figures.append(_gain(step, trials[step], before))
        before = trials[step]
    return tuple(figures)


def _step_figures(name: str, trials: Sequence[Trial]) -> list[Figure]:
    measures = (
        ("same character, face traits", 100.0, "%", [trial.face_same for trial in trials]),
        ("same character, clothes too", 100.0, "%", [trial.all_same for trial in trials]),
        ("expressions and scenes followed", 100.0, "%", [trial.follows for trial in trials]),
        ("face likeness to portrait", 1.0, "", [trial.likeness for trial in trials]),
        ("picture likeness (CLIP-I)", 1.0, "", [trial.clip_likeness for trial in trials]),
        ("creation", 1.0, "s", [[trial.creation_s] for trial in trials]),
    )
    return [
        Figure(
            name=f"{name}: {measure}",
            value=scale * mean([value for one in values for value in one]),
            unit=unit,
        )
        for measure, scale, unit, values in measures
    ]


def _gain(step: str, trials: Sequence[Trial], before: Sequence[Trial]) -> Figure:
    """Return the gain in the same-character rate; a step is worth its time if it is above nothing."""
    gains = [
        100 * (mean(now.face_same) - mean(old.face_same)) for now, old in zip(trials, before, strict=True)
    ]
    return Figure(
        name=f"{step} gains, face traits",
        value=mean(gains),
        unit="points",
        interval=bootstrap_interval(len(gains), lambda units: mean([gains[i] for i in units])),
    )
