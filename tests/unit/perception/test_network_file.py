import importlib
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from synid_engine.errors import DamagedModelError, MissingModelError, UnsupportedModelError
from synid_engine.perception import load_face_detector, load_perception, load_trait_classifier
from synid_engine.perception.network_file import load_network, save_network
from synid_engine.perception.networks import PlainEmbedder, TraitNet

CPU = torch.device("cpu")
KINDS = ("residual_embedder", "plain_embedder")


@pytest.fixture
def folder(tmp_path: Path, embedder: nn.Module) -> Path:
    save_network(tmp_path, embedder, {"architecture": "residual_embedder"})
    return tmp_path


def test_a_stored_network_gives_the_same_vectors(folder: Path, embedder: nn.Module) -> None:
    crops = torch.rand(2, 3, 96, 96)
    loaded = load_network(folder, kinds=KINDS, device=CPU).network
    torch.testing.assert_close(loaded(crops), embedder(crops), atol=2e-3, rtol=0)
    assert not loaded.training
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in loaded.parameters())


def test_a_network_stored_twice_is_the_same_file(folder: Path, tmp_path: Path) -> None:
    stored = load_network(folder, kinds=KINDS, device=CPU)
    first = (folder / "model.safetensors").read_bytes()
    save_network(tmp_path / "again", stored.network, stored.config)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == first


def test_missing_folder_is_a_missing_model(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError):
        load_face_detector(tmp_path / "nowhere")
    with pytest.raises(MissingModelError):
        load_perception(tmp_path / "nowhere")


def test_missing_weights_are_a_missing_model(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(MissingModelError):
        load_network(folder, kinds=KINDS, device=CPU)


@pytest.mark.parametrize("content", [b"", b"not tensors at all", b"\xff" * 400])
def test_damaged_weights_are_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(DamagedModelError):
        load_network(folder, kinds=KINDS, device=CPU)


def test_cut_weights_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DamagedModelError):
        load_network(folder, kinds=KINDS, device=CPU)


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_damaged_configuration_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(DamagedModelError):
        load_network(folder, kinds=KINDS, device=CPU)


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    config = {"architecture": "residual_embedder", "arguments": {"embed_dim": 64}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(DamagedModelError):
        load_network(folder, kinds=KINDS, device=CPU)


def test_arguments_that_the_architecture_lacks_are_refused(folder: Path) -> None:
    config = {"architecture": "residual_embedder", "arguments": {"colour": "red"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(DamagedModelError):
        load_network(folder, kinds=KINDS, device=CPU)


def test_unknown_architecture_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text('{"architecture": "oracle"}', encoding="utf-8")
    with pytest.raises(UnsupportedModelError):
        load_network(folder, kinds=(*KINDS, "oracle"), device=CPU)


def test_a_recogniser_is_no_detector(folder: Path) -> None:
    with pytest.raises(UnsupportedModelError):
        load_face_detector(folder)


def test_traits_come_with_their_values(tmp_path: Path, pictures: Tensor) -> None:
    network = TraitNet(classes={"hair": 2, "mood": 3}).eval()
    values = {"hair": ["short", "long"], "mood": ["glad", "sad", "calm"]}
    arguments = {"classes": {"hair": 2, "mood": 3}}
    save_network(tmp_path, network, {"architecture": "trait_net", "arguments": arguments, "values": values})
    classifier = load_trait_classifier(tmp_path)
    rows = classifier.classify(pictures)
    assert len(rows) == len(pictures)
    assert all(row["hair"] in values["hair"] and row["mood"] in values["mood"] for row in rows)


def test_a_classifier_without_values_is_refused(tmp_path: Path) -> None:
    network = TraitNet(classes={"hair": 2})
    save_network(tmp_path, network, {"architecture": "trait_net", "arguments": {"classes": {"hair": 2}}})
    with pytest.raises(DamagedModelError):
        load_trait_classifier(tmp_path)


@pytest.mark.parametrize("architecture", ["residual_embedder", "plain_embedder"])
def test_onnx_equals_torch(tmp_path: Path, embedder: nn.Module, architecture: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    export_recogniser = importlib.import_module("synid_engine.tiny.export_onnx").export_recogniser
    network = embedder if architecture == "residual_embedder" else PlainEmbedder().eval()
    save_network(tmp_path, network, {"architecture": architecture})
    session = onnxruntime.InferenceSession(
        str(export_recogniser(tmp_path)), providers=["CPUExecutionProvider"]
    )
    loaded = load_network(tmp_path, kinds=KINDS, device=CPU).network
    for batch in (1, 5):
        crops = torch.rand(batch, 3, 96, 96)
        found = torch.from_numpy(session.run(None, {"crops": crops.numpy()})[0])
        torch.testing.assert_close(found, loaded(crops), atol=1e-4, rtol=0)
