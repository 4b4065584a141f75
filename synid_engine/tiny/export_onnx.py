"""Export the recognisers as `model.onnx` beside their weights: aligned crops in, unit vectors out.

Kernels and matrices stay in fp16, as in the safetensors file, with a cast in front of their use; so both
files hold the same numbers and give the same vectors.

Run: `python -m synid_engine.tiny.export_onnx WEIGHTS/perception/face_encoder WEIGHTS/evaluation/face_encoder`
"""

import argparse
import io
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from synid_engine.perception.network_file import load_network

ONNX_NAME = "model.onnx"
_OPSET = 17
_KINDS = ("residual_embedder", "plain_embedder")


def export_recogniser(folder: Path) -> Path:
    """Write `model.onnx`: input `crops` (batch, 3, side, side) in 0..1, output `face_embeds` (batch, dim)."""
    network = load_network(folder, kinds=_KINDS, device=torch.device("cpu")).network
    model = _trace(network)
    _halve(model)
    cast("Any", onnx.checker).check_model(model)
    path = folder / ONNX_NAME
    path.write_bytes(model.SerializeToString())
    return path


def _trace(network: nn.Module) -> onnx.ModelProto:
    side = cast("int", network.input_size)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its successor, which lacks opset 17
        cast("Any", torch.onnx).export(
            network,
            (torch.rand(2, 3, side, side),),
            buffer,
            input_names=["crops"],
            output_names=["face_embeds"],
            dynamic_axes={"crops": {0: "batch"}, "face_embeds": {0: "batch"}},
            opset_version=_OPSET,
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,  # folded batch norms would be rounded anew
            dynamo=False,
        )
    return onnx.load_model_from_string(buffer.getvalue())


def _halve(model: onnx.ModelProto) -> None:
    """Keep every fp32 tensor of two or more axes in fp16 and cast it where it is used."""
    casts: list[onnx.NodeProto] = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) <= 1:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def main() -> None:
    """Export every folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    for folder in parser.parse_args().folders:
        path = export_recogniser(folder)
        print(f"{path}: {path.stat().st_size / 2**20:.2f} MiB")  # noqa: T201


if __name__ == "__main__":
    main()
