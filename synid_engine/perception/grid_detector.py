"""Faces found in photographs by a network that judges every cell of a grid.

Knows nothing about which network it is, where its file is, or who a face is.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import FaceTooSmallError, InvalidSettingError, NoFaceFoundError
from synid_engine.perception.grid_networks import STRIDES, Candidates, GridNetwork, Numbers, joined
from synid_engine.perception.protocols import Face
from synid_engine.runtime.boxes import distinct_boxes


@dataclass(frozen=True, slots=True, kw_only=True)
class GridConfig:
    """When a cell has found a face, and which faces are large enough.

    Attributes:
        min_score: Least belief in a face.
        max_overlap: Boxes that share more of their union are one face.
        sides: Longest sides in pixels that a picture is brought to, one after the other. The small one finds
            faces that fill the picture, for which the large one has no cells.
        may_enlarge: Whether a picture that is smaller than these is brought to them all the same.
        least_px: Least side of a face's box that `detect` accepts; with fewer nobody can say who it is.
    """

    min_score: float = 0.5
    max_overlap: float = 0.4
    sides: tuple[int, ...] = (640, 128)
    may_enlarge: bool = True
    least_px: int = 20

    def __post_init__(self) -> None:
        for name in ("min_score", "max_overlap"):
            value = float(getattr(self, name))
            if not 0 < value < 1:
                raise InvalidSettingError(field=name, value=value, allowed="between 0 and 1")
        if not self.sides or any(side < 1 or side % STRIDES[-1] for side in self.sides):
            raise InvalidSettingError(field="sides", value=self.sides, allowed="multiples of 32")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridFaceDetector:
    """Brings pictures to a network's square and its faces back to the picture's pixels.

    Attributes:
        network: Judges the cells.
        config: Thresholds and sizes.
    """

    network: GridNetwork
    config: GridConfig = field(default_factory=GridConfig)

    @torch.no_grad()
    def detect(self, images: Float[Tensor, "batch 3 height width"]) -> list[Face]:
        """Return the largest face of each picture.

        Raises:
            NoFaceFoundError: A picture shows none.
            FaceTooSmallError: Its largest is smaller than `least_px`.
        """
        faces: list[Face] = []
        for found in self.find_faces(images):
            if not found:
                raise NoFaceFoundError
            side = int(min(found[0].box[2:] - found[0].box[:2]))
            if side < self.config.least_px:
                raise FaceTooSmallError(side_px=side, least_px=self.config.least_px)
            faces.append(found[0])
        return faces

    @torch.no_grad()
    def find_faces(self, images: Float[Tensor, "batch 3 height width"]) -> list[list[Face]]:
        """Return all faces of each picture, the largest first; an empty list where there is none."""
        return [self._find(picture) for picture in images]

    @torch.no_grad()
    def landmarks(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 5 2"]:
        """Return the best guess for the largest face in pixels, sure or not: never raises."""
        return torch.stack([self._guess(picture).landmarks for picture in images])

    def _find(self, picture: Float[Tensor, "3 height width"]) -> list[Face]:
        all_cells = self._judge(picture)
        sure = all_cells.taken(np.flatnonzero(all_cells.scores >= self.config.min_score))
        kept = sure.taken(distinct_boxes(sure.boxes, sure.scores, max_overlap=self.config.max_overlap))
        faces = [_to_face(kept, row, picture) for row in range(len(kept.scores))]
        return sorted(faces, key=lambda face: -face.area)

    def _guess(self, picture: Float[Tensor, "3 height width"]) -> Face:
        found = self._find(picture)
        if found:
            return found[0]
        all_cells = self._judge(picture)
        return _to_face(all_cells, int(all_cells.scores.argmax()), picture)

    def _judge(self, picture: Float[Tensor, "3 height width"]) -> Candidates:
        """Ask the network at each size; what it says comes back in pixels of the picture."""
        levels: list[Candidates] = []
        for longest in self._sides(max(picture.shape[-2:])):
            square, scale = _square(picture, longest=longest, side=self.network.side or _multiple(longest))
            found = self.network.judge(square)
            levels.append(
                Candidates(
                    boxes=found.boxes / scale + 0.5,
                    landmarks=found.landmarks / scale + 0.5,  # from the middles of pixels to their corners
                    scores=found.scores,
                )
            )
        return joined(levels)

    def _sides(self, longest: int) -> tuple[int, ...]:
        """Return the longest sides that a picture is brought to; none twice."""
        if self.config.may_enlarge:
            return self.config.sides
        return tuple(dict.fromkeys(min(side, longest) for side in self.config.sides))


def _multiple(side: int) -> int:
    """Return the next multiple of the largest stride."""
    return -(-side // STRIDES[-1]) * STRIDES[-1]


def _square(picture: Float[Tensor, "3 height width"], *, longest: int, side: int) -> tuple[Numbers, float]:
    """Scale a picture and put it in the upper left of a black square; return that and the scale."""
    height, width = picture.shape[-2:]
    scale = longest / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    scaled = F.interpolate(
        picture[None].float(), size=size, mode="bilinear", align_corners=False, antialias=scale < 1
    )[0]
    padded = F.pad(scaled.clamp(0, 1) * 255, (0, side - size[1], 0, side - size[0]))
    return padded.cpu().numpy(), scale


def _to_face(found: Candidates, row: int, picture: Float[Tensor, "3 height width"]) -> Face:
    box = torch.tensor(found.boxes[row], dtype=torch.float32, device=picture.device)
    height, width = picture.shape[-2:]
    most = torch.tensor([width, height] * 2, dtype=box.dtype, device=box.device)
    return Face(
        box=torch.minimum(box.clamp(min=0), most),
        landmarks=torch.tensor(found.landmarks[row], dtype=torch.float32, device=picture.device),
        score=float(found.scores[row]),
    )
