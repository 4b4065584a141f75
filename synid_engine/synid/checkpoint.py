"""What a creation has done so far, and when that is written down. Knows no file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from synid_engine.synid.adapter import Adapted, UnfinishedAdapter
from synid_engine.synid.bootstrap import Bootstrapped, UnfinishedBootstrap
from synid_engine.synid.drift import DriftCorrection, UnfinishedDrift
from synid_engine.synid.ensemble import AnchorConfig, AnchorEnsemble, choose_portrait
from synid_engine.synid.projector import Projection
from synid_engine.synid.stage import Bookmark
from synid_engine.synid.training_state import TrainingState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """The outputs of the stages that are done; a stage that is not done, or left out, has None.

    Attributes:
        unfinished: The state of the first stage that is not done; None is its beginning.
    """

    anchors: AnchorEnsemble | None = None
    projection: Projection | None = None
    bootstrapped: Bootstrapped | None = None
    drift: DriftCorrection | None = None
    adapted: Adapted | None = None
    unfinished: TrainingState | UnfinishedBootstrap | UnfinishedDrift | UnfinishedAdapter | None = None


def every_25_steps(steps: int) -> bool:
    """Tell whether a checkpoint is due within a stage, so many training steps after the last one."""
    return steps >= 25  # noqa: PLR2004  (the name says it)


def with_portrait(checkpoint: Checkpoint, choice: int, config: AnchorConfig) -> Checkpoint:
    """Return a checkpoint with this choice as the portrait; what was learnt with another one is dropped.

    Raises:
        InvalidSettingError: There is no such choice.
    """
    anchors = checkpoint.anchors
    if anchors is None or anchors.chosen == choice:
        return checkpoint
    return Checkpoint(anchors=choose_portrait(anchors, choice, config))


T = TypeVar("T", TrainingState, UnfinishedBootstrap, UnfinishedDrift, UnfinishedAdapter)


class StageKeeper:
    """Hands out checkpoints: one after each stage, and some within those that train."""

    def __init__(
        self, on_checkpoint: Callable[[Checkpoint], None] | None, is_due: Callable[[int], bool]
    ) -> None:
        self._on_checkpoint, self._is_due = on_checkpoint, is_due
        self._steps = 0

    def keep(self, finished: Checkpoint) -> Checkpoint:
        """Hand out a checkpoint between stages, and return it."""
        whole = replace(finished, unfinished=None)
        self._hand_out(whole)
        return whole

    def bookmark(self, done: Checkpoint, kind: type[T]) -> Bookmark[T]:
        """Return the bookmark of a stage that begins or goes on."""

        def offer(make: Callable[[], T]) -> None:
            self._steps += 1
            if self._is_due(self._steps):
                self._hand_out(replace(done, unfinished=make()))

        return Bookmark(found=done.unfinished if isinstance(done.unfinished, kind) else None, offer=offer)

    def _hand_out(self, checkpoint: Checkpoint) -> None:
        self._steps = 0
        if self._on_checkpoint is not None:
            self._on_checkpoint(checkpoint)
