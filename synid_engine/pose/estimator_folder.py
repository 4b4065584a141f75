"""Which pose estimator a folder has weights for, and whether its packages are here; imports none of them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

EstimatorKind = Literal["openpose", "dwpose", "dwpose of OpenMMLab"]

ESTIMATOR = "pose_estimator"
"""Folder of a base model that holds the estimator's weights, under their names at the hub."""
OPENPOSE_WEIGHTS = "body_pose_model.pth"
DWPOSE_ONNX = ("yolox_l.onnx", "dw-ll_ucoco_384.onnx")
DWPOSE_WEIGHTS = ("yolox_l_8x8_300e_coco.pth", "dw-ll_ucoco_384.pth")

_PACKAGES: dict[EstimatorKind, tuple[str, ...]] = {
    "openpose": ("controlnet_aux", "torchvision"),
    "dwpose": ("onnx", "onnxruntime"),
    "dwpose of OpenMMLab": ("controlnet_aux", "torchvision", "mmpose", "mmdet"),
}


def estimator_kind(folder: Path) -> EstimatorKind | None:
    """Return the estimator whose weights are in a folder, OpenPose before DWPose; None if there is none.

    One of DWPose's two ONNX files is enough to mean it: the first picture then names the one that is missing.
    """
    if (folder / OPENPOSE_WEIGHTS).is_file():
        return "openpose"
    if any((folder / name).is_file() for name in DWPOSE_ONNX):
        return "dwpose"
    return "dwpose of OpenMMLab" if all((folder / name).is_file() for name in DWPOSE_WEIGHTS) else None


def can_estimate(folder: Path) -> bool:
    """Tell whether a folder has weights, and this machine the packages that use them."""
    kind = estimator_kind(folder)
    return kind is not None and all(find_spec(name) is not None for name in _PACKAGES[kind])
