"""Pictures between tensors and files."""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor


def to_picture(image: Float[Tensor, "3 height width"]) -> Image.Image:
    """Return a picture in 0..1 as an image."""
    levels = (image.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy()))


def to_tensor(picture: Image.Image) -> Float[Tensor, "3 height width"]:
    """Return an image as a picture in 0..1."""
    return torch.tensor(np.asarray(picture.convert("RGB"))).permute(2, 0, 1).float() / 255
