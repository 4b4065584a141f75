"""Stage 4: has the character moved away from who it was? Probed against a reference that never moves."""

from dataclasses import dataclass, field
from functools import partial

import torch

from synid_engine.synid.drawing import DrawConfig
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.probes import Probe, probe_bank
from synid_engine.synid.projector import Projection, learn_tokens
from synid_engine.synid.stage import (
    NO_BOOKMARK,
    Bookmark,
    Report,
    StageModels,
    inner_bookmark,
    part_of,
    require_within,
    stage_seed,
)
from synid_engine.synid.training import TrainingConfig
from synid_engine.synid.training_state import TrainingState
from synid_engine.synid.words import IdentityWords

PROBE_SCENES = (
    "looking calm, plain white background",
    "smiling, in the city",
    "angry, plain green background",
    "surprised, close-up, in the mountains",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftConfig:
    """When a character counts as drifted, and what is done about it.

    Attributes:
        threshold: Least mean likeness of the probes to the reference.
        rounds: Most rounds of fine-tuning.
        scenes: What the probes show.
        draw: Steps and guidance of a probe.
        training: Budget of one round, on the anchors alone.
    """

    threshold: float = 0.75
    rounds: int = 2
    scenes: tuple[str, ...] = PROBE_SCENES
    draw: DrawConfig = field(default_factory=DrawConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(steps=20, learning_rate=3e-3))

    def __post_init__(self) -> None:
        require_within("threshold", self.threshold, -1, 1)
        require_within("rounds", self.rounds, 0, 20)
        require_within("scenes", len(self.scenes), 1, 64)

    @property
    def rows(self) -> int:
        """Most work in forward rows of the UNet."""
        probes = len(self.scenes) * (self.draw.rows_a_picture + 10)
        return probes + self.rounds * (probes + self.training.rows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DriftCorrection:
    """What stage 4 hands on.

    Attributes:
        projection: The tokens of the best probe.
        likeness: Of the probes to the reference before the first round and after each.
        converged: Whether the best reaches the threshold.
    """

    projection: Projection
    likeness: tuple[float, ...]
    converged: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DriftRounds:
    """How far the correction is.

    Attributes:
        best: The tokens of the best probe.
        newest: The tokens that were probed last.
        likeness: Of the probes so far.
    """

    best: Projection
    newest: Projection
    likeness: tuple[float, ...] = ()

    def probed(self, newest: Projection, likeness: float) -> "DriftRounds":
        """Return the rounds with one more probe."""
        is_best = likeness > max(self.likeness, default=float("-inf"))
        return DriftRounds(
            best=newest if is_best else self.best, newest=newest, likeness=(*self.likeness, likeness)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnfinishedDrift:
    """Stage 4 within the fine-tuning that follows the last probe."""

    rounds: DriftRounds
    training: TrainingState


def correct_drift(  # noqa: PLR0913  (a stage's inputs, models, config and chance)
    anchors: AnchorEnsemble,
    projection: Projection,
    words: IdentityWords,
    models: StageModels,
    config: DriftConfig,
    generator: torch.Generator,
    *,
    seed: int,
    report: Report,
    bookmark: Bookmark[UnfinishedDrift] = NO_BOOKMARK,
) -> DriftCorrection:
    """Probe, and fine-tune on the anchors while the probes are too unlike them; the best tokens win.

    Args:
        anchors: The reference, and what is fine-tuned on.
        projection: The tokens so far.
        words: The description.
        models: Frozen.
        config: Threshold and budget.
        generator: All chance of the training.
        seed: The probes' noise follows from it, the same in each round.
        report: Told of every step.
        bookmark: Where the fine-tuning goes on, and is kept.

    Source: SynID, drift correction.
    Deviation: upstream measures against a mean that drifts along; what does not converge is told.
    """
    probe = Probe(scenes=config.scenes, seed=stage_seed(seed, "drift probes"), draw=config.draw)
    looks = config.rounds + 1
    rounds, training = DriftRounds(best=projection, newest=projection), None
    if bookmark.found is not None:
        rounds, training = bookmark.found.rounds, bookmark.found.training
    for round_number in range(len(rounds.likeness), looks):
        part = part_of(report, round_number / looks, (round_number + 1) / looks)
        newest = rounds.newest
        if round_number:
            kept = inner_bookmark(bookmark, training, partial(_unfinished, rounds))
            trained = part_of(part, 0, 0.7)
            newest = learn_tokens(
                newest.tokens,
                anchors.pictures,
                anchors.reference,
                models,
                config.training,
                generator,
                value_gain=newest.value_gain,
                report=trained,
                bookmark=kept,
            )
            training = None
        looking = part_of(part, 0.7, 1) if round_number else part
        bank = newest.bank(models)
        score = probe_bank(bank, probe, words, anchors.reference, models, report=looking)
        rounds = rounds.probed(newest, score.identity)
        if score.identity >= config.threshold:
            break
    best = max(rounds.likeness)
    report(1.0, f"likeness {best:.3f}")
    return DriftCorrection(
        projection=rounds.best, likeness=rounds.likeness, converged=best >= config.threshold
    )


def _unfinished(rounds: DriftRounds, training: TrainingState) -> UnfinishedDrift:
    return UnfinishedDrift(rounds=rounds, training=training)
