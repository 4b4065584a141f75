"""Reading poses from pictures: one contract, and DWPose or OpenPose behind it.

controlnet_aux is heavy and optional, so it is imported when the first picture is read.
"""

import importlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from synid_engine.errors import DamagedModelError, NobodyFoundError, NoPoseEstimatorError
from synid_engine.pose.body import JOINTS, Body, Point, largest_first
from synid_engine.pose.dwpose import OnnxDwposeEstimator
from synid_engine.pose.estimator_folder import (
    DWPOSE_WEIGHTS,
    OPENPOSE_WEIGHTS,
    EstimatorKind,
    estimator_kind,
)
from synid_engine.pose.upright import upright

_LONGER_PX, _SHORTER_PX = 1024, 512
_SURE = 0.3
_NOT_INSTALLED = (ImportError, OSError, RuntimeError, AttributeError, NameError)
_UNREADABLE = (UnpicklingError, OSError, RuntimeError, ValueError, KeyError, EOFError, TypeError)

Pixels = npt.NDArray[np.uint8]


@runtime_checkable
class PoseEstimator(Protocol):
    """Finds people's joints."""

    def find_bodies(self, picture: Image.Image) -> list[Body]:
        """Return everybody in a picture, the largest first; an empty list where there is nobody.

        Raises:
            NoPoseEstimatorError: What it needs is not installed, or does not fit together.
            WeightsError: Its weights are missing, or cannot be used here.
        """
        ...


def read_bodies(estimator: PoseEstimator, picture: Image.Image) -> list[Body]:
    """Return the poses of the people in a picture; the one who takes the most room comes first.

    A photo is looked at the right way up.

    Raises:
        NobodyFoundError: There is nobody. A map of nobody would be black, and ask for an empty picture.
        NoPoseEstimatorError: What the estimator needs is not installed, or does not fit together.
        WeightsError: Its weights are missing, or cannot be used here.
    """
    bodies = estimator.find_bodies(upright(picture))
    if not bodies:
        raise NobodyFoundError
    return bodies


class OpenposeEstimator:
    """OpenPose's body network, without hands and faces. Its code is free for non-commercial use only."""

    def __init__(self, folder: Path, *, device: str) -> None:
        self._folder, self._device = folder, device
        self._detector: Any = None

    def find_bodies(self, picture: Image.Image) -> list[Body]:
        """See `PoseEstimator`."""
        if self._detector is None:
            self._detector = self._load()
        poses: Any = self._detector.detect_poses(_pixels(picture))
        people = (
            [None if one is None else (float(one.x), float(one.y)) for one in pose.body.keypoints]
            for pose in poses
        )
        return _by_size(people, picture)

    def _load(self) -> object:
        module = _imported("controlnet_aux.open_pose")
        try:  # torch reads tensors alone from the file, and nothing that could run
            network = module.Body(str(self._folder / OPENPOSE_WEIGHTS))
        except _UNREADABLE as error:
            raise DamagedModelError(
                folder=self._folder, part=OPENPOSE_WEIGHTS, detail=_reason(error)
            ) from error
        network.to(self._device)
        return module.OpenposeDetector(network)


class DwposeEstimator:
    """DWPose from torch's own files: people, then the joints of each; needs OpenMMLab's packages too."""

    def __init__(self, folder: Path, *, device: str) -> None:
        self._folder, self._device = folder, device
        self._detector: Any = None

    def find_bodies(self, picture: Image.Image) -> list[Body]:
        """See `PoseEstimator`."""
        if self._detector is None:
            self._detector = self._load()
        pixels = _pixels(picture)
        height, width = pixels.shape[:2]
        joints, scores = self._detector.pose_estimation(np.ascontiguousarray(pixels[..., ::-1]))  # BGR
        people = (
            [
                (float(x) / width, float(y) / height) if score > _SURE else None
                for (x, y), score in zip(person, sure, strict=True)
            ]
            for person, sure in zip(joints[:, : len(JOINTS)], scores[:, : len(JOINTS)], strict=True)
        )
        return _by_size(people, picture)

    def _load(self) -> object:
        module = _imported("controlnet_aux.dwpose")
        finder, reader = (str(self._folder / name) for name in DWPOSE_WEIGHTS)
        try:
            return module.DWposeDetector(det_ckpt=finder, pose_ckpt=reader, device=self._device)
        except (ImportError, NameError) as error:  # upstream goes on without its packages, up to here
            raise NoPoseEstimatorError(detail=_reason(error)) from error
        except _UNREADABLE as error:
            raise DamagedModelError(folder=self._folder, part="DWPose", detail=_reason(error)) from error


_ESTIMATORS: Mapping[EstimatorKind, Callable[..., PoseEstimator]] = {
    "openpose": OpenposeEstimator,
    "dwpose": OnnxDwposeEstimator,
    "dwpose of OpenMMLab": DwposeEstimator,
}


def load_pose_estimator(folder: Path, *, device: str) -> PoseEstimator | None:
    """Return the estimator whose weights are in a folder; None if there are none.

    Nothing is imported or read before the first picture.
    """
    kind = estimator_kind(folder)
    if kind is None:
        return None
    return _ESTIMATORS[kind](folder, device=device)


def _imported(name: str) -> Any:  # noqa: ANN401  (the package is untyped)
    """Import a part of controlnet_aux, without what it says of the parts that nobody asked for."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except _NOT_INSTALLED as error:  # a RuntimeError where torchvision was built for another torch
        raise NoPoseEstimatorError(detail=_reason(error)) from error


def _pixels(picture: Image.Image) -> Pixels:
    """Return RGB pixels, as large as the detectors see best."""
    shorter, longer = min(picture.size), max(picture.size)
    scale = min(_SHORTER_PX / shorter, _LONGER_PX / longer)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def _by_size(people: Iterable[list[Point | None]], picture: Image.Image) -> list[Body]:
    """Return those of whom a limb is seen, the largest first."""
    aspect = picture.width / picture.height
    return largest_first(Body(joints=tuple(joints), aspect=aspect) for joints in people)


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
