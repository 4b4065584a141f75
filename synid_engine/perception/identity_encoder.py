"""From portraits to identity tokens: what a base model of the drawn world was trained to listen to.

Knows nothing about files, prompts or the denoiser.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn


class IdentityEncoder(nn.Module):
    """Reads the latents of a portrait into tokens of the prompt's space, which are appended to a prompt.

    Learnt queries look at a grid of features, so that who somebody is does not depend on where in the picture
    the person stands. The denoiser is trained with tokens of *another* picture of the same person than the
    one it must draw: only what the two share is worth a token.

    Source: IP-Adapter and FaceStudio, image features as tokens of the cross-attention; SynID, identity
        projector.
    Deviation: the tokens join the prompt in one softmax, and the denoiser learns with them from the start.
    """

    def __init__(
        self, *, latent_channels: int = 32, context_dim: int = 128, tokens: int = 8, width: int = 64
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(latent_channels, width, 3, padding=1)
        self.fine = nn.Conv2d(width, width, 3, padding=1)
        self.down = nn.Conv2d(width, context_dim, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(context_dim, context_dim, 3, padding=1)
        self.fine_norm = nn.GroupNorm(8, width)
        self.coarse_norm = nn.GroupNorm(8, context_dim)
        self.queries = nn.Parameter(torch.randn(tokens, context_dim) / math.sqrt(context_dim))
        self.key = nn.Linear(context_dim, context_dim)
        self.value = nn.Linear(context_dim, context_dim)
        self.mix = nn.Sequential(
            nn.LayerNorm(context_dim), nn.Linear(context_dim, 192), nn.GELU(), nn.Linear(192, context_dim)
        )
        self.last_norm = nn.LayerNorm(context_dim)

    @property
    def token_count(self) -> int:
        """Tokens of a picture."""
        return self.queries.shape[0]

    def forward(
        self, latents: Float[Tensor, "pictures channels h w"]
    ) -> Float[Tensor, "pictures tokens context_dim"]:
        """Return each picture's tokens."""
        features = F.silu(self.stem(latents))
        features = features + F.silu(self.fine_norm(self.fine(features)))
        features = F.silu(self.down(features))
        features = features + F.silu(self.coarse_norm(self.coarse(features)))
        cells = features.flatten(2).transpose(1, 2)
        scores = self.queries.to(cells.dtype) @ self.key(cells).transpose(1, 2) / math.sqrt(cells.shape[2])
        read = scores.softmax(dim=-1) @ self.value(cells)
        return cast("Tensor", self.last_norm(read + self.queries + self.mix(read)))
