"""All that the engine perceives with, from one folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from synid_engine.errors import MissingModelError
from synid_engine.perception.clip import load_clip
from synid_engine.perception.face import AlignedFaceEncoder, RegressionFaceDetector
from synid_engine.perception.identity_encoder import IdentityEncoder
from synid_engine.perception.network_file import load_network
from synid_engine.perception.protocols import ClipScorer, FaceDetector, FaceEncoder
from synid_engine.runtime.device import choose_device


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Perception:
    """What stages use to judge pictures; every part is frozen.

    Attributes:
        clip: Pictures and words in one space.
        detector: Faces and landmarks.
        face: Who it is.
    """

    clip: ClipScorer
    detector: FaceDetector
    face: FaceEncoder


def load_perception(folder: str | Path, *, device: str | None = None) -> Perception:
    """Load `clip`, `face_detector` and `face_encoder` of a folder, in fp32.

    Args:
        folder: Holds one folder for each of the three.
        device: For example `cpu` or `cuda:0`; None chooses the fastest.

    Raises:
        WeightsError: A part is missing, damaged or of another kind.
        DeviceUnavailableError: The device is not there.
    """
    root = Path(folder)
    if not root.is_dir():
        raise MissingModelError(folder=root.parent, part=root.name)
    place = choose_device(device)
    detector = load_face_detector(root / "face_detector", device=device)
    return Perception(
        clip=load_clip(root / "clip", device=place),
        detector=detector,
        face=load_face_encoder(root / "face_encoder", detector=detector, device=device),
    )


def load_identity_encoder(folder: str | Path, *, device: str | None = None) -> IdentityEncoder | None:
    """Load what reads portraits into tokens; None where the base model has no such part.

    Raises:
        WeightsError: A file is missing, damaged or of another kind.
    """
    if not Path(folder).is_dir():
        return None
    stored = load_network(folder, kinds=("identity_encoder",), device=choose_device(device))
    return cast("IdentityEncoder", stored.network)


def load_face_detector(folder: str | Path, *, device: str | None = None) -> RegressionFaceDetector:
    """Load a detector.

    Raises:
        WeightsError: A file is missing, damaged or of another kind.
    """
    stored = load_network(folder, kinds=("landmark_net",), device=choose_device(device))
    return RegressionFaceDetector(network=stored.network)


def load_face_encoder(
    folder: str | Path, *, detector: FaceDetector, device: str | None = None
) -> AlignedFaceEncoder:
    """Load a recogniser of either architecture.

    Raises:
        WeightsError: A file is missing, damaged or of another kind.
    """
    kinds = ("residual_embedder", "plain_embedder")
    stored = load_network(folder, kinds=kinds, device=choose_device(device))
    return AlignedFaceEncoder(network=stored.network, detector=detector)
