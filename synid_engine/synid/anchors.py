"""Stage 1: who the words describe. Candidates are drawn, and the most cohesive group becomes one person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import DistillationError, InvalidSettingError
from synid_engine.synid.drawing import DrawConfig, Drawn, draw, prompt_scores
from synid_engine.synid.embeds import IdentityReference, PictureEmbeds, embed_pictures, fuse, pairwise
from synid_engine.synid.stage import Report, StageModels, require_at_least, require_within, stage_seed
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.words import IdentityWords

Pick = Callable[[Float[Tensor, "anchors 3 height width"]], int]
"""Shown the anchors; returns the index of the one that shall be the portrait."""

_MOST_CANDIDATES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorConfig:
    """How anchors are found.

    Attributes:
        candidates: Pictures to choose from.
        anchors: Size of the group; 1 takes the first candidate and compares nothing.
        people: Among how many of the people whom the words leave open the candidates are divided. One person
            drawn clearly is worth more than a mean of many.
        scene: What all candidates show, so that they differ in the person alone.
        temperature: Divides the similarities to the medoid before the softmax; small trusts the medoid alone.
        face_weight: Weight of the face in a similarity; the whole picture has the rest.
        prompt_weight: Weight of prompt following beside cohesion when groups are compared.
        draw: Steps and guidance.
    """

    candidates: int = 12
    anchors: int = 4
    people: int = 3
    scene: str = "looking calm, portrait, plain grey background"
    temperature: float = 0.1
    face_weight: float = 0.6
    prompt_weight: float = 1.0
    draw: DrawConfig = field(default_factory=DrawConfig)

    def __post_init__(self) -> None:
        require_within("anchors", self.anchors, 1, min(self.candidates, 8))
        require_within("candidates", self.candidates, 1, _MOST_CANDIDATES)
        require_within("people", self.people, 1, self.candidates)
        require_at_least("temperature", self.temperature, 1e-3)
        require_within("face_weight", self.face_weight, 0, 1)

    @property
    def rows(self) -> int:
        """Work in forward rows of the UNet."""
        return (self.candidates if self.anchors > 1 else 1) * (self.draw.rows_a_picture + 10)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnchorEnsemble:
    """What stage 1 hands to the others; it never changes afterwards.

    Attributes:
        images: The anchors in 0..1.
        pictures: The same, ready to be learnt from, with the softmax weights.
        reference: The fused embedding.
        embeds: Of each anchor.
        seeds: Of each anchor's noise.
        portrait: Index of the canonical portrait: the medoid, or what the caller picked.
        cohesion: Mean similarity within the group.
        prompt_score: Mean cosine of the anchors with their prompt.
    """

    images: Float[Tensor, "anchors 3 height width"]
    pictures: TrainingPictures
    reference: IdentityReference
    embeds: PictureEmbeds
    seeds: tuple[int, ...]
    portrait: int
    cohesion: float
    prompt_score: float


def find_anchors(
    words: IdentityWords,
    models: StageModels,
    config: AnchorConfig,
    *,
    seed: int,
    report: Report,
    pick: Pick | None = None,
) -> AnchorEnsemble:
    """Draw candidates from the description and fuse the most cohesive group.

    Args:
        words: The description.
        models: Frozen.
        config: How many, and how they are compared.
        seed: Every candidate's noise follows from it.
        report: Told of every denoising step.
        pick: Chooses the portrait among the anchors; None takes the medoid.

    Raises:
        InvalidSettingError: `pick` returned no index of an anchor.
        DistillationError: The pictures cannot be embedded.

    Source: SynID, multi-anchor ensemble.
    Deviation: candidates are people whose every trait is said, where the wording can; the group is chosen by
        cohesion, and the others are weighted by likeness to its medoid. The mean of four different people is
        nobody.
    """
    seeds = _candidate_seeds(config, seed)
    prompts = [
        _candidate_words(words, config, seed, number).prompt(config.scene) for number in range(len(seeds))
    ]
    drawn = draw(prompts, seeds, models, config.draw, report=report)
    embeds = embed_pictures(drawn.images, models.perception)
    scores = prompt_scores(embeds.image_embeds, prompts, models.perception)
    group = cohesive_group(
        pairwise(embeds, face_weight=config.face_weight), scores, config.anchors, config.prompt_weight
    )
    chosen = _choose(drawn, group)
    return fuse_anchors(
        chosen,
        embeds.select(group),
        words,
        config,
        seeds=tuple(seeds[number] for number in group),
        portrait=None if pick is None else _picked(pick, chosen.images),
        prompt_score=float(scores[group].mean()),
    )


def portrait_words(
    words: IdentityWords, anchors: AnchorEnsemble, config: AnchorConfig, *, seed: int
) -> IdentityWords:
    """Return the words that the portrait was drawn from: the description, and who was chosen to fill it in.

    Args:
        words: The description.
        anchors: What `find_anchors` found with the same configuration and seed.
        config: How they were found.
        seed: The creation's.
    """
    number = _candidate_seeds(config, seed).index(anchors.seeds[anchors.portrait])
    return _candidate_words(words, config, seed, number)


def _candidate_seeds(config: AnchorConfig, seed: int) -> list[int]:
    count = config.candidates if config.anchors > 1 else 1
    return [stage_seed(seed, f"anchor {number}") for number in range(count)]


def _candidate_words(words: IdentityWords, config: AnchorConfig, seed: int, number: int) -> IdentityWords:
    return words.somebody(stage_seed(seed, f"person {number % config.people}"))


def cohesive_group(
    similarities: Float[Tensor, "candidates candidates"],
    prompt_scores: Float[Tensor, " candidates"],
    size: int,
    prompt_weight: float,
) -> list[int]:
    """Return the candidates whose mean similarity and prompt score together are the highest.

    Raises:
        DistillationError: A similarity is not a number.
    """
    if not bool(torch.isfinite(similarities).all()):
        raise DistillationError("similarity")

    def quality(group: Sequence[int]) -> float:
        index = torch.tensor(group)
        prompt = float(prompt_scores[index].mean())
        return _cohesion(similarities[index][:, index]) + prompt_weight * prompt

    return list(max(combinations(range(len(prompt_scores)), size), key=quality))


def fuse_anchors(
    chosen: Drawn,
    embeds: PictureEmbeds,
    words: IdentityWords,
    config: AnchorConfig,
    *,
    seeds: tuple[int, ...],
    portrait: int | None,
    prompt_score: float,
) -> AnchorEnsemble:
    """Weight the anchors by their likeness to the portrait.

    Args:
        chosen: The group.
        embeds: Of the group.
        words: The description.
        config: `temperature` divides the similarities before the softmax.
        seeds: Of the group's noise.
        portrait: Index of the portrait; None takes the medoid.
        prompt_score: Kept for the report.
    """
    similarities = pairwise(embeds, face_weight=config.face_weight)
    center = int(similarities.sum(dim=1).argmax()) if portrait is None else portrait
    weights = torch.softmax(similarities[center] / config.temperature, dim=0)
    count = len(weights)
    pictures = TrainingPictures(
        latents=chosen.latents,
        prompts=(words.prompt(config.scene),) * count,
        bare_prompts=(words.bare_prompt(config.scene),) * count,
        weights=weights,
    )
    return AnchorEnsemble(
        images=chosen.images,
        pictures=pictures,
        reference=fuse(embeds, weights, face_weight=config.face_weight),
        embeds=embeds,
        seeds=seeds,
        portrait=center,
        cohesion=_cohesion(similarities),
        prompt_score=prompt_score,
    )


def choose_portrait(anchors: AnchorEnsemble, portrait: int, config: AnchorConfig) -> AnchorEnsemble:
    """Return the anchors as if this one had been picked when they were found.

    Raises:
        InvalidSettingError: There is no such anchor.
    """
    require_within("portrait", portrait, 0, len(anchors.images) - 1)
    similarities = pairwise(anchors.embeds, face_weight=config.face_weight)
    weights = torch.softmax(similarities[portrait] / config.temperature, dim=0)
    return replace(
        anchors,
        pictures=replace(anchors.pictures, weights=weights),
        reference=fuse(anchors.embeds, weights, face_weight=config.face_weight),
        portrait=portrait,
    )


def _cohesion(similarities: Float[Tensor, "group group"]) -> float:
    count = len(similarities)
    if count == 1:
        return 1.0
    return float((similarities.sum() - similarities.diagonal().sum()) / (count * (count - 1)))


def _choose(drawn: Drawn, group: list[int]) -> Drawn:
    return Drawn(latents=drawn.latents[group], images=drawn.images[group])


def _picked(pick: Pick, images: Tensor) -> int:
    index = cast("object", pick(images))
    if not isinstance(index, int) or not 0 <= index < len(images):
        raise InvalidSettingError(field="pick", value=index, allowed=f"0 to {len(images) - 1}")
    return index
