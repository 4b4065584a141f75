"""The models that only evaluation may use: a second recogniser and the trait classifier.

They were trained apart from everything that stages train against, so a stage cannot learn to please them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from synid_engine.evaluation.metrics import to_array
from synid_engine.perception.bundle import load_face_detector, load_face_encoder
from synid_engine.perception.clip import load_clip
from synid_engine.perception.protocols import ClipScorer, FaceDetector, FaceEncoder
from synid_engine.perception.traits import TraitClassifier, load_trait_classifier
from synid_engine.runtime.device import choose_device

EMBEDDED_MODELS = Path(__file__).parents[1] / "tiny" / "weights"

_BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judges:
    """What looks at pictures in an evaluation.

    Attributes:
        face: The recogniser that no stage has seen.
        traits: Names the value of every trait.
        clip: Pictures and words in one space.
        detector: Landmarks.
        device: Where they are.
    """

    face: FaceEncoder
    traits: TraitClassifier
    clip: ClipScorer
    detector: FaceDetector
    device: torch.device

    def read(self, pictures: Sequence[Image.Image]) -> list[dict[str, str]]:
        """Name the traits of each picture."""
        return [reading for batch in self._batches(pictures) for reading in self.traits.classify(batch)]

    @torch.no_grad()
    def face_embeds(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (pictures, face_dim)."""
        return np.concatenate([_numpy(self.face.face_embeds(batch)) for batch in self._batches(pictures)])

    @torch.no_grad()
    def image_embeds(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (pictures, clip_dim)."""
        return np.concatenate([_numpy(self.clip.image_embeds(batch)) for batch in self._batches(pictures)])

    def text_embeds(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, clip_dim)."""
        return _numpy(self.clip.text_embeds(list(texts)))

    def landmarks(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (pictures, 5, 2) in pixels."""
        return np.concatenate([_numpy(self.detector.landmarks(batch)) for batch in self._batches(pictures)])

    def _batches(self, pictures: Sequence[Image.Image]) -> list[Float[Tensor, "batch 3 height width"]]:
        parts = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
        return [to_tensor(part).to(self.device) for part in parts]


def load_judges(*, device: str | None = None) -> Judges:
    """Load the embedded evaluation models, whatever base model is being evaluated.

    Raises:
        WeightsError: A part is missing, damaged or of another kind.
        DeviceUnavailableError: The device is not there.
    """
    evaluation, perception = EMBEDDED_MODELS / "evaluation", EMBEDDED_MODELS / "perception"
    place = choose_device(device)
    detector = load_face_detector(perception / "face_detector", device=device)
    return Judges(
        face=load_face_encoder(evaluation / "face_encoder", detector=detector, device=device),
        traits=load_trait_classifier(evaluation / "trait_classifier", device=device),
        clip=load_clip(perception / "clip", device=place),
        detector=detector,
        device=place,
    )


def to_tensor(pictures: Sequence[Image.Image]) -> Float[Tensor, "batch 3 height width"]:
    """Stack pictures of one size, in 0..1."""
    arrays = np.stack([to_array(picture).astype(np.float32) for picture in pictures])
    return torch.as_tensor(arrays).permute(0, 3, 1, 2).contiguous()


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().float().cpu().numpy()
