"""Stage 3: the character draws itself in many scenes; the best and most different pictures teach it again."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from synid_engine.identity.bank import IdentityBank
from synid_engine.synid.drawing import DrawConfig, draw, prompt_scores
from synid_engine.synid.embeds import IdentityReference, PictureEmbeds, embed_pictures, fuse
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.projector import Projection, learn_tokens, portrait_tokens
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
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.training_state import TrainingState
from synid_engine.synid.words import IdentityWords

# Own combinations, none of which an evaluation asks for. Those with clothes teach that clothes can change.
SCENES = (
    "smiling, plain blue background",
    "laughing, wide shot, in a forest",
    "looking sad, plain white background",
    "angry, in the city",
    "surprised, plain yellow background",
    "winking, on a beach, leaning to the left",
    "looking calm, close-up, at sunset",
    "crying, plain green background",
    "shouting, in the snow, wide shot",
    "sleepy, plain purple background",
    "annoyed, in the mountains",
    "smiling, close-up, at night",
    "laughing, plain grey background, leaning to the right",
    "looking calm, on a beach, wide shot",
    "angry, close-up, plain orange background",
    "surprised, in a forest, leaning to the right",
    "smiling, wearing a white t-shirt, plain grey background",
    "looking calm, wearing a black hoodie, in the city",
    "laughing, wearing a yellow sweater, plain blue background",
    "looking sad, wearing a purple shirt, in the snow",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapConfig:
    """How the character is shown to itself.

    Attributes:
        scenes: What to draw, one picture each.
        accepted: How many pictures are kept.
        identity_weight: Weight of likeness to the reference in a picture's score.
        prompt_weight: Weight of prompt following.
        variety_weight: Weight of the distance to the nearest picture already kept.
        reference_share: In [0, 1]; how much of the refined embedding, and of the training rows, stays with
            the anchors.
        draw: Steps and guidance.
        training: Budget of the retraining.
    """

    scenes: tuple[str, ...] = SCENES
    accepted: int = 8
    identity_weight: float = 1.0
    prompt_weight: float = 0.5
    variety_weight: float = 0.3
    reference_share: float = 0.85
    draw: DrawConfig = field(default_factory=DrawConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(steps=30, learning_rate=5e-3))

    def __post_init__(self) -> None:
        require_within("accepted", self.accepted, 1, len(self.scenes))
        require_within("reference_share", self.reference_share, 0, 1)

    @property
    def rows(self) -> int:
        """Work in forward rows of the UNet."""
        return len(self.scenes) * (self.draw.rows_a_picture + 10) + self.training.rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CandidateScores:
    """How good each candidate is: likeness to the reference, prompt following, and looks for variety."""

    identity: Float[Tensor, " candidates"]
    prompt: Float[Tensor, " candidates"]
    embeds: PictureEmbeds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bootstrapped:
    """What stage 3 hands on.

    Attributes:
        projection: The retrained tokens.
        accepted: Pictures that were kept.
        refined: The reference, moved a little towards them; trained towards, never measured against.
        identity: Mean likeness of the accepted pictures to the fixed reference.
        prompt_score: Mean prompt following of the accepted pictures.
    """

    projection: Projection
    accepted: TrainingPictures
    refined: IdentityReference
    identity: float
    prompt_score: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectedPictures:
    """The pictures that the character is retrained on; the attributes are those of `Bootstrapped`."""

    accepted: TrainingPictures
    refined: IdentityReference
    identity: float
    prompt_score: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnfinishedBootstrap:
    """Stage 3 within its retraining."""

    selected: SelectedPictures
    training: TrainingState


def bootstrap(  # noqa: PLR0913  (a stage's inputs, models, config and chance)
    anchors: AnchorEnsemble,
    projection: Projection,
    words: IdentityWords,
    models: StageModels,
    config: BootstrapConfig,
    generator: torch.Generator,
    *,
    seed: int,
    report: Report,
    bookmark: Bookmark[UnfinishedBootstrap] = NO_BOOKMARK,
) -> Bootstrapped:
    """Draw scenes with the identity, keep the best, and retrain on them beside the anchors.

    Args:
        anchors: The fixed reference.
        projection: The tokens so far.
        words: The description.
        models: Frozen.
        config: Scenes, scores and budget.
        generator: All chance of the training.
        seed: Every candidate's noise follows from it.
        report: Told of every step.
        bookmark: Where the retraining goes on, and is kept.

    Source: SynID, bootstrap.
    Deviation: candidates are drawn with the identity and only the accepted ones are trained on.
    """
    drawn_share = 1 - config.training.rows / config.rows
    found = bookmark.found
    if found is None:
        drawing = part_of(report, 0, drawn_share)
        selected = _selected(anchors, projection, words, models, config, seed=seed, report=drawing)
    else:
        selected = found.selected
    learnt = learn_tokens(
        refined_tokens(projection, selected.accepted, models, share=config.reference_share),
        anchors.pictures.joined(selected.accepted, share=config.reference_share),
        selected.refined,
        models,
        config.training,
        generator,
        value_gain=projection.value_gain,
        report=part_of(report, drawn_share, 1),
        bookmark=inner_bookmark(
            bookmark,
            None if found is None else found.training,
            lambda state: UnfinishedBootstrap(selected=selected, training=state),
        ),
    )
    return Bootstrapped(
        projection=learnt,
        accepted=selected.accepted,
        refined=selected.refined,
        identity=selected.identity,
        prompt_score=selected.prompt_score,
    )


def _selected(
    anchors: AnchorEnsemble,
    projection: Projection,
    words: IdentityWords,
    models: StageModels,
    config: BootstrapConfig,
    *,
    seed: int,
    report: Report,
) -> SelectedPictures:
    """Draw the scenes and choose among the pictures."""
    prompts = [words.prompt(scene) for scene in config.scenes]
    seeds = [stage_seed(seed, f"bootstrap {number}") for number in range(len(prompts))]
    bank: IdentityBank = projection.bank(models)
    drawn = draw(prompts, seeds, models, config.draw, report=report, bank=bank)
    embeds = embed_pictures(drawn.images, models.perception)
    scores = CandidateScores(
        identity=anchors.reference.similarities(embeds),
        prompt=prompt_scores(embeds.image_embeds, prompts, models.perception),
        embeds=embeds,
    )
    kept = select_varied(scores, config)
    accepted = TrainingPictures(
        latents=drawn.latents[kept],
        prompts=tuple(prompts[index] for index in kept),
        bare_prompts=tuple(words.bare_prompt(config.scenes[index]) for index in kept),
        weights=torch.softmax(scores.identity[kept] / 0.1, dim=0),
    )
    return SelectedPictures(
        accepted=accepted,
        refined=refine(
            anchors.reference, embeds.select(kept), accepted.weights, share=config.reference_share
        ),
        identity=float(scores.identity[kept].mean()),
        prompt_score=float(scores.prompt[kept].mean()),
    )


def select_varied(scores: CandidateScores, config: BootstrapConfig) -> list[int]:
    """Return whom to keep: the best first, then the best by score and distance to those kept."""
    quality = config.identity_weight * scores.identity + config.prompt_weight * scores.prompt
    images = scores.embeds.image_embeds
    kept = [int(quality.argmax())]
    while len(kept) < config.accepted:
        nearest = (images @ images[kept].T).max(dim=1).values
        value = quality + config.variety_weight * (1 - nearest)
        value[kept] = float("-inf")
        kept.append(int(value.argmax()))
    return kept


def refined_tokens(
    projection: Projection, accepted: TrainingPictures, models: StageModels, *, share: float
) -> Float[Tensor, "tokens context_dim"]:
    """Move the tokens towards what the identity encoder reads from the accepted pictures.

    `share` in [0, 1] of them stays; without an encoder all of it.
    """
    read = portrait_tokens(accepted.latents, accepted.weights, models, count=len(projection.tokens))
    return projection.tokens if read is None else share * projection.tokens + (1 - share) * read


def refine(
    reference: IdentityReference,
    embeds: PictureEmbeds,
    weights: Float[Tensor, " pictures"],
    *,
    share: float,
) -> IdentityReference:
    """Move the reference towards pictures of the same person; `share` in [0, 1] of it stays."""
    other = fuse(embeds, weights, face_weight=reference.face_weight)

    def mixed(own: Tensor, seen: Tensor) -> Tensor:
        return functional.normalize(share * own + (1 - share) * seen, dim=0)

    return IdentityReference(
        face_embed=mixed(reference.face_embed, other.face_embed),
        image_embed=mixed(reference.image_embed, other.image_embed),
        face_weight=reference.face_weight,
    )
