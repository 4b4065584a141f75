"""Warm start: a new character begins where its words and the experience of finished characters point."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from synid_engine.runtime.rng import cpu_generator
from synid_engine.synid.embeds import IdentityReference, embed_pictures
from synid_engine.synid.projector import ProjectorConfig, TokenLibrary, first_tokens, portrait_tokens
from synid_engine.synid.stage import StageModels, require_at_least

__all__ = ["FinishedCharacter", "MovedTokens", "build_library"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinishedCharacter:
    """What a library keeps of somebody.

    Attributes:
        prompt: The words that the tokens began with.
        tokens: Where they ended.
        portrait: In 0..1.
    """

    prompt: str
    tokens: Float[Tensor, "tokens context_dim"]
    portrait: Float[Tensor, "3 height width"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MovedTokens(TokenLibrary):
    """The movements of finished characters' tokens, weighted by how like the new face theirs are.

    Attributes:
        movements: End less beginning, of each character.
        face_embeds: Unit vectors of their portraits.
        temperature: Divides the cosines before the softmax; small listens to the nearest alone.

    Source: SynID, meta-learned initialisation.
    Deviation: upstream averages what earlier identities ended with; here only the movement is carried over,
        so that a new character begins with its own words and nobody else's looks.
    """

    movements: Float[Tensor, "characters tokens context_dim"]
    face_embeds: Float[Tensor, "characters face_dim"]
    temperature: float

    def warmed(
        self, tokens: Float[Tensor, "tokens context_dim"], reference: IdentityReference
    ) -> Float[Tensor, "tokens context_dim"]:
        """Move tokens as the finished ones moved on average."""
        likeness = self.face_embeds @ reference.face_embed.to(self.face_embeds)
        weights = torch.softmax(likeness / self.temperature, dim=0)
        return tokens + torch.einsum("n,ntd->td", weights, self.movements).to(tokens)


def build_library(
    finished: Sequence[FinishedCharacter],
    models: StageModels,
    config: ProjectorConfig,
    *,
    temperature: float = 0.2,
) -> TokenLibrary | None:
    """Measure the movements of finished characters.

    Args:
        finished: Made with the same base model; those with another number of tokens are passed over.
        models: Frozen.
        config: Of the character to come.
        temperature: See `MovedTokens`.

    Returns:
        The library; None if nobody in it can help.

    Raises:
        InvalidSettingError: The temperature is not above 0.
    """
    require_at_least("temperature", temperature, 1e-3)
    alike = [one for one in finished if len(one.tokens) == config.tokens]
    if not alike:
        return None
    plain = ProjectorConfig(tokens=config.tokens, spread=0.0)
    movements = [one.tokens.float().cpu() - _beginning(one, models, plain) for one in alike]
    faces = [embed_pictures(one.portrait[None], models.perception).face_embeds for one in alike]
    return MovedTokens(
        movements=torch.stack(movements),
        face_embeds=functional.normalize(torch.cat(faces).float().cpu(), dim=1),
        temperature=temperature,
    )


def _beginning(
    one: FinishedCharacter, models: StageModels, config: ProjectorConfig
) -> Float[Tensor, "tokens context_dim"]:
    with torch.no_grad():
        latents = models.backbone.encode(one.portrait[None])
    read = portrait_tokens(latents, torch.ones(1), models, count=config.tokens)
    return first_tokens(one.prompt, models, config, cpu_generator(0)) if read is None else read
