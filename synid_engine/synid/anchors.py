"""Stage 1: who the words describe. Candidates are drawn, and the most cohesive group becomes one person."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import InvalidSettingError
from synid_engine.synid.drawing import Drawn, draw, prompt_scores
from synid_engine.synid.embeds import PictureEmbeds, embed_pictures, pairwise
from synid_engine.synid.ensemble import (
    AnchorConfig,
    AnchorEnsemble,
    choose_portrait,
    cohesive_group,
    fuse_anchors,
)
from synid_engine.synid.stage import Report, StageModels, stage_seed
from synid_engine.synid.words import IdentityWords

Pick = Callable[[Float[Tensor, "choices 3 height width"]], int]
"""Shown what there is to choose from; returns the index of the one that shall be the portrait."""

_MOST_PEOPLE_ASKED = 16
"""So many people are thought of until enough of them differ."""


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
        pick: Chooses among what there is to choose from; None takes the most typical.

    Raises:
        InvalidSettingError: `pick` returned no index of a choice.
        DistillationError: The pictures cannot be embedded.

    Source: SynID, multi-anchor ensemble.
    Deviation: candidates are people whose every trait is said, where the wording can; the group is chosen by
        cohesion, and the others are weighted by likeness to its medoid. The mean of four different people is
        nobody.
    """
    seeds = _candidate_seeds(config, seed)
    people = _people(words, config, seed)
    prompts = [people[number % len(people)].prompt(config.scene) for number in range(len(seeds))]
    drawn = draw(prompts, seeds, models, config.draw, report=report)
    candidates = Candidates(
        drawn=drawn,
        embeds=embed_pictures(drawn.images, models.perception),
        prompts=tuple(prompts),
        seeds=tuple(seeds),
        words=words,
    )
    scores = prompt_scores(candidates.embeds.image_embeds, prompts, models.perception)
    anchors = candidates.most_typical(scores, config)
    return anchors if pick is None else choose_portrait(anchors, _picked(pick, anchors.choices), config)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """All that was drawn, with what it was drawn from.

    Attributes:
        drawn: The pictures.
        embeds: Of each.
        prompts: Of each; those of one person are equal.
        seeds: Of each one's noise.
        words: The description.
    """

    drawn: Drawn
    embeds: PictureEmbeds
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    words: IdentityWords

    def most_typical(self, scores: Float[Tensor, " candidates"], config: AnchorConfig) -> AnchorEnsemble:
        """Fuse the most cohesive group; where somebody chooses, of each person, and theirs is the first.

        Args:
            scores: How well each follows its prompt.
            config: How groups are compared.
        """
        similarities = pairwise(self.embeds, face_weight=config.face_weight)
        people = tuple(dict.fromkeys(self.prompts))
        if not config.to_choose or len(people) == 1:
            everybody = range(len(self.seeds))
            return self._fused(list(everybody), config.anchors, similarities, scores, config)
        others: list[AnchorEnsemble] = []
        for person in people:
            own = [number for number, prompt in enumerate(self.prompts) if prompt == person]
            size = min(config.anchors, len(own))
            others.append(self._fused(own, size, similarities, scores, config))
        best = max(range(len(others)), key=lambda number: others[number].prompt_score)
        return replace(others[best], others=tuple(others), chosen=best)

    def _fused(
        self,
        among: list[int],
        size: int,
        similarities: Float[Tensor, "candidates candidates"],
        scores: Float[Tensor, " candidates"],
        config: AnchorConfig,
    ) -> AnchorEnsemble:
        """Fuse the most cohesive group of some of the candidates."""
        index = torch.tensor(among)
        found = cohesive_group(similarities[index][:, index], scores[index], size, config.prompt_weight)
        group = [among[number] for number in found]
        return fuse_anchors(
            Drawn(latents=self.drawn.latents[group], images=self.drawn.images[group]),
            self.embeds.select(group),
            self.words,
            config,
            seeds=tuple(self.seeds[number] for number in group),
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
    people = _people(words, config, seed)
    return people[number % len(people)]


def _candidate_seeds(config: AnchorConfig, seed: int) -> list[int]:
    count = config.candidates if config.anchors > 1 else 1
    return [stage_seed(seed, f"anchor {number}") for number in range(count)]


def _people(words: IdentityWords, config: AnchorConfig, seed: int) -> list[IdentityWords]:
    """Return the words of the people among whom the candidates are divided."""
    if not config.to_choose:
        return [words.somebody(stage_seed(seed, f"person {number}")) for number in range(config.people)]
    thought_of = (
        words.somebody(stage_seed(seed, f"person {number}")) for number in range(_MOST_PEOPLE_ASKED)
    )
    different = {somebody.prompt(config.scene): somebody for somebody in thought_of}
    return list(different.values())[: config.anchors]


def _picked(pick: Pick, images: Tensor) -> int:
    index = cast("object", pick(images))
    if not isinstance(index, int) or not 0 <= index < len(images):
        raise InvalidSettingError(field="pick", value=index, allowed=f"0 to {len(images) - 1}")
    return index
