"""What the rest of the engine asks of perception, whoever provides it.

Pictures are RGB, float, (batch, 3, height, width) in 0..1, of any size.
Knows nothing about files or networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Face:
    """One face in a picture.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the picture.
        landmarks: Pixels of the eye on the picture's left, the other eye, the nose, the mouth's left and its
            right corner.
        score: Belief that this is a face, 0 to 1.
    """

    box: Float[Tensor, "4"]
    landmarks: Float[Tensor, "5 2"]
    score: float

    @property
    def area(self) -> float:
        """Square pixels of the box."""
        x0, y0, x1, y1 = (float(side) for side in self.box)
        return max(0.0, x1 - x0) * max(0.0, y1 - y0)


@runtime_checkable
class ClipScorer(Protocol):
    """Puts pictures and words into one space, where a cosine says how well they agree."""

    def image_embeds(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch clip_dim"]:
        """Return unit vectors; gradients flow to the pictures."""
        ...

    def text_embeds(self, texts: Sequence[str]) -> Float[Tensor, "batch clip_dim"]:
        """Return unit vectors, without gradients."""
        ...


@runtime_checkable
class FaceDetector(Protocol):
    """Finds faces and their five landmarks."""

    def detect(self, images: Float[Tensor, "batch 3 height width"]) -> list[Face]:
        """Return the largest face of each picture.

        Raises:
            NoFaceFoundError: A picture shows none.
        """
        ...

    def find_faces(self, images: Float[Tensor, "batch 3 height width"]) -> list[list[Face]]:
        """Return all faces of each picture, the largest first; an empty list where there is none."""
        ...

    def landmarks(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 5 2"]:
        """Return the best guess for the largest face in pixels, sure or not: never raises."""
        ...


@runtime_checkable
class FaceEncoder(Protocol):
    """Tells people apart."""

    def face_embeds(
        self,
        images: Float[Tensor, "batch 3 height width"],
        *,
        landmarks: Float[Tensor, "batch 5 2"] | None = None,
    ) -> Float[Tensor, "batch face_dim"]:
        """Return unit vectors; gradients flow to the pictures.

        Args:
            images: Pictures with one main face each.
            landmarks: Where the faces are, in pixels; None asks the detector for its best guess.
        """
        ...
