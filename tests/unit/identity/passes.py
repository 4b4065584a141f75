"""One pass of the small UNet over rows with identities."""

import torch
from torch import Tensor

from synid_engine.identity.attention import identity_attention
from synid_engine.identity.condition import ConditionedContext, IdentityRow, condition_rows
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise


def forward(backbone: Backbone, conditioned: ConditionedContext, *, seed: int = 3) -> Tensor:
    rows = len(conditioned.context)
    latents = gaussian_noise((1, 4, 8, 8), cpu_generator(seed)).expand(rows, -1, -1, -1)
    with identity_attention(backbone.unet) as unet:
        return unet(
            latents,
            torch.full((rows,), 500),
            encoder_hidden_states=conditioned.context,
            cross_attention_kwargs=conditioned.cross_attention_kwargs,
        ).sample


def conditioned(backbone: Backbone, rows: list[IdentityRow]) -> ConditionedContext:
    context = backbone.encode_prompts(["a woman"] * len(rows))
    return condition_rows(context, rows, latent_size=(8, 8), levels=3)
