"""Stage 5: a low-rank change of the attention is learnt, and stays only if it draws the character better."""

from dataclasses import dataclass, field, replace

import torch

from synid_engine.identity.bank import IdentityBank
from synid_engine.synid.drawing import DrawConfig
from synid_engine.synid.embeds import IdentityReference
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.probes import Probe, ProbeScore, probe_bank
from synid_engine.synid.projector import Projection
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
from synid_engine.synid.trainable import TrainableLowRank
from synid_engine.synid.training import TrainingConfig, train
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.training_state import TrainingState
from synid_engine.synid.words import IdentityWords

HELD_OUT_SCENES = (
    "laughing, plain purple background",
    "looking sad, in a forest",
    "shouting, plain yellow background",
    "smiling, wide shot, at sunset",
    "annoyed, close-up, plain blue background",
    "crying, on a beach",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterConfig:
    """How the adapter is trained and judged.

    Attributes:
        rank: Of the change of each projection.
        reference_share: In [0, 1]; how much of the training rows are anchors, where pictures were accepted.
        prompt_weight: Weight of prompt following beside likeness when the bank is judged.
        scenes: Held-out scenes that it is judged by.
        draw: Steps and guidance of those.
        training: Budget and losses.
    """

    rank: int = 8
    reference_share: float = 0.5
    prompt_weight: float = 0.5
    scenes: tuple[str, ...] = HELD_OUT_SCENES
    draw: DrawConfig = field(default_factory=DrawConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            steps=100,
            learning_rate=5e-4,
            caption_dropout=0.0,
            level_dropout=0.0,
            perception_every=0,
            diversity_weight=0.0,
        )
    )

    def __post_init__(self) -> None:
        require_within("rank", self.rank, 1, 64)
        require_within("reference_share", self.reference_share, 0, 1)
        require_within("scenes", len(self.scenes), 1, 64)

    @property
    def rows(self) -> int:
        """Work in forward rows of the UNet."""
        return 2 * len(self.scenes) * (self.draw.rows_a_picture + 10) + self.training.rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapted:
    """What stage 5 ends with.

    Attributes:
        bank: With the trained adapter, or that of the stage before.
        kept: Whether it has the adapter.
        before: Held-out score of the stage before.
        after: Held-out score with the adapter.
        steps: Steps that its training took.
    """

    bank: IdentityBank
    kept: bool
    before: ProbeScore
    after: ProbeScore
    steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lessons:
    """What the adapter is trained on beside the anchors, and who it is trained to be.

    Attributes:
        accepted: Pictures that the bootstrap kept; None where it did not run.
        reference: The embedding of the identity losses.
    """

    accepted: TrainingPictures | None
    reference: IdentityReference


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnfinishedAdapter:
    """Stage 5 within its training: how the stage before was judged, and the training."""

    before: ProbeScore
    training: TrainingState


def adapt(  # noqa: PLR0913  (a stage's inputs, models, config and chance)
    anchors: AnchorEnsemble,
    lessons: Lessons,
    projection: Projection,
    words: IdentityWords,
    models: StageModels,
    config: AdapterConfig,
    generator: torch.Generator,
    *,
    seed: int,
    report: Report,
    bookmark: Bookmark[UnfinishedAdapter] = NO_BOOKMARK,
) -> Adapted:
    """Train a low-rank change beside the tokens' bank, and compare with and without on held-out scenes.

    Args:
        anchors: The fixed reference that both are judged by.
        lessons: What the bootstrap found.
        projection: The tokens so far.
        words: Those that the character is drawn with, and so those that it is trained with.
        models: Frozen.
        config: Budget, losses and judgement.
        generator: All chance of the training.
        seed: The held-out noise follows from it.
        report: Told of every step.
        bookmark: Where the training goes on, and is kept.

    Source: SynID, identity adapter; LoRA (Hu et al. 2021) for its form.
    Deviation: upstream trains 56 M weights behind the attention on all candidates and keeps whatever comes
        out; here the attention's own projections change, by 0.14 M numbers in the embedded model, which are
        inputs of a row.
    """
    start = projection.bank(models)
    probe = Probe(scenes=config.scenes, seed=stage_seed(seed, "held out"), draw=config.draw)
    look = (1 - config.training.rows / config.rows) / 2
    found, training = bookmark.found, None
    if found is None:
        before = probe_bank(start, probe, words, anchors.reference, models, report=part_of(report, 0, look))
    else:
        before, training = found.before, found.training
    trainable = TrainableLowRank.start(start, models.backbone, rank=config.rank, generator=generator)
    pictures = _retold(anchors.pictures, words)
    if lessons.accepted is not None:
        pictures = pictures.joined(lessons.accepted, share=config.reference_share)
    learning = part_of(report, look, 1 - look)
    outcome = train(
        trainable,
        pictures,
        lessons.reference,
        models,
        config.training,
        generator,
        report=learning,
        bookmark=inner_bookmark(
            bookmark, training, lambda state: UnfinishedAdapter(before=before, training=state)
        ),
    )
    trained = trainable.bank().detach()
    after = probe_bank(trained, probe, words, anchors.reference, models, report=part_of(report, 1 - look, 1))
    weight = config.prompt_weight
    kept = after.total(prompt_weight=weight) > before.total(prompt_weight=weight)
    bank = trained if kept else start
    return Adapted(bank=bank, kept=kept, before=before, after=after, steps=outcome.steps)


def _retold(pictures: TrainingPictures, words: IdentityWords) -> TrainingPictures:
    """Describe pictures in the words that the character is drawn with."""
    return replace(pictures, prompts=tuple(words.prompt(bare) for bare in pictures.bare_prompts))
