"""DWPose from its two ONNX files: people first, then the joints of each; needs nothing of OpenMMLab."""

from pathlib import Path

import torch
from PIL import Image

from synid_engine.pose.body import Body, largest_first
from synid_engine.pose.estimator_folder import DWPOSE_ONNX
from synid_engine.pose.joint_reader import JointReader, as_openpose
from synid_engine.pose.person_finder import PersonFinder
from synid_engine.runtime.onnx_file import OnnxFile

_SURE = 0.3


class OnnxDwposeEstimator:
    """Loads the files when the first picture is read, onto the device of the base model.

    Source: Yang et al. 2023, DWPose; thresholds of IDEA-Research/DWPose, branch onnx.
    Deviation: nobody is nobody; upstream then takes the whole picture for a person.
    """

    def __init__(self, folder: Path, *, device: str) -> None:
        self._folder, self._device = folder, torch.device(device)
        self._loaded: tuple[PersonFinder, JointReader] | None = None

    def find_bodies(self, picture: Image.Image) -> list[Body]:
        """See `PoseEstimator`."""
        if self._loaded is None:
            self._loaded = self._load()
        finder, reader = self._loaded
        rgb = picture.convert("RGB")
        aspect = rgb.width / rgb.height
        return largest_first(
            Body(joints=as_openpose(reader.read(rgb, box), rgb.size, min_score=_SURE), aspect=aspect)
            for box in finder.find(rgb)
        )

    def _load(self) -> tuple[PersonFinder, JointReader]:
        """Read both; each graph is let go of before the next one is read, for they are large."""
        finder, reader = (self._folder / name for name in DWPOSE_ONNX)
        return (
            PersonFinder(OnnxFile(finder), device=self._device),
            JointReader(OnnxFile(reader), device=self._device),
        )
