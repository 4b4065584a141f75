"""All that the engine perceives with, from one folder and those that it names."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from synid_engine.perception.clip import load_clip
from synid_engine.perception.face import AlignedFaceEncoder, RegressionFaceDetector
from synid_engine.perception.identity_encoder import IdentityEncoder
from synid_engine.perception.layout import ARCFACE, SCRFD, YUNET, PerceptionPart, read_layout
from synid_engine.perception.network_file import load_network
from synid_engine.perception.onnx_faces import (
    DETECTOR_FILES,
    RECOGNISER_FILES,
    YUNET_FILES,
    load_pack_detector,
    load_pack_encoder,
    load_yunet,
)
from synid_engine.perception.protocols import ClipScorer, FaceDetector, FaceEncoder
from synid_engine.runtime.device import choose_device
from synid_engine.runtime.weight_files import loaded_bytes, stored_bytes

_FLOAT32 = 4


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
    """Load the three parts that a folder describes, in fp32; see `layout`.

    Args:
        folder: Holds a `perception.json`, or the three parts in the embedded model's layout.
        device: For example `cpu` or `cuda:0`; None chooses the fastest.

    Raises:
        WeightsError: A part is missing, damaged or of another kind, or cannot run here.
        DeviceUnavailableError: The device is not there.
    """
    layout = read_layout(folder)
    place = choose_device(device)
    clip = load_clip(layout.clip.folder, device=place)
    detector = _load_detector(layout.face_detector, device=place)
    return Perception(
        clip=clip,
        detector=detector,
        face=_load_encoder(layout.face_encoder, detector=detector, device=place),
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


def _load_detector(part: PerceptionPart, *, device: torch.device) -> FaceDetector:
    if part.kind == SCRFD:
        return load_pack_detector(part.folder, device=device)
    if part.kind == YUNET:
        return load_yunet(part.folder, device=device)
    return load_face_detector(part.folder, device=str(device))


def _load_encoder(part: PerceptionPart, *, detector: FaceDetector, device: torch.device) -> FaceEncoder:
    if part.kind == ARCFACE:
        return load_pack_encoder(part.folder, detector=detector, device=device)
    return load_face_encoder(part.folder, detector=detector, device=str(device))


def perception_bytes(folder: str | Path) -> int:
    """Return what the weights of a folder's three parts take once they are loaded.

    Raises:
        MissingModelError: The folder is not there.
        DamagedModelError: A file cannot be read.
        UnsupportedModelError: A part is of a kind that nobody here can load.
    """
    layout = read_layout(folder)
    known = {SCRFD: DETECTOR_FILES, YUNET: YUNET_FILES, ARCFACE: RECOGNISER_FILES}
    total = 0
    for part in (layout.clip, layout.face_detector, layout.face_encoder):
        if part.kind in known:
            found = [file for name in known[part.kind] if (file := part.folder / name).is_file()]
            total += stored_bytes(found[:1])
        else:
            total += loaded_bytes(part.folder, number_bytes=_FLOAT32)
    return total
