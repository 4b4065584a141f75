"""The same network as an ONNX graph, in torch: what gradients can flow through.

Knows the operators that recognisers of faces are made of, and refuses any other.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from synid_engine.errors import UnsupportedModelError
from synid_engine.runtime.onnx_file import OnnxFile, attributes_of

_Attributes = Mapping[str, Any]
_Operator = Callable[[Sequence[Tensor], _Attributes], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One operator: what it reads and writes, and the values that nobody reads after it."""

    kind: str
    inputs: tuple[str, ...]
    output: str
    attributes: _Attributes
    spent: tuple[str, ...]


class OnnxTwin(nn.Module):
    """A frozen torch module that computes the first output of an ONNX graph."""

    def __init__(self, file: OnnxFile) -> None:
        """Build it.

        Raises:
            UnsupportedModelError: The graph has an operator that recognisers do not have, or a setting of
                one that is not known here.
        """
        super().__init__()
        self._input, self._output = file.input_name, file.outputs[0]
        weights = file.weights()
        self._steps = _steps(file, keep={self._output, *weights})
        self._names = {name: f"constant_{i}" for i, name in enumerate(weights)}
        for name, buffer in self._names.items():
            self.register_buffer(buffer, torch.as_tensor(weights[name]))

    def forward(self, pictures: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch dim"]:
        """Return the first output; gradients flow to the pictures."""
        values = {name: cast("Tensor", getattr(self, buffer)) for name, buffer in self._names.items()}
        values[self._input] = pictures
        for step in self._steps:
            arguments = [values[name] for name in step.inputs]
            values[step.output] = _OPERATORS[step.kind](arguments, step.attributes)
            for name in step.spent:
                del values[name]
        return values[self._output]


def _steps(file: OnnxFile, *, keep: set[str]) -> list[_Step]:
    nodes: Sequence[Any] = file.model.graph.node
    last = {name: i for i, node in enumerate(nodes) for name in node.input}
    steps: list[_Step] = []
    for i, node in enumerate(nodes):
        attributes = attributes_of(node)
        _require_known(file, str(node.op_type), attributes)
        inputs = tuple(str(name) for name in node.input if name)
        if node.op_type == "Dropout":  # its ratio says nothing here
            inputs = inputs[:1]
        spent = tuple(dict.fromkeys(name for name in inputs if last[name] == i and name not in keep))
        steps.append(
            _Step(
                kind=str(node.op_type),
                inputs=inputs,
                output=str(node.output[0]),
                attributes=attributes,
                spent=spent,
            )
        )
    return steps


def _require_known(file: OnnxFile, kind: str, attributes: _Attributes) -> None:
    odd = kind not in _OPERATORS or attributes.get("auto_pad", b"NOTSET") != b"NOTSET"
    if odd or attributes.get("transA", 0) or attributes.get("training_mode", 0):
        raise UnsupportedModelError(
            folder=file.path.parent, feature=f"the operator {kind} in {file.path.name}"
        )


def _padded(values: Tensor, attributes: _Attributes) -> Tensor:
    """Add an operator's margins; onnx names them top, left, bottom, right."""
    top, left, bottom, right = (int(one) for one in attributes.get("pads", (0, 0, 0, 0)))
    return F.pad(values, (left, right, top, bottom)) if top or left or bottom or right else values


def _convolve(inputs: Sequence[Tensor], attributes: _Attributes) -> Tensor:
    return F.conv2d(
        _padded(inputs[0], attributes),
        *inputs[1:],
        stride=tuple(attributes.get("strides", (1, 1))),
        dilation=tuple(attributes.get("dilations", (1, 1))),
        groups=int(attributes.get("group", 1)),
    )


def _normalise(inputs: Sequence[Tensor], attributes: _Attributes) -> Tensor:
    values, scale, shift, mean, variance = inputs
    return F.batch_norm(values, mean, variance, scale, shift, eps=float(attributes.get("epsilon", 1e-5)))


def _multiply_matrices(inputs: Sequence[Tensor], attributes: _Attributes) -> Tensor:
    matrix = inputs[1].T if attributes.get("transB", 0) else inputs[1]
    product = inputs[0] @ matrix * float(attributes.get("alpha", 1.0))
    return product if len(inputs) == 2 else product + inputs[2] * float(attributes.get("beta", 1.0))  # noqa: PLR2004 - no shift


def _flatten(inputs: Sequence[Tensor], attributes: _Attributes) -> Tensor:
    return inputs[0].reshape(math.prod(inputs[0].shape[: int(attributes.get("axis", 1))]), -1)


def _reshape(inputs: Sequence[Tensor], _: _Attributes) -> Tensor:
    """Give another shape; 0 keeps a side, and a first side of 1 is every batch's."""
    values = inputs[0]
    wanted = [int(one) for one in inputs[1]]
    sides = [values.shape[i] if side == 0 else side for i, side in enumerate(wanted)]
    return values.reshape(values.shape[0] if sides[0] == 1 else sides[0], *sides[1:])


_OPERATORS: Mapping[str, _Operator] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "BatchNormalization": _normalise,
    "Conv": _convolve,
    "Div": lambda inputs, _: inputs[0] / inputs[1],
    "Dropout": lambda inputs, _: inputs[0],
    "Flatten": _flatten,
    "Gemm": _multiply_matrices,
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean(dim=(2, 3), keepdim=True),
    "Identity": lambda inputs, _: inputs[0],
    "MatMul": lambda inputs, _: inputs[0] @ inputs[1],
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "PRelu": lambda inputs, _: F.prelu(inputs[0], inputs[1].flatten()),
    "Relu": lambda inputs, _: F.relu(inputs[0]),
    "Reshape": _reshape,
    "Sigmoid": lambda inputs, _: inputs[0].sigmoid(),
    "Sub": lambda inputs, _: inputs[0] - inputs[1],
}
