"""Making training pictures worse: soft, noisy, off in colour, moved, as what a decoder draws may be."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation:
    """How bad it may get.

    Attributes:
        soft: Share of the batches that are reduced and enlarged again.
        noise: Largest deviation of pixel noise.
        color: Largest change of gain and offset of a channel; colours are traits, so this stays small.
        blocks: Share of the batches whose 8-pixel blocks lose detail, as JPEG's do.
    """

    soft: float = 0.6
    noise: float = 0.05
    color: float = 0.04
    blocks: float = 0.2


def degrade(pictures: Tensor, degradation: Degradation, generator: torch.Generator) -> Tensor:
    """Return a worse copy: all rows off in colour, the first half of them soft and noisy, too."""
    half = pictures.shape[0] // 2
    worse = pictures[:half]
    if _chance(degradation.soft, generator):
        worse = _soften(worse, generator)
    if _chance(degradation.blocks, generator):
        flat = F.interpolate(F.avg_pool2d(worse, 8), scale_factor=8, mode="nearest")
        worse = flat + (worse - flat) * (0.75 + 0.25 * float(torch.rand((), generator=generator)))
    strength = degradation.noise * torch.rand(half, 1, 1, 1, generator=generator) ** 2
    worse = worse + strength.to(pictures.device) * torch.randn_like(worse)
    mixed = torch.cat([worse, pictures[half:]])
    gain = 1 + degradation.color * _signed((len(mixed), 3, 1, 1), generator).to(pictures.device)
    offset = degradation.color / 2 * _signed((len(mixed), 3, 1, 1), generator).to(pictures.device)
    return torch.addcmul(offset, mixed, gain).clamp_(0, 1)


def _soften(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Reduce and enlarge again, or average neighbouring pixels, by chance."""
    side = pictures.shape[-1]
    kind = int(torch.randint(4, (), generator=generator))
    if kind == 0:
        return F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    if kind == 1:
        small = F.avg_pool2d(pictures, 2)
    else:
        size = round(side * (0.4 + 0.5 * float(torch.rand((), generator=generator))))
        small = F.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False)
    return F.interpolate(small, size=(side, side), mode="bilinear", align_corners=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """A similarity transform a picture, from the new picture's coordinates to the old one's, both 0..1."""

    cosine: Tensor
    sine: Tensor
    shift: Tensor

    def move(self, pictures: Tensor, *, size: int, padding: str) -> Tensor:
        """Return the moved pictures."""
        rows = torch.stack([self.cosine, -self.sine, self.sine, self.cosine], dim=1).view(-1, 2, 2)
        half = torch.full((2,), 0.5)
        offset = 2 * (rows @ half + self.shift) - 1
        theta = torch.cat([rows, offset[..., None]], dim=2).to(pictures.device)
        grid = F.affine_grid(theta, [pictures.shape[0], 3, size, size], align_corners=False)
        return F.grid_sample(pictures, grid, mode="bilinear", padding_mode=padding, align_corners=False)

    def points(self, points: Tensor) -> Tensor:
        """Return where (batch, n, 2) points of the old pictures lie in the new ones."""
        power = (self.cosine**2 + self.sine**2)[:, None]
        x, y = (points - self.shift[:, None]).unbind(dim=2)
        cosine, sine = self.cosine[:, None], self.sine[:, None]
        return torch.stack([cosine * x + sine * y, cosine * y - sine * x], dim=2) / power[..., None]


def random_motion(
    count: int, generator: torch.Generator, *, zoom: tuple[float, float], turn_degrees: float, shift: float
) -> Motion:
    """Draw zooms (above 1: the person gets smaller), turns and shifts about the middle."""
    low, high = (math.log(z) for z in zoom)
    scale = torch.exp(low + (high - low) * torch.rand(count, generator=generator))
    angle = math.radians(turn_degrees) * _signed((count,), generator)
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    middle = torch.stack([0.5 - 0.5 * cosine + 0.5 * sine, 0.5 - 0.5 * sine - 0.5 * cosine], dim=1)
    return Motion(cosine=cosine, sine=sine, shift=middle + shift * _signed((count, 2), generator))


def _signed(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * 2 - 1


def _chance(share: float, generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < share
