"""What stage 1 hands to the others: several pictures of one person, fused; and who else could be chosen.

Source: SynID, multi-anchor ensemble.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import DistillationError
from synid_engine.synid.drawing import DrawConfig, Drawn
from synid_engine.synid.embeds import IdentityReference, PictureEmbeds, fuse, pairwise
from synid_engine.synid.stage import require_at_least, require_within
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.words import IdentityWords

_MOST_CANDIDATES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorConfig:
    """How anchors are found.

    Attributes:
        candidates: Pictures to choose from.
        anchors: Size of the group; 1 takes the first candidate and compares nothing.
        people: Among how many of the people whom the words leave open the candidates are divided. One person
            drawn clearly is worth more than a mean of many.
        to_choose: Whether somebody chooses the portrait: among `anchors` different people then, where the
            words leave so many open.
        scene: What all candidates show, so that they differ in the person alone.
        temperature: Divides the similarities to the medoid before the softmax; small trusts the medoid alone.
        face_weight: Weight of the face in a similarity; the whole picture has the rest.
        prompt_weight: Weight of prompt following beside cohesion when groups are compared.
        draw: Steps and guidance.
    """

    candidates: int = 12
    anchors: int = 4
    people: int = 3
    to_choose: bool = False
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
        others: Of each person whom somebody can choose; empty where the anchors themselves are the choices.
        chosen: Index of the choice that this is.
    """

    images: Float[Tensor, "anchors 3 height width"]
    pictures: TrainingPictures
    reference: IdentityReference
    embeds: PictureEmbeds
    seeds: tuple[int, ...]
    portrait: int
    cohesion: float
    prompt_score: float
    others: tuple["AnchorEnsemble", ...] = ()
    chosen: int = 0

    @property
    def choices(self) -> Float[Tensor, "choices 3 height width"]:
        """What somebody can choose from: a portrait of each person, or else the anchors."""
        if not self.others:
            return self.images
        return torch.stack([other.images[other.portrait] for other in self.others])


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
    prompt_score: float,
) -> AnchorEnsemble:
    """Take the medoid as the portrait, and weight the anchors by their likeness to it.

    Args:
        chosen: The group.
        embeds: Of the group.
        words: The description.
        config: `temperature` divides the similarities before the softmax.
        seeds: Of the group's noise.
        prompt_score: Kept for the report.
    """
    similarities = pairwise(embeds, face_weight=config.face_weight)
    center = int(similarities.sum(dim=1).argmax())
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
        chosen=center,
        cohesion=_cohesion(similarities),
        prompt_score=prompt_score,
    )


def choose_portrait(anchors: AnchorEnsemble, choice: int, config: AnchorConfig) -> AnchorEnsemble:
    """Return the anchors as if this choice had been the most typical.

    Raises:
        InvalidSettingError: There is no such choice.
    """
    require_within("portrait", choice, 0, len(anchors.choices) - 1)
    if anchors.others:
        return replace(anchors.others[choice], others=anchors.others, chosen=choice)
    return _with_center(anchors, choice, config)


def _with_center(anchors: AnchorEnsemble, portrait: int, config: AnchorConfig) -> AnchorEnsemble:
    similarities = pairwise(anchors.embeds, face_weight=config.face_weight)
    weights = torch.softmax(similarities[portrait] / config.temperature, dim=0)
    return replace(
        anchors,
        pictures=replace(anchors.pictures, weights=weights),
        reference=fuse(anchors.embeds, weights, face_weight=config.face_weight),
        portrait=portrait,
        chosen=portrait,
    )


def _cohesion(similarities: Float[Tensor, "group group"]) -> float:
    count = len(similarities)
    if count == 1:
        return 1.0
    return float((similarities.sum() - similarities.diagonal().sum()) / (count * (count - 1)))
