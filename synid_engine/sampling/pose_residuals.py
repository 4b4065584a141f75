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
from synid_engine.runtime.pose_control import PoseControl
from synid_engine.sampling.row_state import RowState


def pose_residuals(
    backbone: Backbone,
    states: Sequence[RowState],
    latents: Float[Tensor, "batch c h w"],
    timesteps: Float[Tensor, " batch"],
    prompt_embeds: Sequence[Float[Tensor, "_tokens context_dim"]],
    added: Mapping[str, Tensor] | None,
) -> dict[str, object]:
    """Return what the UNet is given beside its usual arguments; nothing where no row is posed now.

    Args:
        backbone: With a ControlNet, if a row is posed.
        states: One for each row of the batch; a guided row comes once for each half, and is posed in both.
        latents: The UNet's input.
        timesteps: Likewise.
        prompt_embeds: Each row's text states, without identity tokens, which the ControlNet was not made for.
        added: Further inputs that some UNets want.

    Source: diffusers 0.42 `StableDiffusionControlNetPipeline` without `guess_mode`, which is its default.
    """
    lengths: dict[int, list[int]] = {}
    for place, state in enumerate(states):
        if state.pose_acts:
            lengths.setdefault(len(prompt_embeds[place]), []).append(place)
    control = backbone.pose_control
    if not lengths or control is None:
        return {}
    downs, middles = zip(
        *(
            _residuals(control, places, states, latents, timesteps, prompt_embeds, added)
            for places in lengths.values()
        ),
        strict=True,
    )
    order, rows = [place for places in lengths.values() for place in places], len(states)
    chosen = None if order == list(range(rows)) else torch.tensor(order, device=latents.device)
    return {
        "down_block_additional_residuals": tuple(
            _spread(parts, chosen, rows) for parts in zip(*downs, strict=True)
        ),
        "mid_block_additional_residual": _spread(middles, chosen, rows),
    }


def _residuals(
    control: PoseControl,
    places: Sequence[int],
    states: Sequence[RowState],
    latents: Float[Tensor, "batch c h w"],
    timesteps: Float[Tensor, " batch"],
    prompt_embeds: Sequence[Float[Tensor, "_tokens context_dim"]],
    added: Mapping[str, Tensor] | None,
) -> tuple[Sequence[Tensor], Tensor]:
    """Run the ControlNet over rows with prompts of one length: it has no mask that could hide padding."""
    chosen = torch.tensor(places, device=latents.device)
    weights = torch.tensor([states[place].row.pose_strength for place in places]).to(latents)
    maps = [pose for place in places if (pose := states[place].pose) is not None]
    return cast("Any", control.network)(
        latents[chosen],
        timesteps[chosen],
        encoder_hidden_states=torch.stack([prompt_embeds[place] for place in places]),
        controlnet_cond=torch.cat(maps),
        conditioning_scale=weights.view(-1, 1, 1, 1),
        added_cond_kwargs=None if added is None else {name: one[chosen] for name, one in added.items()},
        return_dict=False,
    )


def _spread(
    parts: Sequence[Float[Tensor, "_posed c h w"]], chosen: Tensor | None, rows: int
) -> Float[Tensor, "batch c h w"]:
    """Put each posed row's share in its place, and zeros between; None is every place in order."""
    residual = parts[0] if len(parts) == 1 else torch.cat(tuple(parts))
    if chosen is None:
        return residual
    spread = residual.new_zeros(rows, *residual.shape[1:])
    placed = spread.to(memory_format=choose_memory_format(residual.dtype))
    return placed.index_copy_(0, chosen, residual)
