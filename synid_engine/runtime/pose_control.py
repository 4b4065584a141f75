"""A ControlNet that holds poses, with the network that reads its maps taken apart from it.

What that network makes of a map is the same at every step, so whoever denoises asks for it once a picture.
Knows nothing about rows or steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn

from synid_engine.errors import UnsupportedModelError
from synid_engine.runtime.model_folder import ModelFolder

CONTROLNET = "controlnet"
_SAME = ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim")
_ORDER = "controlnet_conditioning_channel_order"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoseControl:
    """The two parts of a ControlNet.

    Attributes:
        network: Takes an embedded map in place of a map; gives what is added inside the UNet.
        embedding: Reads maps.
        is_bgr: Whether it was trained on maps with red and blue exchanged.
    """

    network: ControlNetModel
    embedding: nn.Module
    is_bgr: bool = False

    @torch.no_grad()
    def embed(self, pose_maps: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch c h w"]:
        """Return what the network takes of RGB maps in [0, 1] of the picture's size."""
        maps = pose_maps.flip(1) if self.is_bgr else pose_maps
        parameter = next(self.embedding.parameters())
        return cast("Tensor", self.embedding(maps.to(parameter.device, parameter.dtype)))


def make_pose_control(network: ControlNetModel) -> PoseControl:
    """Take a ControlNet apart; the network given is changed and belongs to the result."""
    parts = cast("Any", network)
    embedding: nn.Module = parts.controlnet_cond_embedding
    is_bgr = parts.config[_ORDER] == "bgr"
    parts.controlnet_cond_embedding = nn.Identity()
    parts.register_to_config(**{_ORDER: "rgb"})  # an embedded map has no colours to exchange
    return PoseControl(network=network, embedding=embedding, is_bgr=is_bgr)


def load_pose_control(models: ModelFolder, root: Path, unet: UNet2DConditionModel) -> PoseControl | None:
    """Load `controlnet` of a folder in diffusers' layout; None where there is none.

    Raises:
        MissingModelError: Its weights are not there.
        DamagedModelError: A file cannot be read or lacks weights.
        UnsupportedModelError: It belongs to a UNet of another shape.
    """
    if not (root / CONTROLNET).is_dir():
        return None
    network = cast("ControlNetModel", models.model(CONTROLNET, ControlNetModel))
    ours, theirs = cast("Mapping[str, Any]", network.config), cast("Mapping[str, Any]", unet.config)
    for name in _SAME:
        if _plain(ours[name]) != _plain(theirs[name]):
            raise UnsupportedModelError(folder=root, feature=f"a controlnet with {name} {ours[name]}")
    return make_pose_control(network)


def _plain(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value
