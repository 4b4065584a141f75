"""Which libraries onnxruntime is given before it computes on a GPU, told by a runtime that only pretends."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from synid_engine.runtime.onnx_file import OnnxFile, OnnxSession

from ...onnx_models import save_small_arcface  # noqa: TID252  (tests are no package)

CPU, GPU = torch.device("cpu"), torch.device("cuda:1")


@pytest.fixture
def file(tmp_path: Path) -> OnnxFile:
    return OnnxFile(save_small_arcface(tmp_path / "w600k_r50.onnx"))


def pretended(monkeypatch: pytest.MonkeyPatch, *, can_preload: bool) -> list[object]:
    """Put a runtime with both providers in place of the real one; return what it notes."""
    noted: list[object] = []

    def session(_graph: bytes, _options: object, *, providers: list[tuple[str, dict[str, Any]]]) -> object:
        noted.append(providers)
        return SimpleNamespace(get_providers=lambda: [name for name, _ in providers])

    def preload_dlls() -> None:
        noted.append("preload")
        sys.stdout.write("Failed to load libcudnn.so.9")

    runtime: Any = ModuleType("onnxruntime")
    runtime.SessionOptions = lambda: SimpleNamespace(add_session_config_entry=lambda *_: None)
    runtime.get_available_providers = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    runtime.InferenceSession = session
    if can_preload:
        runtime.preload_dlls = preload_dlls
    import_module("onnxruntime.capi.onnxruntime_pybind11_state")  # its errors stay real
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    return noted


def test_libraries_of_cuda_are_loaded_once_and_before_the_first_session_on_a_gpu(
    file: OnnxFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    noted = pretended(monkeypatch, can_preload=True)
    on_cpu, on_gpu = [("CPUExecutionProvider", {})], [("CUDAExecutionProvider", {"device_id": 1})]
    OnnxSession(file, device=CPU)
    assert noted == [on_cpu]
    for _ in range(2):
        OnnxSession(file, device=GPU)
    assert noted == [on_cpu, "preload", on_gpu, on_gpu]
    said = capsys.readouterr()
    assert not said.out, "standard output is for what was asked for"
    assert "libcudnn" in said.err


def test_older_runtime_finds_its_libraries_itself(file: OnnxFile, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = pretended(monkeypatch, can_preload=False)
    OnnxSession(file, device=GPU)
    assert noted == [[("CUDAExecutionProvider", {"device_id": 1})]]
