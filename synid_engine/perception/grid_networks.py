"""SCRFD and YuNet in onnxruntime: what each says of every cell, decoded.

Each wants its own order of colours and its own numbers. Knows nothing about sizes of pictures or thresholds.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from synid_engine.errors import UnsupportedModelError
from synid_engine.runtime.onnx_file import OnnxFile, OnnxSession

STRIDES = (8, 16, 32)
Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """What all cells say, in pixels of the square: boxes (n, 4), landmarks (n, 5, 2), scores (n,)."""

    boxes: Numbers
    landmarks: Numbers
    scores: Numbers

    def taken(self, rows: NDArray[np.intp]) -> "Candidates":
        """Return some of them."""
        return Candidates(boxes=self.boxes[rows], landmarks=self.landmarks[rows], scores=self.scores[rows])


@runtime_checkable
class GridNetwork(Protocol):
    """Judges every cell of one square picture."""

    @property
    def side(self) -> int | None:
        """The only side in pixels that it takes; None where any multiple of 32 will do."""
        ...

    def judge(self, square: Numbers) -> Candidates:
        """Return what all cells say.

        Args:
            square: (3, side, side), RGB, 0..255.
        """
        ...


class ScrfdNetwork:
    """SCRFD with landmarks: two anchors a cell, distances in strides, RGB in -1..1.

    Source: Guo et al. 2021, Sample and Computation Redistribution for Efficient Face Detection; the layout of
        insightface's `det_10g.onnx` and `scrfd_10g_bnkps.onnx`.
    """

    _ANCHORS = 2

    def __init__(self, file: OnnxFile, *, device: torch.device) -> None:
        """Start it.

        Raises:
            UnsupportedModelError: It does not say scores, boxes and landmarks at three strides.
            MissingProviderError: This onnxruntime cannot run on the device.
            DamagedModelError: It does not understand the graph.
        """
        _require_outputs(file, 9)
        self.side = file.input_shape[-1]
        self._session = OnnxSession(file, device=device)

    def judge(self, square: Numbers) -> Candidates:
        """See `GridNetwork`."""
        found = self._session.run(((square - 127.5) / 128).astype(np.float32)[None])
        levels: list[Candidates] = []
        for level, stride in enumerate(STRIDES):
            scores, distances, points = (found[level + 3 * kind] for kind in range(3))
            cells = np.repeat(_cells(square.shape[-1] // stride), self._ANCHORS, axis=0) * stride  # (n, 2)
            reach = distances.reshape(-1, 4) * stride
            levels.append(
                Candidates(
                    boxes=np.concatenate([cells - reach[:, :2], cells + reach[:, 2:]], axis=1),
                    landmarks=cells[:, None] + points.reshape(-1, 5, 2) * stride,
                    scores=scores.reshape(-1),
                )
            )
        return joined(levels)


class YuNetNetwork:
    """YuNet: one face a cell, sizes as logarithms, BGR in 0..255.

    Source: Wu et al. 2023, YuNet; the layout of OpenCV Zoo's `face_detection_yunet_2023mar.onnx`.
    """

    def __init__(self, file: OnnxFile, *, device: torch.device) -> None:
        """Start it.

        Raises:
            UnsupportedModelError: It does not say class, object, box and landmarks at three strides.
            MissingProviderError: This onnxruntime cannot run on the device.
            DamagedModelError: It does not understand the graph.
        """
        _require_outputs(file, 12)
        self.side = file.input_shape[-1]
        self._session = OnnxSession(file, device=device)

    def judge(self, square: Numbers) -> Candidates:
        """See `GridNetwork`."""
        found = self._session.run(np.ascontiguousarray(square[None, ::-1]))
        levels: list[Candidates] = []
        for level, stride in enumerate(STRIDES):
            classes, objects, boxes, points = (found[level + 3 * kind][0] for kind in range(4))
            cells = _cells(square.shape[-1] // stride)
            centers = (cells + boxes[:, :2]) * stride
            halves = np.exp(boxes[:, 2:]) * stride / 2
            levels.append(
                Candidates(
                    boxes=np.concatenate([centers - halves, centers + halves], axis=1),
                    landmarks=(cells[:, None] + points.reshape(-1, 5, 2)) * stride,
                    scores=np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1)).reshape(-1),
                )
            )
        return joined(levels)


def joined(levels: list[Candidates]) -> Candidates:
    """Return the cells of several levels as one list."""
    return Candidates(
        boxes=np.concatenate([one.boxes for one in levels]),
        landmarks=np.concatenate([one.landmarks for one in levels]),
        scores=np.concatenate([one.scores for one in levels]),
    )


def _cells(count: int) -> Numbers:
    """Return x and y of each cell of a square grid, row by row."""
    rows, columns = np.mgrid[:count, :count]
    return np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float32)


def _require_outputs(file: OnnxFile, count: int) -> None:
    if len(file.outputs) != count:
        raise UnsupportedModelError(
            folder=file.path.parent, feature=f"{len(file.outputs)} outputs in {file.path.name}, not {count}"
        )
