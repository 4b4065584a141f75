"""What work costs in engine-milliseconds: so much a step and so much a row, as measured on this machine."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import Annotated

from pydantic import Field

from synid_engine.serving.messages import (
    EVALUATED_PICTURES,
    AnyWork,
    CreateWork,
    EvaluateWork,
    Message,
    Milliseconds,
    RenderWork,
)

CREATION_WEIGHT = 2.0
"""What a creation's millisecond counts in the engine beside one of a picture."""

_PLAIN_ROWS = 1
_GUIDED_ROWS = 2  # the prompt and the negative prompt
_SMOOTHING = 0.1
_MOST_DRIFT = 4.0  # one strange measurement moves an estimate by no more than this factor


class StepKind(StrEnum):
    """What the engine does in one step."""

    DENOISE = "denoise"
    DECODE = "decode"
    TRAIN = "train"


class Stage(Message):
    """A run of equal steps.

    Attributes:
        kind: What each step does.
        steps: How many; a part of a stage that is under way may be broken.
        rows: Rows of the batch that each takes.
    """

    kind: StepKind
    steps: Annotated[float, Field(ge=0.0)]
    rows: Annotated[int, Field(ge=1)]


class StepCost(Message):
    """What one step over a batch takes: `fixed_ms + rows * row_ms`, in batches of at most `most_rows`."""

    fixed_ms: Milliseconds = 0.0
    row_ms: Milliseconds
    most_rows: Annotated[int, Field(ge=1)] = 8

    def ms(self, rows: int) -> float:
        """Return how long one step over so many rows takes."""
        return math.ceil(rows / self.most_rows) * self.fixed_ms + rows * self.row_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSample:
    """A measured step over a batch of `rows` rows."""

    rows: int
    ms: float


class CostModel(Message):
    """The costs of this machine and model, kept in a file between starts.

    Attributes:
        denoise: One denoising step over a batch.
        decode: Decoding a batch of latents.
        train: One training step over a batch.
        creation: What the making of one character consists of.
        posed_steps: Plain denoising steps that one with a pose takes as long as; 1 where poses cost nothing.
    """

    denoise: StepCost
    decode: StepCost
    train: StepCost
    creation: Annotated[tuple[Stage, ...], Field(min_length=1)]
    posed_steps: Annotated[float, Field(ge=1.0)] = 1.0

    def step_cost(self, kind: StepKind) -> StepCost:
        """Return what a step of this kind costs."""
        costs = {StepKind.DENOISE: self.denoise, StepKind.DECODE: self.decode, StepKind.TRAIN: self.train}
        return costs[kind]

    def stages(self, work: AnyWork, *, progress: float = 0.0) -> tuple[Stage, ...]:
        """Return what is left to do of a job of which a share in [0, 1] is done."""
        whole = self._whole(work)
        done_ms = progress * sum(map(self._stage_ms, whole))
        left: list[Stage] = []
        for stage in whole:
            stage_ms = self._stage_ms(stage)
            skipped_ms = min(done_ms, stage_ms)
            done_ms -= skipped_ms
            share = 1.0 - skipped_ms / stage_ms if stage_ms else 0.0
            if share:
                left.append(stage.model_copy(update={"steps": stage.steps * share}))
        return tuple(left)

    def cost_ms(self, work: AnyWork, *, progress: float = 0.0) -> float:
        """Return the engine time that the rest of a job takes when it has the engine to itself."""
        return sum(map(self._stage_ms, self.stages(work, progress=progress)))

    def share_ms(self, kind: StepKind, *, rows: int, batch_rows: int) -> float:
        """Return a job's share of one step, by its rows: all shares of a batch add up to the step."""
        return self.step_cost(kind).ms(batch_rows) * rows / batch_rows

    def adjusted(self, kind: StepKind, sample: StepSample) -> "CostModel":
        """Return a model moved a tenth of the way towards a measured step."""
        cost = self.step_cost(kind)
        expected = cost.ms(sample.rows)
        if not expected or sample.ms <= 0.0:
            return self
        drift = min(max(sample.ms / expected, 1.0 / _MOST_DRIFT), _MOST_DRIFT)
        factor = drift**_SMOOTHING
        moved = {"fixed_ms": cost.fixed_ms * factor, "row_ms": cost.row_ms * factor}
        return self.model_copy(update={kind.value: cost.model_copy(update=moved)})

    def _whole(self, work: AnyWork) -> tuple[Stage, ...]:
        match work:
            case CreateWork():
                return self.creation
            case RenderWork():
                return _render_stages(work, posed_steps=self.posed_steps)
            case EvaluateWork():
                return EVALUATION

    def _stage_ms(self, stage: Stage) -> float:
        return stage.steps * self.step_cost(stage.kind).ms(stage.rows)


def fit_step_cost(samples: Sequence[StepSample], *, most_rows: int) -> StepCost:
    """Draw the line of least squares through measured steps, with no part of it below zero.

    Args:
        samples: At least one, of batches of at most `most_rows` rows.
        most_rows: The largest batch that the engine will run.
    """
    mean_rows, mean_ms = fmean(one.rows for one in samples), fmean(one.ms for one in samples)
    spread = sum((one.rows - mean_rows) ** 2 for one in samples)
    slope = sum((one.rows - mean_rows) * (one.ms - mean_ms) for one in samples) / spread if spread else 0.0
    row_ms = min(max(slope, 0.0), mean_ms / mean_rows) if spread else mean_ms / mean_rows
    return StepCost(fixed_ms=max(0.0, mean_ms - row_ms * mean_rows), row_ms=row_ms, most_rows=most_rows)


def _render_stages(work: RenderWork, *, posed_steps: float = 1.0) -> tuple[Stage, ...]:
    is_posed = (bool(work.pose) or work.body is not None) and work.pose_strength != 0
    steps = work.num_inference_steps * (posed_steps if is_posed else 1.0)
    a_picture = _PLAIN_ROWS if work.guidance_scale == 1.0 else _GUIDED_ROWS
    return (
        Stage(kind=StepKind.DENOISE, steps=steps, rows=work.pictures * a_picture),
        Stage(kind=StepKind.DECODE, steps=1, rows=work.pictures),
    )


EVALUATION = tuple(
    stage.model_copy(update={"steps": EVALUATED_PICTURES * stage.steps})
    for stage in _render_stages(RenderWork(prompt=""))
)
"""What an evaluation draws, one picture after the other; looking at them takes far less."""
