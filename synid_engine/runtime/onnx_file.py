"""ONNX files: read whole, put in order, and run by onnxruntime on the device that was asked for.

Knows nothing about what the networks see.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from synid_engine.errors import (
    DamagedModelError,
    MissingModelError,
    MissingPackageError,
    MissingProviderError,
    UnsupportedModelError,
)

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_REFUSALS = (
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NotImplemented",
    "RuntimeException",
)
"""What onnxruntime raises over a graph; they share no parent."""


class OnnxFile:
    """A graph that takes one picture tensor.

    Attributes:
        path: Where it was read.
        model: An `onnx.ModelProto` whose only input is the picture.
        input_name: That input's name.
        input_shape: Its shape; None where it is left open.
    """

    def __init__(self, path: Path) -> None:
        """Read a file.

        Some files declare their weights as inputs, too, or names that nothing reads: onnxruntime would ask
        for each. They are dropped. What does not depend on the picture, such as weights that are stored in
        eight bits, is computed here, once: onnxruntime refuses some of the forms that it is stored in.

        Raises:
            MissingPackageError: onnx is not installed.
            MissingModelError: The file is not there.
            DamagedModelError: It is no ONNX graph.
            UnsupportedModelError: The graph reads more than one input.
        """
        self.path, self.model = path, _read(path)
        _fold(self.model)
        graph = self.model.graph
        weights = {one.name for one in graph.initializer}
        used = {name for node in graph.node for name in node.input}
        inputs = [one for one in graph.input if one.name in used and one.name not in weights]
        if len(inputs) != 1:
            raise UnsupportedModelError(folder=path.parent, feature=f"{len(inputs)} inputs in {path.name}")
        del graph.input[:]
        graph.input.extend(inputs)
        self.input_name: str = inputs[0].name
        sizes = inputs[0].type.tensor_type.shape.dim
        self.input_shape = tuple(int(one.dim_value) or None for one in sizes)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in the file's order."""
        return tuple(str(one.name) for one in self.model.graph.output)

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return a copy of every constant that a node reads, by name."""
        from onnx import numpy_helper  # noqa: PLC0415 - part of an extra

        used = {name for node in self.model.graph.node for name in node.input}
        stored = (one for one in self.model.graph.initializer if one.name in used)
        return {str(one.name): np.array(numpy_helper.to_array(one)) for one in stored}


class OnnxSession:
    """A graph at work in onnxruntime."""

    def __init__(self, file: OnnxFile, *, device: torch.device) -> None:
        """Start it.

        Raises:
            MissingProviderError: This onnxruntime cannot run on the device.
            DamagedModelError: onnxruntime does not understand the graph.
        """
        onnxruntime: Any = import_module("onnxruntime")  # half a second, for those who see real faces
        state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        # Threads that wait busily would take the cores from torch's own.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        provider = _CUDA if device.type == "cuda" else _CPU
        if provider not in cast("list[str]", onnxruntime.get_available_providers()):
            raise MissingProviderError(provider=provider, device=str(device))
        if provider == _CUDA:
            _load_cuda(onnxruntime)
        settings = {"device_id": device.index or 0} if provider == _CUDA else {}
        try:
            self._session: Any = onnxruntime.InferenceSession(
                file.model.SerializeToString(), options, providers=[(provider, settings)]
            )
        except tuple(getattr(state, name) for name in _REFUSALS) as error:
            raise DamagedModelError(
                folder=file.path.parent, part=file.path.name, detail=str(error).splitlines()[0]
            ) from error
        if provider not in self._session.get_providers():  # it goes on with the processor, and only logs it
            raise MissingProviderError(provider=provider, device=str(device))
        self._input, self._outputs = file.input_name, list(file.outputs)
        self._is_single = file.input_shape[:1] == (1,)

    def run(self, picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return all outputs."""
        return cast("list[NDArray[np.float32]]", self._session.run(self._outputs, {self._input: picture}))

    def rows(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the first output for each picture, one by one where the graph takes no more."""
        if not self._is_single:
            return self.run(pictures)[0]
        return np.concatenate([self.run(pictures[i : i + 1])[0] for i in range(len(pictures))])


class OnnxNetwork(nn.Module):
    """A session as a module: pictures in, vectors out, and no gradients."""

    def __init__(self, session: OnnxSession) -> None:
        super().__init__()
        self._session = session

    @torch.no_grad()
    def forward(self, pictures: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch dim"]:
        """Return the first output on the pictures' device."""
        arrays = pictures.detach().float().cpu().numpy()
        return torch.as_tensor(self._session.rows(arrays)).to(pictures.device)


def normalises_itself(file: OnnxFile) -> bool:
    """Tell whether a graph begins with a subtraction and a product, so that it takes 0..255 as it is."""
    kinds: list[str] = []
    name = file.input_name
    while len(kinds) < 2:  # noqa: PLR2004 - the two
        readers: Sequence[Any] = [node for node in file.model.graph.node if name in node.input]
        if len(readers) != 1:
            return False
        kinds.append(str(readers[0].op_type))
        name = str(readers[0].output[0])
    return kinds[0] == "Sub" and kinds[1] in {"Mul", "Div"}


def attributes_of(node: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a node of onnx
    """Return the attributes of a node by name."""
    from onnx import helper  # noqa: PLC0415 - as above

    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


@cache
def _load_cuda(onnxruntime: Any) -> None:  # noqa: ANN401 - it declares no types
    """Let onnxruntime find CUDA and cuDNN in the packages that torch came with; once is enough.

    Versions before 1.21 cannot, and look where the system looks. What it says of this is no output of ours.
    """
    load = getattr(onnxruntime, "preload_dlls", None)
    if load is not None:
        with redirect_stdout(sys.stderr):
            load()


def _fold(model: Any) -> None:  # noqa: ANN401 - a model of onnx
    """Compute every node that reads nothing but constants, and keep the result in its place."""
    from onnx import numpy_helper  # noqa: PLC0415 - part of an extra

    evaluator: Any = import_module("onnx.reference").ReferenceEvaluator
    graph = model.graph
    stored = {one.name: one for one in graph.initializer}
    opsets = {one.domain: one.version for one in model.opset_import}
    live: list[Any] = []
    for node in graph.node:
        if any(name and name not in stored for name in node.input):
            live.append(node)
            continue
        given = {name: numpy_helper.to_array(stored[name]) for name in node.input if name}
        found = cast("Sequence[Any]", evaluator(node, opsets=opsets).run(None, given))
        for name, value in zip(node.output, found, strict=False):
            stored[name] = numpy_helper.from_array(np.asarray(value), name)
    used = {name for node in live for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(live)
    graph.initializer.extend(one for name, one in stored.items() if name in used)


def _read(path: Path) -> Any:  # noqa: ANN401 - onnx is not there for everybody
    try:
        import onnx  # noqa: PLC0415 - part of an extra
    except ImportError as error:
        raise MissingPackageError(package="onnx", install="'synid-bot[gpu]'") from error
    unreadable: Any = import_module("google.protobuf.message").DecodeError  # comes with onnx
    try:
        return onnx.load_model_from_string(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingModelError(folder=path.parent, part=path.name) from error
    except (OSError, ValueError, unreadable) as error:
        detail = str(error) or type(error).__name__
        raise DamagedModelError(folder=path.parent, part=path.name, detail=detail) from error
