"""`synid bench warm-start`: what finished characters save a new one that has few steps to learn in."""

from collections.abc import Sequence
from dataclasses import replace

from synid_engine.engine import Character
from synid_engine.evaluation.cast import ABLATED, DEVELOPED
from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.metrics import bootstrap_interval, mean
from synid_engine.evaluation.progress import BenchOptions, Ticker
from synid_engine.evaluation.trial import Trial, begin_trials, run_trials
from synid_engine.synid.pipeline import DistillConfig

_QUICK_PEOPLE = 1
_SHARE = 4


def bench_warm_start(options: BenchOptions) -> BenchReport:
    """Create the same people with few steps, with many, and with few from a library of others.

    Raises:
        WeightsError: A model is missing or damaged.
    """
    people = DEVELOPED[-_QUICK_PEOPLE:] if options.quick else ABLATED
    finished = DEVELOPED[:_QUICK_PEOPLE] if options.quick else DEVELOPED
    settings = begin_trials("warm-start", people, options, suite="quick")
    engine = settings.engine
    many = DistillConfig().ablated("B")
    few = with_projector_steps(many, many.projector.training.steps // _SHARE)
    ticker = Ticker("library", total=len(finished), on_progress=options.on_progress)
    library: list[Character] = []
    for who in finished:
        library.append(
            engine.create(who.name, who.description, seed=who.seed, config=many, on_progress=ticker.touch)
        )
        ticker.step(who.name)
    trials = {
        "few steps": run_trials(settings, people, config=few, label="few steps", with_plain=False),
        "few steps, warm": run_trials(
            settings, people, config=few, label="few steps, warm", with_plain=False, library=library
        ),
        "all steps": run_trials(settings, people, config=many, label="all steps", with_plain=False),
    }
    settings.partial.forget()
    figures = [figure for name, made in trials.items() for figure in _figures(name, made)]
    figures.append(warm_gain(trials["few steps, warm"], trials["few steps"]))
    return BenchReport(name="warm-start", figures=tuple(figures), quick=options.quick)


def with_projector_steps(config: DistillConfig, steps: int) -> DistillConfig:
    """Return the configuration with other steps of the projector."""
    training = replace(config.projector.training, steps=steps)
    return replace(config, projector=replace(config.projector, training=training))


def warm_gain(warm: Sequence[Trial], cold: Sequence[Trial]) -> Figure:
    """Return the gain in likeness to the portrait, on the same people."""
    gains = [mean(one.likeness) - mean(other.likeness) for one, other in zip(warm, cold, strict=True)]
    return Figure(
        name="warm start gains, face likeness to portrait",
        value=mean(gains),
        interval=bootstrap_interval(len(gains), lambda units: mean([gains[i] for i in units])),
    )


def _figures(name: str, trials: Sequence[Trial]) -> list[Figure]:
    return [
        Figure(
            name=f"{name}: face likeness to portrait",
            value=mean([value for one in trials for value in one.likeness]),
        ),
        Figure(
            name=f"{name}: same character, face traits",
            value=100 * mean([value for one in trials for value in one.face_same]),
            unit="%",
        ),
        Figure(name=f"{name}: creation", value=mean([one.creation_s for one in trials]), unit="s"),
    ]
