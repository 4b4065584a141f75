"""People in a picture, by YOLOX in onnxruntime. Knows nothing about joints, or where the file is."""

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from synid_engine.errors import InvalidSettingError, UnsupportedModelError
from synid_engine.runtime.boxes import distinct_boxes
from synid_engine.runtime.onnx_file import OnnxFile, OnnxSession

Numbers = NDArray[np.float32]

_STRIDES = (8, 16, 32)
_GREY = 114
_SURENESS, _PERSON = 4, 5  # columns of a cell: after its box, and then one for each class of COCO


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderConfig:
    """When a cell has found a person.

    Attributes:
        min_score: Least belief in a person.
        max_overlap: Boxes that share more of their union are one person.
    """

    min_score: float = 0.3
    max_overlap: float = 0.45

    def __post_init__(self) -> None:
        for name in ("min_score", "max_overlap"):
            value = float(getattr(self, name))
            if not 0 < value < 1:
                raise InvalidSettingError(field=name, value=value, allowed="between 0 and 1")


class PersonFinder:
    """YOLOX: what each cell says of a box, of whether anything is there, and of what it is.

    The graph reads BGR in 0..255 and gives cells as its head leaves them: centers in strides from the cell's
    corner, sizes as logarithms of strides, and probabilities.

    Source: Ge et al. 2021, YOLOX; the layout of Megvii's `yolox_l.onnx`, which DWPose ships.
    Deviation: what is shrunk is averaged; upstream interpolates. Boxes end where the picture ends.
    """

    def __init__(self, file: OnnxFile, *, device: torch.device, config: FinderConfig | None = None) -> None:
        """Start it.

        Raises:
            UnsupportedModelError: The graph takes no pictures of one size, or says more than cells.
            MissingProviderError: This onnxruntime cannot run on the device.
            DamagedModelError: It does not understand the graph.
        """
        self._height, self._width = picture_size(file, multiple=_STRIDES[-1])
        if len(file.outputs) != 1:
            _refuse(file, f"{len(file.outputs)} outputs")
        self._file, self._config = file, config or FinderConfig()
        self._session = OnnxSession(file, device=device)
        self._cells, self._strides = _grid(self._height, self._width)

    def find(self, picture: Image.Image) -> Numbers:
        """Return a box for each person, the surest first.

        Args:
            picture: RGB.

        Returns:
            (people, 4), x0, y0, x1, y1 in pixels of the picture, each inside of it and not empty.

        Raises:
            UnsupportedModelError: The graph has other cells than its picture.
        """
        pixels, scale = self._letterbox(picture)
        rows = self._session.run(pixels)[0]
        if rows.ndim != 3 or len(rows) != 1 or rows.shape[1] != len(self._cells) or rows.shape[2] <= _PERSON:  # noqa: PLR2004
            _refuse(self._file, f"an output of {rows.shape}")
        boxes, scores = self._decode(rows[0])
        boxes = np.clip(boxes / np.tile(scale, 2), 0, np.tile(picture.size, 2)).astype(np.float32)
        there = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
        kept = distinct_boxes(boxes[there], scores[there], max_overlap=self._config.max_overlap)
        return boxes[there][kept]

    def _letterbox(self, picture: Image.Image) -> tuple[Numbers, Numbers]:
        """Put the picture in the upper left of a grey one; return that as a batch, and how it was scaled."""
        scale = min(self._width / picture.width, self._height / picture.height)
        size = max(1, int(picture.width * scale)), max(1, int(picture.height * scale))
        canvas = Image.new("RGB", (self._width, self._height), (_GREY, _GREY, _GREY))
        canvas.paste(picture.resize(size, Image.Resampling.BILINEAR))
        bgr = np.asarray(canvas, dtype=np.float32)[..., ::-1]
        batch = np.ascontiguousarray(bgr.transpose(2, 0, 1)[None])
        return batch, (np.array(size) / np.array(picture.size)).astype(np.float32)

    def _decode(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Return boxes in the graph's pixels, and how sure they are, of the cells that saw a person."""
        scores = rows[:, _SURENESS] * rows[:, _PERSON]
        sure = np.flatnonzero(scores >= self._config.min_score)
        strides = self._strides[sure, None]
        centers = (rows[sure, :2] + self._cells[sure]) * strides
        halves = np.exp(rows[sure, 2:4]) * strides / 2
        boxes = np.concatenate([centers - halves, centers + halves], axis=1)
        return boxes.astype(np.float32), scores[sure]


def picture_size(file: OnnxFile, *, multiple: int = 1) -> tuple[int, int]:
    """Return height and width of the only pictures that a graph takes.

    Raises:
        UnsupportedModelError: It takes none, or any, or such as are no multiples.
    """
    shape = file.input_shape
    height, width = shape[2:] if len(shape) == 4 and shape[1] == 3 else (None, None)  # noqa: PLR2004
    if height is None or width is None or height % multiple or width % multiple:
        _refuse(file, f"an input of {shape}")
    return height, width


def _grid(height: int, width: int) -> tuple[Numbers, Numbers]:
    """Return x and y of each cell in strides, row by row and from fine to coarse, and each one's stride."""
    cells: list[Numbers] = []
    strides: list[Numbers] = []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float32))
        strides.append(np.full(len(cells[-1]), stride, dtype=np.float32))
    return np.concatenate(cells), np.concatenate(strides)


def _refuse(file: OnnxFile, what: str) -> NoReturn:
    raise UnsupportedModelError(folder=file.path.parent, feature=f"{what} in {file.path.name}")
