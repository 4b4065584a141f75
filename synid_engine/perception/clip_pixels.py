"""From pictures of any size to the pixels that a CLIP tower was trained with, differentiably.

Knows nothing about the towers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import DamagedModelError, UnsupportedModelError
from synid_engine.perception.alignment import pad_to_square, resize_square

PREPROCESSOR_NAME = "preprocessor_config.json"
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_BICUBIC = 3  # Pillow's number
_Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPixels:
    """How a tower's pictures are made.

    Attributes:
        side: Of the square that the tower reads.
        mean: Of each colour, subtracted.
        deviation: Of each colour, divided by.
        is_cut: Whether the shorter side is brought to `side` by bicubic interpolation and the middle cut out,
            as OpenAI's towers were trained; otherwise a picture is padded with grey and averaged down.
    """

    side: int
    mean: _Three = _MEAN
    deviation: _Three = _DEVIATION
    is_cut: bool = False

    def of(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 side side"]:
        """Return normalised squares; gradients flow to the pictures, which are in 0..1."""
        square = self._cut(images) if self.is_cut else resize_square(pad_to_square(images), side=self.side)
        return normalize_pixels(square, mean=self.mean, deviation=self.deviation)

    def _cut(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 side side"]:
        height, width = images.shape[-2:]
        shorter = min(height, width)
        size = self.side * height // shorter, self.side * width // shorter
        scaled = F.interpolate(images, size=size, mode="bicubic", align_corners=False, antialias=True)
        top, left = (size[0] - self.side) // 2, (size[1] - self.side) // 2
        return scaled[..., top : top + self.side, left : left + self.side].clamp(0, 1)


def normalize_pixels(
    pictures: Float[Tensor, "batch 3 h w"], *, mean: _Three = _MEAN, deviation: _Three = _DEVIATION
) -> Float[Tensor, "batch 3 h w"]:
    """Shift and scale 0..1, by default as CLIP's own preprocessing does."""
    shift = torch.tensor(mean, dtype=pictures.dtype, device=pictures.device)[:, None, None]
    scale = torch.tensor(deviation, dtype=pictures.dtype, device=pictures.device)[:, None, None]
    return (pictures - shift) / scale


def read_pixels(folder: Path, *, side: int) -> ClipPixels:
    """Read how the pictures of a folder's tower are made; padded and averaged where no file says.

    Args:
        folder: May hold `preprocessor_config.json`, as on the hub.
        side: Of the square that the tower reads.

    Raises:
        DamagedModelError: The file cannot be read, or is for another tower.
        UnsupportedModelError: It asks for another way of making pictures smaller.
    """
    path = folder / PREPROCESSOR_NAME
    if not path.is_file():
        return ClipPixels(side=side)
    try:
        config = cast("Mapping[str, Any]", json.loads(path.read_text("utf-8")))
        resample, sizes = int(config.get("resample", _BICUBIC)), (config["size"], config["crop_size"])
        mean, deviation = _three(config["image_mean"]), _three(config["image_std"])
        asked = [bool(config.get(name, True)) for name in ("do_resize", "do_center_crop", "do_normalize")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        detail = str(error) or type(error).__name__
        raise DamagedModelError(folder=folder, part=PREPROCESSOR_NAME, detail=detail) from error
    if {_side(size) for size in sizes} != {side}:
        detail = f"it makes pictures of {sizes[1]}, and the tower reads {side}"
        raise DamagedModelError(folder=folder, part=PREPROCESSOR_NAME, detail=detail)
    if resample != _BICUBIC or not all(asked):
        raise UnsupportedModelError(folder=folder, feature=f"other preprocessing in {PREPROCESSOR_NAME}")
    return ClipPixels(side=side, mean=mean, deviation=deviation, is_cut=True)


def _three(numbers: list[float]) -> _Three:
    red, green, blue = (float(one) for one in numbers)
    return red, green, blue


def _side(size: object) -> int | None:
    """Return the one side that a size names, in the old form or in the new one."""
    if isinstance(size, Mapping):
        sides = {int(one) for one in cast("Mapping[str, int]", size).values()}
        return sides.pop() if len(sides) == 1 else None
    return size if isinstance(size, int) else None
