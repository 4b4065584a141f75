"""The joints of one person, by a network that reads a crop. Knows nothing about who found the person."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from synid_engine.errors import UnsupportedModelError
from synid_engine.pose.body import Point
from synid_engine.pose.person_finder import picture_size
from synid_engine.runtime.onnx_file import OnnxFile, OnnxSession

Numbers = NDArray[np.float32]

WHOLE_BODY = 133
"""Joints of COCO-WholeBody: 17 of the body, then feet, face and hands."""

_OUTPUTS = ("simcc_x", "simcc_y")
_MEAN = np.array((123.675, 116.28, 103.53), dtype=np.float32)
_DEVIATION = np.array((58.395, 57.12, 57.375), dtype=np.float32)
_PADDING = 1.25
_SHOULDERS = (5, 6)
_OPENPOSE = (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""Where the joints of `JOINTS` are among COCO's; the neck, which COCO lacks, is put behind them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeBody:
    """The joints of one person as COCO-WholeBody counts them.

    Attributes:
        joints: (133, 2), x and y in pixels of the picture, where pixel i reaches from i to i + 1.
        scores: (133,), how sure each is; above 0.3 it is taken to be there.
    """

    joints: Numbers
    scores: Numbers


class JointReader:
    """DWPose's student, of RTMPose's form: for each joint one column of the crop and one row, in half pixels.

    The graph reads RGB, normalised as for ImageNet.

    Source: Yang et al. 2023, Effective Whole-body Pose Estimation with Two-stages Distillation; Li et al.
        2022, SimCC; the layout of `dw-ll_ucoco_384.onnx`.
    Deviation: the crop is cut at whole pixels, and averaged where it is shrunk; upstream interpolates.
    """

    def __init__(self, file: OnnxFile, *, device: torch.device) -> None:
        """Start it.

        Raises:
            UnsupportedModelError: The graph takes no pictures of one size, or does not say columns and rows.
            MissingProviderError: This onnxruntime cannot run on the device.
            DamagedModelError: It does not understand the graph.
        """
        self._height, self._width = picture_size(file)
        if file.outputs != _OUTPUTS:
            feature = f"the outputs {', '.join(file.outputs)} in {file.path.name}"
            raise UnsupportedModelError(folder=file.path.parent, feature=feature)
        self._file = file
        self._session = OnnxSession(file, device=device)

    def read(self, picture: Image.Image, box: Numbers) -> WholeBody:
        """Return the joints of the person in a box.

        Args:
            picture: RGB.
            box: (4,), x0, y0, x1, y1 in pixels, not empty.

        Raises:
            UnsupportedModelError: The graph knows other joints.
        """
        left, top, right, bottom = self._window(box)
        crop = picture.crop((left, top, right, bottom)).resize(
            (self._width, self._height), Image.Resampling.BILINEAR
        )
        pixels = (np.asarray(crop, dtype=np.float32) - _MEAN) / _DEVIATION
        found = self._session.run(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
        if any(one.shape[:2] != (1, WHOLE_BODY) for one in found):
            feature = f"{' and '.join(str(one.shape) for one in found)} for joints in {self._file.path.name}"
            raise UnsupportedModelError(folder=self._file.path.parent, feature=feature)
        columns, rows = found[0][0], found[1][0]  # (133, bins)
        joints = np.stack(
            [
                left + _shares(columns, self._width) * (right - left),
                top + _shares(rows, self._height) * (bottom - top),
            ],
            axis=1,
        )
        scores = np.minimum(columns.max(axis=1), rows.max(axis=1))
        return WholeBody(joints=joints.astype(np.float32), scores=scores)

    def _window(self, box: Numbers) -> tuple[int, int, int, int]:
        """Return a window around a box, a quarter larger and of the graph's proportions, in whole pixels."""
        width, height = (float(side) for side in box[2:] - box[:2])
        aspect = self._width / self._height
        width = max(width, height * aspect) * _PADDING
        height = width / aspect
        x, y = (float(place) for place in (box[:2] + box[2:]) / 2)
        left, top = round(x - width / 2), round(y - height / 2)
        return left, top, left + max(1, round(width)), top + max(1, round(height))


def as_openpose(found: WholeBody, size: tuple[int, int], *, min_score: float) -> tuple[Point | None, ...]:
    """Return the eighteen joints that OpenPose counts, as shares of the picture; None is unsure.

    The neck is the middle of the shoulders, and as sure as the less sure of them.

    Args:
        found: Of one person.
        size: Width and height of the picture in pixels.
        min_score: Surer joints are there.
    """
    shoulders = list(_SHOULDERS)
    joints = np.concatenate([found.joints, found.joints[shoulders].mean(axis=0, keepdims=True)])
    scores = np.append(found.scores, found.scores[shoulders].min())
    order = list(_OPENPOSE)
    shares = joints[order] / np.array(size, dtype=np.float32)  # (18, 2)
    return tuple(
        (float(x), float(y)) if score > min_score else None
        for (x, y), score in zip(shares, scores[order], strict=True)
    )


def _shares(lines: Numbers, side: int) -> Numbers:
    """Return the place of the surest bin of each joint as a share of the side, in the middle of its pixel."""
    pixels = lines.argmax(axis=1) * (side / lines.shape[1])
    return ((pixels + 0.5) / side).astype(np.float32)
