"""The training that ours is measured against: adapters of float32 weights behind every block, row by row.

Only its speed is of interest. It is written after the published description, with nothing of the code.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise

_BLOCK = "BasicTransformerBlock"
_HEADS = 8
_TOKENS = 4
_SCALE = 0.25


class BlockAdapter(nn.Module):
    """Adds to a block's output what it reads in the identity tokens, and a small network's view of that.

    Source: SynID, identity adapter: `h + s * (d + MLP(d))`, d a cross-attention of 8 heads to the tokens.
    """

    def __init__(self, width: int, context_dim: int) -> None:
        super().__init__()
        self.to_q, self.to_out = nn.Linear(width, width), nn.Linear(width, width)
        self.to_k, self.to_v = nn.Linear(context_dim, width), nn.Linear(context_dim, width)
        self.mlp = nn.Sequential(nn.Linear(width, width // 2), nn.SiLU(), nn.Linear(width // 2, width))
        self.tokens: Tensor | None = None

    def forward(
        self, hidden_states: Float[Tensor, "batch queries width"]
    ) -> Float[Tensor, "batch queries width"]:
        """Return the output of the block with the identity in it, in the block's own number format."""
        assert self.tokens is not None  # noqa: S101  (set by whoever trains)
        states = hidden_states.float()
        query, key, value = (
            part.view(*part.shape[:2], _HEADS, -1).transpose(1, 2)
            for part in (self.to_q(states), self.to_k(self.tokens), self.to_v(self.tokens))
        )
        attended = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        delta = cast("Tensor", self.to_out(attended))
        return (states + _SCALE * (delta + cast("Tensor", self.mlp(delta)))).to(hidden_states)


class UpstreamTraining:
    """One character's training; each step is one row of one picture."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        blocks = [module for module in backbone.unet.modules() if type(module).__name__ == _BLOCK]
        widths = [int(cast("Any", block).norm1.weight.shape[0]) for block in blocks]
        made = [BlockAdapter(width, backbone.context_dim) for width in widths]
        self._blocks, self.adapters = blocks, nn.ModuleList(made).to(backbone.device)
        tokens = gaussian_noise((1, _TOKENS, backbone.context_dim), cpu_generator(3)).to(backbone.device)
        for adapter in made:
            adapter.tokens = tokens
        self._adam = torch.optim.AdamW(self.adapters.parameters(), lr=1e-5, weight_decay=1e-4)
        self._noise = gaussian_noise((1, *backbone.latent_shape), cpu_generator(4)).to(backbone.device)
        self._context = backbone.encode_prompts([""])

    @property
    def parameter_count(self) -> int:
        """Numbers that are trained."""
        return sum(parameter.numel() for parameter in self.adapters.parameters())

    def step(self) -> None:
        """Predict the noise of one row, and change every adapter a little."""
        with self._attached():
            predicted = cast("Any", self._backbone.unet)(
                self._noise.to(self._backbone.dtype), 500, encoder_hidden_states=self._context
            ).sample
            loss = functional.mse_loss(cast("Tensor", predicted).float(), self._noise)
            cast("Any", loss).backward()
        torch.nn.utils.clip_grad_norm_(self.adapters.parameters(), 1.0)
        cast("Any", self._adam).step()
        self._adam.zero_grad()

    @contextmanager
    def _attached(self) -> Generator[None]:
        """Let every block's output go through its adapter for a while."""
        hooks = [
            block.register_forward_hook(lambda _block, _inputs, output, adapter=adapter: adapter(output))
            for block, adapter in zip(self._blocks, self.adapters, strict=True)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
