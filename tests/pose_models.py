"""The two graphs of DWPose, small, with the real ones' inputs and outputs; they see colours."""

from pathlib import Path

import numpy as np

from .onnx_models import Graph

FINDER_SIZE, READER_SIZE = (64, 96), (48, 36)
"""Height and width; the real ones are (640, 640) and (384, 288)."""
BLUE, GREEN, RED = 0, 1, 2
"""Channels of the picture that the finder is given."""
BOX = (1.0, 2.0)
"""Width and height of every person in strides."""

_CLASSES, _JOINTS = 80, 133
_NEVER = -9.0


def save_small_yolox(path: Path, *, colour: int = GREEN) -> Path:
    """Write a finder: a cell of 32 pixels half lit by a colour is a person, and one of 16 fully lit.

    Every cell is almost sure of all other classes.
    """
    graph = Graph(0)
    levels = [
        _level(graph, stride, colour, band=band)
        for stride, band in ((8, None), (16, (0.8, 1.2)), (32, (0.3, 0.7)))
    ]
    values = graph.add("Concat", *levels, axis=1)
    return graph.save(path, shape=[1, 3, *FINDER_SIZE], outputs={"output": values}, input_name="images")


def save_small_dwpose(path: Path, *, joints: int = _JOINTS, unsure: tuple[int, ...] = ()) -> Path:
    """Write a reader: joints of the left, the odd ones, are where most blue is; the others where most red.

    Those that are unsure know their row and not their column.
    """
    graph = Graph(0)
    channels = graph.weight(np.array([RED if place % 2 else 0 for place in range(joints)], np.int64))
    belief = np.array([0.0 if place in unsure else 1.0 for place in range(joints)], np.float32)
    outputs: dict[str, str] = {}
    for name, side, across in (("simcc_x", READER_SIZE[1], 2), ("simcc_y", READER_SIZE[0], 3)):
        profile = graph.add("ReduceMax", "input", axes=[across], keepdims=0)  # (1, 3, side)
        halves = graph.weight(np.repeat(np.arange(side), 2).astype(np.int64))
        lines = graph.add("Gather", graph.add("Gather", profile, channels, axis=1), halves, axis=2)
        outputs[name] = lines
    outputs["simcc_x"] = graph.add("Mul", outputs["simcc_x"], graph.weight(belief[:, None]))
    return graph.save(path, shape=["batch", 3, *READER_SIZE], outputs=outputs, input_name="input")


def _level(graph: Graph, stride: int, colour: int, *, band: tuple[float, float] | None) -> str:
    """Say of each cell its box, and whether its light is above the band's lower end and below its upper."""
    means = graph.add("AveragePool", "images", kernel_shape=[stride, stride], strides=[stride, stride])
    box = np.array((0.5, 0.5, *np.log(BOX)), np.float32)
    kernel = np.zeros((1 + _CLASSES, 3, 1, 1), np.float32)
    bias = np.full(1 + _CLASSES, 3.0, np.float32)
    bias[:2] = _NEVER
    if band is not None:
        light = -np.ones(3, np.float32)
        light[colour] = 1
        kernel[0, :, 0, 0], kernel[1, :, 0, 0] = 40 / 255 * light, -40 / 255 * light
        bias[:2] = -40 * band[0], 40 * band[1]
    flat = graph.weight(np.zeros((4, 3, 1, 1), np.float32))
    boxes = graph.add("Conv", means, flat, graph.weight(box))
    found = graph.add("Sigmoid", graph.add("Conv", means, graph.weight(kernel), graph.weight(bias)))
    cells = graph.add("Concat", boxes, found, axis=1)  # (1, 5 + _CLASSES, rows, columns)
    rows = graph.add("Reshape", cells, graph.weight(np.array((1, 5 + _CLASSES, -1), np.int64)))
    return graph.add("Transpose", rows, perm=[0, 2, 1])
