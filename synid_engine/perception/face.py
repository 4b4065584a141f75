"""Faces found by a regressing network and told apart by an embedding of the aligned crop.

Knows nothing about where the pictures come from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from synid_engine.errors import InvalidSettingError, NoFaceFoundError
from synid_engine.perception.alignment import align_faces, pad_to_square, resize_square
from synid_engine.perception.protocols import Face, FaceDetector


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorConfig:
    """When a face counts, and where to look for more than one.

    Attributes:
        min_score: Least belief in a face.
        min_overlap: Boxes that share this part of the smaller one are one face.
        window_sides: Sides of the squares that are searched besides the whole picture, as parts of its side.
        min_share: Least part of a square's side that a face found in it must fill.
        close_share: Part of a square's side that the face fills when it is looked at closely.
        min_agreement: Least part of their union that the first and the close look at a face share.
    """

    min_score: float = 0.5
    min_overlap: float = 0.5
    window_sides: tuple[float, ...] = (0.65, 0.5)
    min_share: float = 0.25
    close_share: float = 0.5
    min_agreement: float = 0.45

    def __post_init__(self) -> None:
        for name in ("min_score", "min_overlap", "min_share", "close_share", "min_agreement"):
            value = float(getattr(self, name))
            if not 0 < value < 1:
                raise InvalidSettingError(field=name, value=value, allowed="between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegressionFaceDetector:
    """Asks a network for the one main face of a square; looks for further faces in smaller squares.

    Attributes:
        network: Pictures of `input_size` -> box, landmarks (parts of the side) and a presence logit.
        config: Thresholds.
    """

    network: nn.Module
    config: DetectorConfig = field(default_factory=DetectorConfig)

    @torch.no_grad()
    def detect(self, images: Float[Tensor, "batch 3 height width"]) -> list[Face]:
        """Return the largest face of each picture.

        Raises:
            NoFaceFoundError: A picture shows none.
        """
        square = pad_to_square(images)
        faces = [_to_face(row, side=square.shape[-1]) for row in self._regress(square)]
        if any(face.score < self.config.min_score for face in faces):
            raise NoFaceFoundError
        return faces

    @torch.no_grad()
    def find_faces(self, images: Float[Tensor, "batch 3 height width"]) -> list[list[Face]]:
        """Return all faces of each picture, the largest first; an empty list where there is none."""
        return [self._search(picture[None]) for picture in pad_to_square(images)]

    @torch.no_grad()
    def landmarks(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 5 2"]:
        """Return the best guess for the largest face in pixels, sure or not: never raises."""
        square = pad_to_square(images)
        return self._regress(square)[:, 4:14].reshape(-1, 5, 2) * square.shape[-1]

    def _regress(self, square: Float[Tensor, "batch 3 side side"]) -> Float[Tensor, "batch 15"]:
        weight = next(self.network.parameters())
        side = cast("int", self.network.input_size)
        return self.network(resize_square(square.to(weight), side=side)).float()

    def _search(self, picture: Float[Tensor, "1 3 side side"]) -> list[Face]:
        """Gather candidates from all windows, look closely at each, and keep one for every face."""
        whole = picture.shape[-1]
        windows = [(0, 0, whole), *_windows(whole, self.config.window_sides)]
        confirmed: list[Face] = []
        for x, y, side in windows:
            candidate = self._look(picture, x, y, side)
            width = float(candidate.box[2] - candidate.box[0])
            if candidate.score < self.config.min_score or width < self.config.min_share * side:
                continue
            close = self._look_at(picture, candidate)
            same = _agreement(close, candidate) > self.config.min_agreement
            if same and close.score >= self.config.min_score:
                confirmed.append(close)
        confirmed.sort(key=lambda face: -face.area)
        return _distinct(confirmed, self.config.min_overlap)

    def _look(self, picture: Float[Tensor, "1 3 side side"], x: int, y: int, side: int) -> Face:
        """Regress the face of one square; what lies beyond the picture is grey."""
        whole = picture.shape[-1]
        inside = picture[..., max(0, y) : y + side, max(0, x) : x + side]
        left, top = max(0, -x), max(0, -y)
        right, bottom = max(0, x + side - whole), max(0, y + side - whole)
        face = _to_face(self._regress(F.pad(inside, (left, right, top, bottom), value=0.5))[0], side=side)
        offset = torch.tensor([x, y], dtype=face.box.dtype, device=face.box.device)
        box = (face.box + offset.repeat(2)).clamp(0, whole)
        return Face(box=box, landmarks=face.landmarks + offset, score=face.score)

    def _look_at(self, picture: Float[Tensor, "1 3 side side"], face: Face) -> Face:
        """Regress again from the square around a face."""
        low, high = face.box[:2], face.box[2:]
        side = max(1, round(float((high - low).max()) / self.config.close_share))
        x, y = (round(float(value)) for value in (low + high - side) / 2)
        return self._look(picture, x, y, side)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlignedFaceEncoder:
    """Embeds the aligned crop around the five landmarks.

    Attributes:
        network: Crops of `input_size` -> unit vectors.
        detector: Says where the landmarks are when the caller does not.
    """

    network: nn.Module
    detector: FaceDetector

    def face_embeds(
        self,
        images: Float[Tensor, "batch 3 height width"],
        *,
        landmarks: Float[Tensor, "batch 5 2"] | None = None,
    ) -> Float[Tensor, "batch face_dim"]:
        """Return unit vectors; gradients flow to the pictures, not through the detector's landmarks.

        Args:
            images: Pictures in 0..1 with one main face each.
            landmarks: Where the faces are, in pixels; None asks the detector for its best guess.
        """
        weight = next(self.network.parameters())
        pictures = images.to(weight)
        points = self.detector.landmarks(pictures.detach()) if landmarks is None else landmarks
        crops = align_faces(pictures, points.to(weight), size=cast("int", self.network.input_size))
        return self.network(crops)


def _to_face(row: Float[Tensor, "15"], *, side: int) -> Face:
    return Face(
        box=(row[:4] * side).clamp(0, side),
        landmarks=row[4:14].reshape(5, 2) * side,
        score=float(row[14].sigmoid()),
    )


def _windows(side: int, parts: tuple[float, ...]) -> Iterator[tuple[int, int, int]]:
    """Yield x, y and side of squares that overlap by half or more."""
    for part in parts:
        window = round(side * part)
        steps = max(2, round(2 * (1 - part) / part) + 1)
        offsets = [round(i * (side - window) / (steps - 1)) for i in range(steps)]
        yield from ((x, y, window) for y in offsets for x in offsets)


def _distinct(faces: list[Face], min_overlap: float) -> list[Face]:
    """Keep the first of all boxes that show the same face."""
    kept: list[Face] = []
    for face in faces:
        if all(_shared(face, other) < min_overlap * min(face.area, other.area) for other in kept):
            kept.append(face)
    return kept


def _agreement(face: Face, other: Face) -> float:
    shared = _shared(face, other)
    return shared / max(1e-9, face.area + other.area - shared)


def _shared(face: Face, other: Face) -> float:
    """Return the square pixels that two boxes share."""
    low = torch.maximum(face.box[:2], other.box[:2])
    high = torch.minimum(face.box[2:], other.box[2:])
    return float((high - low).clamp(min=0).prod())
