"""What a character is learnt from: pictures, and what each of them shows in words."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingPictures:
    """Pictures of one person, ready to be learnt from.

    Attributes:
        latents: Clean latents, scaled as the denoiser wants them.
        prompts: What each shows, the person included.
        bare_prompts: The same with nothing said about the person.
        weights: Share of the rows that each gets; they sum to 1.
    """

    latents: Float[Tensor, "pictures c h w"]
    prompts: tuple[str, ...]
    bare_prompts: tuple[str, ...]
    weights: Float[Tensor, " pictures"]

    def joined(self, other: "TrainingPictures", *, share: float) -> "TrainingPictures":
        """Return both together; `share` in [0, 1] of the rows stays with these."""
        return TrainingPictures(
            latents=torch.cat([self.latents, other.latents]),
            prompts=self.prompts + other.prompts,
            bare_prompts=self.bare_prompts + other.bare_prompts,
            weights=torch.cat([share * self.weights, (1 - share) * other.weights]),
        )
