"""A few-step adapter without its weights: factors of the published shapes, at random, to measure with."""

from collections.abc import Iterator
from typing import cast

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from synid_engine.runtime.few_steps import FewStepAdapter, LowRankChange
from synid_engine.runtime.model_spec import FewStepSchedule

RANK = 64
_UNCHANGED = frozenset({"conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2"})
_SPREAD = 0.003
_SCHEDULE = FewStepSchedule(steps=8, guidance_scale=5.0, noise_scheduler="ddim_trailing")


def random_few_steps(unet: UNet2DConditionModel) -> FewStepAdapter:
    """Change every layer that the published adapters change: all but the UNet's first and last.

    With Stable Diffusion 1.5 these are 278 layers and 67.25 M numbers; the files of LCM's and of Hyper-SD's
    adapter have the size of just so many, at half and at full precision.
    """
    layers = cast("Iterator[tuple[str, nn.Module]]", unet.named_modules())
    changes = {
        name: _change(layer)
        for name, layer in layers
        if isinstance(layer, nn.Linear | nn.Conv2d) and name not in _UNCHANGED
    }
    return FewStepAdapter(schedule=_SCHEDULE, changes=changes)


def _change(layer: nn.Linear | nn.Conv2d) -> LowRankChange:
    weight = layer.weight
    ones = (1,) * (weight.ndim - 2)
    return LowRankChange(
        _drawn(weight, RANK, *weight.shape[1:]), _drawn(weight, weight.shape[0], RANK, *ones)
    )


def _drawn(like: Tensor, *shape: int) -> Tensor:
    return nn.init.uniform_(torch.empty(shape, dtype=like.dtype, device=like.device), -_SPREAD, _SPREAD)
