"""What the ControlNet adds to a batch, for those of its rows that are posed now.

The others take no part in the ControlNet's own batch, and get zeros where these get something.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.device import choose_memory_format
from synid_engine.sampling.row_state import RowState


def pose_residuals(
    backbone: Backbone,
    states: Sequence[RowState],
    latents: Float[Tensor, "batch c h w"],
    timesteps: Float[Tensor, " batch"],
    prompt_embeds: Float[Tensor, "batch tokens context_dim"],
    added: Mapping[str, Tensor] | None,
) -> dict[str, object]:
    """Return what the UNet is given beside its usual arguments; nothing where no row is posed now.

    Args:
        backbone: With a ControlNet, if a row is posed.
        states: One for each row of the batch; a guided row comes once for each half, and is posed in both.
        latents: The UNet's input.
        timesteps: Likewise.
        prompt_embeds: Text states without identity tokens, which the ControlNet was not made for.
        added: Further inputs that some UNets want.

    Source: diffusers 0.42 `StableDiffusionControlNetPipeline` without `guess_mode`, which is its default.
    """
    posed = [place for place, state in enumerate(states) if state.pose_acts]
    if not posed or backbone.pose_control is None:
        return {}
    chosen = torch.tensor(posed, device=latents.device)
    weights = torch.tensor([states[place].row.pose_strength for place in posed]).to(latents)
    maps = [pose for place in posed if (pose := states[place].pose) is not None]
    down, middle = cast("Any", backbone.pose_control.network)(
        latents[chosen],
        timesteps[chosen],
        encoder_hidden_states=prompt_embeds[chosen],
        controlnet_cond=torch.cat(maps),
        conditioning_scale=weights.view(-1, 1, 1, 1),
        added_cond_kwargs=None if added is None else {name: one[chosen] for name, one in added.items()},
        return_dict=False,
    )
    rows = len(states)
    return {
        "down_block_additional_residuals": tuple(_spread(one, chosen, rows) for one in down),
        "mid_block_additional_residual": _spread(middle, chosen, rows),
    }


def _spread(
    residual: Float[Tensor, "posed c h w"], chosen: Tensor, rows: int
) -> Float[Tensor, "batch c h w"]:
    """Put each posed row's share in its place, and zeros between."""
    if len(residual) == rows:
        return residual
    spread = residual.new_zeros(rows, *residual.shape[1:])
    placed = spread.to(memory_format=choose_memory_format(residual.dtype))
    return placed.index_copy_(0, chosen, residual)
