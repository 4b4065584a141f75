"""Small ONNX files of the shapes that real recognisers and detectors have, built node by node."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_OPSET, _IR = 11, 6  # what insightface's files were written with


class Graph:
    """Collects nodes and weights."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(seed)

    def weight(self, values: NDArray[np.generic]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def draw(self, *shape: int, scale: float = 1.0) -> str:
        return self.weight((self.random.standard_normal(shape) * scale).astype(np.float32))

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def save(
        self, path: Path, *, shape: list[object], outputs: dict[str, str], input_name: str = "input.1"
    ) -> Path:
        """Write a file of one input; `outputs` are new names for values."""
        nodes = [*self.nodes, *(helper.make_node("Identity", [old], [new]) for new, old in outputs.items())]
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in outputs],
            initializer=self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        model.ir_version = _IR
        path.write_bytes(model.SerializeToString())
        return path


def save_small_arcface(path: Path, *, seed: int = 5, is_normalising: bool = False) -> Path:
    """Write an iResNet of two blocks: 112 pixels in, 16 numbers out."""
    graph = Graph(seed)
    values = "input.1"
    if is_normalising:
        values = graph.add("Sub", values, graph.weight(np.float32([127.5])))
        values = graph.add("Mul", values, graph.weight(np.float32([1 / 127.5])))
    values = _prelu(graph, _convolution(graph, values, 3, 8, stride=2), 8)
    for inputs, outputs in ((8, 8), (8, 12)):
        inner = _convolution(graph, _norm(graph, values, inputs), inputs, outputs)
        inner = _convolution(graph, _prelu(graph, inner, outputs), outputs, outputs, stride=2)
        beside = _convolution(graph, values, inputs, outputs, stride=2, kernel=1)
        values = graph.add("Add", inner, beside)
    values = graph.add("Flatten", graph.add("Dropout", _norm(graph, values, 12)), axis=1)
    matrix, shift = graph.draw(16, 12 * 14 * 14, scale=0.05), graph.draw(16)
    values = _norm(graph, graph.add("Gemm", values, matrix, shift, alpha=1.0, beta=1.0, transB=1), 16)
    return graph.save(path, shape=["None", 3, 112, 112], outputs={"683": values})


def save_random_scrfd(path: Path, *, seed: int = 3) -> Path:
    """Write a detector of random weights that is sure of a few cells in a hundred."""
    graph = Graph(seed)
    values = "input.1"
    levels: list[str] = []
    for stride, (inputs, outputs) in enumerate(((3, 8), (8, 8), (8, 8), (8, 8), (8, 8))):
        values = graph.add("Relu", _convolution(graph, values, inputs, outputs, stride=2))
        levels += [values] * (stride >= 2)
    heads = {
        kind: [_head(graph, level, size * 2, size, bias=bias, scale=scale) for level in levels]
        for kind, size, bias, scale in (("score", 1, -3.0, 2.0), ("box", 4, 1.5, 0.4), ("kps", 10, 0.0, 0.6))
    }
    scores = [graph.add("Sigmoid", one) for one in heads["score"]]
    values_of = [*scores, *heads["box"], *heads["kps"]]
    outputs = {str(448 + i): value for i, value in enumerate(values_of)}
    return graph.save(path, shape=[1, 3, "?", "?"], outputs=outputs)


def save_colour_scrfd(path: Path) -> Path:
    """Write a detector to which a red cell of 8 pixels is a small face and a green one of 32 a large one."""
    graph = Graph(0)
    box, points = (
        np.float32([0.5, 0.5, 0.5, 0.5]),
        np.float32([0.2, 0.3, 0.8, 0.3, 0.5, 0.5, 0.3, 0.8, 0.7, 0.8]),
    )
    kinds: dict[str, list[str]] = {"score": [], "box": [], "kps": []}
    for stride, colour, surest in ((8, 0, 9.0), (16, None, 0.0), (32, 1, 4.0)):
        means = graph.add("AveragePool", "input.1", kernel_shape=[stride, stride], strides=[stride, stride])
        kernel = np.zeros((2, 3, 1, 1), np.float32)
        if colour is not None:  # its own colour for it, and the others against it
            kernel[:] = -surest
            kernel[:, colour] = surest
        score = graph.add(
            "Conv", means, graph.weight(kernel), graph.weight(np.float32([-2 * surest - 1] * 2))
        )
        kinds["score"].append(graph.add("Sigmoid", _rows(graph, score, 1)))
        for kind, numbers in (("box", box), ("kps", points)):
            flat = np.zeros((2 * len(numbers), 3, 1, 1), np.float32)
            bias = graph.weight(np.tile(numbers, 2))
            found = graph.add("Conv", means, graph.weight(flat), bias)
            kinds[kind].append(_rows(graph, found, len(numbers)))
    values = [*kinds["score"], *kinds["box"], *kinds["kps"]]
    outputs = {str(448 + i): value for i, value in enumerate(values)}
    return graph.save(path, shape=[1, 3, "?", "?"], outputs=outputs)


def _convolution(
    graph: Graph, values: str, inputs: int, outputs: int, *, stride: int = 1, kernel: int = 3
) -> str:
    weight = graph.draw(outputs, inputs, kernel, kernel, scale=(2 / (inputs * kernel * kernel)) ** 0.5)
    margin = kernel // 2
    return graph.add(
        "Conv",
        values,
        weight,
        graph.draw(outputs, scale=0.1),
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[margin] * 4,
        group=1,
        dilations=[1, 1],
    )


def _norm(graph: Graph, values: str, width: int) -> str:
    numbers = [graph.draw(width, scale=0.3) for _ in range(3)]
    variance = graph.weight((graph.random.random(width) + 0.5).astype(np.float32))
    scale = graph.weight((graph.random.random(width) + 0.5).astype(np.float32))
    return graph.add("BatchNormalization", values, scale, numbers[1], numbers[2], variance, epsilon=1e-5)


def _prelu(graph: Graph, values: str, width: int) -> str:
    return graph.add("PRelu", values, graph.draw(width, 1, 1, scale=0.25))


def _head(graph: Graph, values: str, outputs: int, size: int, *, bias: float, scale: float) -> str:
    weight = graph.draw(outputs, 8, 1, 1, scale=scale)
    found = graph.add("Conv", values, weight, graph.weight(np.full(outputs, bias, np.float32)))
    return _rows(graph, found, size)


def _rows(graph: Graph, values: str, size: int) -> str:
    """Bring a map to one row an anchor, as insightface's files do."""
    moved = graph.add("Transpose", values, perm=[0, 2, 3, 1])
    return graph.add("Reshape", moved, graph.weight(np.int64([-1, size])))
