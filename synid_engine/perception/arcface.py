"""Telling real people apart: recognisers of the ArcFace family, from ONNX files.

Knows nothing about which file is which; see `onnx_faces`.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from synid_engine.errors import UnsupportedModelError
from synid_engine.perception.alignment import ARCFACE_SIZE, align_to_arcface
from synid_engine.perception.onnx_twin import OnnxTwin
from synid_engine.perception.protocols import FaceDetector
from synid_engine.runtime.onnx_file import OnnxFile, OnnxNetwork, OnnxSession, normalises_itself


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArcFaceEncoder:
    """Embeds the face between the landmarks, cut out by ArcFace's template.

    Attributes:
        network: RGB crops of 112 pixels -> vectors as the network leaves them.
        detector: Says where the landmarks are when the caller does not.
        device: Where the network is.
        takes_bytes: Whether the network reads 0..255; otherwise it reads -1..1.
    """

    network: nn.Module
    detector: FaceDetector
    device: torch.device
    takes_bytes: bool = False

    def face_embeds(
        self,
        images: Float[Tensor, "batch 3 height width"],
        *,
        landmarks: Float[Tensor, "batch 5 2"] | None = None,
    ) -> Float[Tensor, "batch face_dim"]:
        """Return unit vectors; gradients flow to the pictures if the network is a twin in torch.

        Args:
            images: Pictures in 0..1 with one main face each.
            landmarks: Where the faces are, in pixels; None asks the detector for its best guess.
        """
        return F.normalize(self.raw_embeds(images, landmarks=landmarks), dim=1)

    def raw_embeds(
        self,
        images: Float[Tensor, "batch 3 height width"],
        *,
        landmarks: Float[Tensor, "batch 5 2"] | None = None,
    ) -> Float[Tensor, "batch face_dim"]:
        """Return the vectors with the length that the network gives them; otherwise as `face_embeds`.

        The length grows with how clearly a face is seen; InstantID's resampler was trained on such vectors.
        """
        pictures = images.to(self.device, torch.float32)
        points = self.detector.landmarks(pictures.detach()) if landmarks is None else landmarks
        crops = align_to_arcface(pictures, points.to(pictures))
        return cast("Tensor", self.network(crops * 255 if self.takes_bytes else crops * 2 - 1))


def load_arcface(
    file: OnnxFile, *, detector: FaceDetector, device: torch.device, is_differentiable: bool = True
) -> ArcFaceEncoder:
    """Return a recogniser.

    Args:
        file: Takes RGB crops of 112 pixels.
        detector: Finds the landmarks.
        device: Where the network shall be.
        is_differentiable: Whether gradients shall flow, through a twin in torch; otherwise onnxruntime runs
            the file itself.

    Raises:
        UnsupportedModelError: The graph takes other crops, or cannot be built in torch.
        MissingProviderError: onnxruntime shall run it, and cannot on this device.
        DamagedModelError: onnxruntime does not understand the graph.
    """
    if file.input_shape[1:] != (3, ARCFACE_SIZE, ARCFACE_SIZE):
        feature = f"an input of {file.input_shape} in {file.path.name}"
        raise UnsupportedModelError(folder=file.path.parent, feature=feature)
    if is_differentiable:
        network: nn.Module = OnnxTwin(file).to(device).eval()
    else:
        network = OnnxNetwork(OnnxSession(file, device=device))
    return ArcFaceEncoder(
        network=network, detector=detector, device=device, takes_bytes=normalises_itself(file)
    )
