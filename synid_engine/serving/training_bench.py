"""What two creations gain when they train in one forward pass, a bank a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from synid_engine.errors import JobCancelledError
from synid_engine.evaluation.figures import Figure
from synid_engine.evaluation.progress import OnProgress, Ticker, ignore_progress
from synid_engine.runtime.backbone import Backbone
from synid_engine.serving.calibration import train_on_noise
from synid_engine.serving.speed_bench import take_turns
from synid_engine.synid.exercise import Exercise, work_out_together
from synid_engine.synid.stage import StageModels, ignore_report
from synid_engine.synid.training import TrainingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBenchConfig:
    """How much is measured.

    Attributes:
        repeats: Turns of each side.
        training: The rows of a step. None of them is judged: judging is each creation's own affair.
    """

    repeats: int = 9
    training: TrainingConfig = field(default_factory=TrainingConfig)


class _Taken:
    """A room in which an exercise is taken away and never done."""

    def __init__(self) -> None:
        self.exercises: list[Exercise] = []

    def work_out(self, exercise: Exercise, backbone: Backbone) -> float:
        self.exercises.append(exercise)
        raise JobCancelledError


def training_figures(
    models: StageModels, config: TrainingBenchConfig, *, on_progress: OnProgress = ignore_progress
) -> tuple[Figure, ...]:
    """Measure two creations' training steps in one pass and one after the other.

    Args:
        models: What trains.
        config: How much.
        on_progress: Told of every turn.
    """
    exercises = _exercises(models, replace(config.training, perception_every=0), count=2)
    backbone = models.backbone
    ticker = Ticker("training together", total=config.repeats + 1, on_progress=on_progress)
    seconds = take_turns(
        backbone,
        {
            "together": lambda: work_out_together(exercises, backbone),
            "in turns": lambda: [work_out_together([one], backbone) for one in exercises],
        },
        repeats=config.repeats,
        ticker=ticker,
    )
    rows = config.training.batch_size
    return (
        Figure(
            name=f"training steps of two creations, {rows} rows each: one after the other / in one pass",
            value=seconds["in turns"] / seconds["together"],
        ),
        Figure(name="  one after the other", value=1000 * seconds["in turns"], unit="ms"),
        Figure(name="  in one pass", value=1000 * seconds["together"], unit="ms"),
    )


def _exercises(models: StageModels, training: TrainingConfig, *, count: int) -> Sequence[Exercise]:
    room = _Taken()
    apart = replace(models, classroom=room)
    for seed in range(count):
        try:
            train_on_noise(apart, training, report=ignore_report, seed=seed)
        except JobCancelledError:
            continue
    return room.exercises
