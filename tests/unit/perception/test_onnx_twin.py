from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch

from synid_engine.errors import (
    DamagedModelError,
    MissingModelError,
    MissingProviderError,
    UnsupportedModelError,
)
from synid_engine.perception.onnx_twin import OnnxTwin
from synid_engine.runtime.onnx_file import OnnxFile, OnnxNetwork, OnnxSession, normalises_itself

from ...onnx_models import Graph, save_random_scrfd, save_small_arcface  # noqa: TID252  (tests are no package)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> OnnxFile:
    return OnnxFile(save_small_arcface(tmp_path_factory.mktemp("onnx") / "w600k_r50.onnx"))


def test_twin_says_what_onnxruntime_says(small: OnnxFile) -> None:
    twin, runtime = OnnxTwin(small), OnnxNetwork(OnnxSession(small, device=CPU))
    for seed in range(3):
        crops = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        expected = runtime(crops)
        assert expected.shape == (2, 16)
        torch.testing.assert_close(twin(crops), expected, atol=1e-4, rtol=0)


def test_a_row_of_the_twin_does_not_depend_on_its_neighbours(small: OnnxFile) -> None:
    crops, twin = torch.rand(3, 3, 112, 112), OnnxTwin(small)
    torch.testing.assert_close(twin(crops)[1:2], twin(crops[1:2]), atol=1e-4, rtol=0)


def test_gradient_goes_through_the_twin_and_its_weights_stay(small: OnnxFile) -> None:
    twin, crops = OnnxTwin(small), torch.rand(2, 3, 112, 112, requires_grad=True)
    twin(crops).square().sum().backward()
    assert crops.grad is not None
    assert all(bool(row.abs().sum() > 0) for row in crops.grad)
    assert not list(twin.parameters())


def test_onnxruntime_gives_no_gradient(small: OnnxFile) -> None:
    runtime = OnnxNetwork(OnnxSession(small, device=CPU))
    assert not runtime(torch.rand(1, 3, 112, 112, requires_grad=True)).requires_grad


def test_graph_that_normalises_its_picture_is_known(small: OnnxFile, tmp_path: Path) -> None:
    other = OnnxFile(save_small_arcface(tmp_path / "own.onnx", is_normalising=True))
    assert [normalises_itself(one) for one in (small, other)] == [False, True]


def test_operator_that_recognisers_do_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError) as refused:
        OnnxTwin(OnnxFile(save_random_scrfd(tmp_path / "det_10g.onnx")))
    assert "Transpose" in refused.value.feature


def test_leftover_inputs_are_dropped_and_constants_computed(tmp_path: Path) -> None:
    path = save_small_arcface(tmp_path / "plain.onnx")
    model = onnx.load(path)
    model.graph.input.append(onnx.helper.make_tensor_value_info("w0", onnx.TensorProto.FLOAT, [1]))
    model.graph.input.append(onnx.helper.make_tensor_value_info("nobody", onnx.TensorProto.FLOAT, [1]))
    doubled = onnx.helper.make_node("Add", ["w0", "w0"], ["twice"])
    model.graph.node.insert(0, doubled)
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    first.input[1] = "twice"
    (tmp_path / "odd.onnx").write_bytes(model.SerializeToString())
    odd = OnnxFile(tmp_path / "odd.onnx")
    assert [one.name for one in odd.model.graph.input] == ["input.1"]
    assert len(odd.model.graph.node) == len(OnnxFile(path).model.graph.node)
    crops = torch.rand(1, 3, 112, 112)
    expected = OnnxNetwork(OnnxSession(odd, device=CPU))(crops)
    torch.testing.assert_close(OnnxTwin(odd)(crops), expected, atol=1e-4, rtol=0)


def test_file_that_is_missing_or_no_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError):
        OnnxFile(tmp_path / "absent.onnx")
    (tmp_path / "noise.onnx").write_bytes(b"\xff" * 64)
    with pytest.raises(DamagedModelError):
        OnnxFile(tmp_path / "noise.onnx")


def test_graph_that_onnxruntime_does_not_understand_is_refused(tmp_path: Path) -> None:
    graph = Graph(0)
    graph.save(tmp_path / "odd.onnx", shape=[1, 3], outputs={"out": graph.add("Nonsense", "input.1")})
    with pytest.raises(DamagedModelError):
        OnnxSession(OnnxFile(tmp_path / "odd.onnx"), device=CPU)


def test_device_without_a_provider_is_refused_and_not_replaced(small: OnnxFile) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has the provider")
    with pytest.raises(MissingProviderError) as refused:
        OnnxSession(small, device=torch.device("cuda:0"))
    assert refused.value.provider == "CUDAExecutionProvider"
