"""A row's pose map as the ControlNet takes it, embedded once."""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from synid_engine.errors import NoPoseControlError, PictureSizeMismatchError
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.row import RenderRow


@torch.no_grad()
def embedded_pose(
    row: RenderRow, backbone: Backbone, *, latent_size: tuple[int, int]
) -> Float[Tensor, "1 c h w"] | None:
    """Return a row's map as the ControlNet takes it; None where the row is not posed.

    Raises:
        NoPoseControlError: The base model cannot hold a pose.
        PictureSizeMismatchError: A map that is a tensor has another size than the picture.
    """
    if row.pose_map is None:
        return None
    if backbone.pose_control is None:
        raise NoPoseControlError
    if not row.is_posed:
        return None
    height, width = (cells * backbone.vae_scale_factor for cells in latent_size)
    return backbone.pose_control.embed(_as_tensor(row.pose_map, height=height, width=width)[None])


def _as_tensor(pose_map: Tensor | Image.Image, *, height: int, width: int) -> Float[Tensor, "3 height width"]:
    if isinstance(pose_map, Tensor):
        if tuple(pose_map.shape[1:]) != (height, width):
            raise PictureSizeMismatchError(found=tuple(pose_map.shape[1:]), expected=(height, width))
        return pose_map.float()
    fitted = pose_map.convert("RGB")
    if fitted.size != (width, height):
        fitted = fitted.resize((width, height), Image.Resampling.LANCZOS)
    levels = torch.tensor(np.asarray(fitted))  # (height, width, 3)
    return levels.permute(2, 0, 1).float() / 255
