"""What `make install-gpu` leaves, and what `synid doctor` says of an installation."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from bot import memory_table
from bot.cli import run
from bot.installation import (
    CUDA_PROVIDER,
    ONNX_RUNTIMES,
    OPENCVS,
    InstallationFault,
    faults_of,
    has_nvidia_gpu,
    lacking_tools,
    look_at_installation,
)
from synid_engine.runtime.memory_plan import GIB
from synid_engine.runtime.sd15_memory import CARDS

ROOT = Path(__file__).parents[3]
WANTED = {
    "controlnet-aux": "0.0.10",
    "insightface": "2.1",
    "onnxruntime": "1.31.1",
    "onnxruntime-gpu": "1.31.1",
    "opencv-python": "5.0.0.93",
    "opencv-python-headless": "5.0.0.93",
    "torchvision": "0.28.0",
}
"""What pip installed for the extras in November 2026, as far as it matters here."""

EVERYWHERE = (CUDA_PROVIDER, "CPUExecutionProvider")


def _project() -> Mapping[str, list[str]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def _after_the_makefile(installed: Mapping[str, str]) -> dict[str, str]:
    """Take away and put back what the recipe of `install-gpu` does."""
    text = (ROOT / "Makefile").read_text()
    clashes = re.search(r"^GPU_CLASHES := (.*)$", text, re.MULTILINE)
    assert clashes is not None
    recipe = text[text.index("\n.venv/.gpu:") :]
    order = [
        recipe.index(word)
        for word in ('".[sd15,gpu]"', "$(UNINSTALL) $(GPU_CLASHES)", "--no-deps $(GPU_PINS)")
    ]
    assert order == sorted(order)
    left = {name: version for name, version in installed.items() if name not in clashes[1].split()}
    pins = [one.split("==") for one in _project()["gpu"] if "==" in one]
    return left | dict(pins)


def test_extras_alone_leave_packages_that_overwrite_each_other() -> None:
    faults = faults_of(WANTED, providers=EVERYWHERE, has_gpu=True)
    assert [one.subject for one in faults] == ["onnxruntime", "OpenCV"]
    assert "opencv-python and opencv-python-headless are one package" in faults[1].words


def test_install_gpu_leaves_one_runtime_and_one_headless_opencv() -> None:
    installed = _after_the_makefile(WANTED)
    assert [name for name in (*ONNX_RUNTIMES, *OPENCVS) if name in installed] == [
        "onnxruntime-gpu",
        "opencv-python-headless",
    ]
    assert faults_of(installed, providers=EVERYWHERE, has_gpu=True) == []


def test_makefile_reads_its_pins_from_the_project() -> None:
    [line] = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("GPU_PINS")]
    found = re.search(r"s/(.*)/\\1 \\2/p", line)
    assert found is not None
    pattern = found[1].replace(r"\(", "(").replace(r"\)", ")")
    [gpu] = re.findall(pattern, (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert list(gpu) == [one for one in _project()["gpu"] if "==" in one]


def test_torchvision_belongs_to_stable_diffusion_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    holders = [name for name, wanted in _project().items() if any("torchvision" in one for one in wanted)]
    assert holders == ["sd15"]
    assert "torchvision==0.28.0" in _project()["sd15"]
    assert not any("torchvision" in one for one in project["dependencies"])


@pytest.mark.parametrize(
    ("installed", "providers", "said"),
    [
        ({"onnxruntime-gpu": "1.31.1"}, ("CPUExecutionProvider",), "no working CUDAExecutionProvider"),
        ({"onnxruntime": "1.31.1"}, ("CPUExecutionProvider",), "onnxruntime-gpu is not installed"),
        ({}, (), "onnxruntime-gpu is not installed"),
    ],
)
def test_missing_cuda_provider_is_named(
    installed: Mapping[str, str], providers: tuple[str, ...], said: str
) -> None:
    [fault] = faults_of(installed, providers=providers, has_gpu=True)
    assert said in fault.words
    assert "make install-gpu" in fault.words


class _Session:
    """Opens on what it says that it has, whatever was asked for, as onnxruntime's does."""

    def __init__(self, *opened: str) -> None:
        self._opened = opened

    def __call__(self, *_given: object, **_named: object) -> "_Session":
        return self

    def get_providers(self) -> tuple[str, ...]:
        return self._opened


@pytest.mark.parametrize("works", [True, False])
def test_cuda_provider_that_is_listed_has_to_open(monkeypatch: pytest.MonkeyPatch, *, works: bool) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: list(EVERYWHERE))
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None, raising=False)
    monkeypatch.setattr("onnxruntime.InferenceSession", _Session(*(EVERYWHERE if works else EVERYWHERE[1:])))
    monkeypatch.setattr("bot.installation.has_nvidia_gpu", lambda: True)
    monkeypatch.setattr("bot.installation._installed", lambda: {"onnxruntime-gpu": "1.31.1"})
    monkeypatch.setattr("bot.installation.lacking_tools", lambda *_: [])
    assert [one.subject for one in look_at_installation()] == ([] if works else ["onnxruntime-gpu"])


def test_torch_for_processors_is_named_where_there_is_a_gpu() -> None:
    installed = {"torch": "2.13.0+cpu", "onnxruntime-gpu": "1.31.1"}
    [fault] = faults_of(installed, providers=EVERYWHERE, has_gpu=True, lacking_tools=["a C compiler"])
    assert "torch 2.13.0+cpu is built for processors alone" in fault.words
    assert faults_of(installed, providers=EVERYWHERE, has_gpu=False) == []


def test_what_compiling_for_a_gpu_lacks_is_named(tmp_path: Path) -> None:
    lacking = lacking_tools(["no-such-compiler"], tmp_path)
    installed = {"torch": "2.13.0", "onnxruntime-gpu": "1.31.1"}
    [fault] = faults_of(installed, providers=EVERYWHERE, has_gpu=True, lacking_tools=lacking)
    assert "it lacks a C compiler and Python.h" in fault.words
    assert "apt-get install gcc libc6-dev python3-dev" in fault.words
    assert faults_of(installed, providers=EVERYWHERE, has_gpu=False, lacking_tools=lacking) == []
    (tmp_path / "Python.h").touch()
    assert lacking_tools(["no-such-compiler", "sh"], tmp_path) == []


def test_machine_without_a_gpu_misses_nothing() -> None:
    plain = {"onnxruntime": "1.31.1"}
    assert faults_of(plain, providers=("CPUExecutionProvider",), has_gpu=False) == []
    assert faults_of({"onnxruntime-gpu": "1.31.1"}, providers=(), has_gpu=False) == []


def test_torch_and_torchvision_of_two_builds_are_named() -> None:
    mixed = {"torch": "2.13.0+cpu", "torchvision": "0.28.0"}
    [fault] = faults_of(mixed, providers=(), has_gpu=False)
    assert "two builds" in fault.words
    for build in ("", "+cpu", "+cu130"):
        same = {"torch": f"2.13.0{build}", "torchvision": f"0.28.0{build}"}
        assert faults_of(same, providers=(), has_gpu=False) == []
    recipe = (ROOT / "Makefile").read_text().partition("\n.venv/.gpu:")[2]
    assert '"$(TORCHVISION)" --index-url "$(CHOSEN_INDEX)"' in recipe


def test_opencv_with_windows_is_named() -> None:
    [fault] = faults_of({"opencv-python": "5.0.0.93"}, providers=(), has_gpu=False)
    assert "desktop" in fault.words


def test_gpu_is_known_by_its_devices(tmp_path: Path) -> None:
    assert not has_nvidia_gpu([tmp_path / "nvidia0"])
    (tmp_path / "nvidia0").touch()
    assert has_nvidia_gpu([tmp_path / "nvidia0"])


def test_doctor_tells_what_clashes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(("doctor", "--data", str(tmp_path))) == (1 if look_at_installation() else 0)
    capsys.readouterr()
    fault = InstallationFault(subject="OpenCV", words="two of them")
    monkeypatch.setattr("bot.installation.look_at_installation", lambda: [fault])
    assert run(("doctor", "--data", str(tmp_path))) == 1
    assert "installation: OpenCV: two of them" in capsys.readouterr().out
    assert run(("doctor", "--data", str(tmp_path), "--json")) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["installation"] == [{"subject": "OpenCV", "detail": "two of them"}]


def test_doctor_tells_the_memory_plans(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(memory_table, "has_nvidia_gpu", lambda: False)
    run(("doctor", "--data", str(tmp_path)))
    told = capsys.readouterr().out
    assert all(card in told for card in CARDS)
    assert "text encoders, perception" in told
    run(("doctor", "--data", str(tmp_path), "--json"))
    rows = json.loads(capsys.readouterr().out)["memory"]
    assert [row["device"] for row in rows] == list(CARDS)
    assert rows[0]["tier"] == "small"
    assert all(row["peak_gib"] < row["free_gib"] for row in rows)


def test_doctor_tells_what_fits_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_table, "has_nvidia_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (10 * GIB, 12 * GIB))
    *_, here = memory_table.card_plans()
    assert (here.card, here.free_bytes) == ("here", 10 * GIB)
    assert here.plan is not None
    *_, limited = memory_table.card_plans(memory_gb=2.0)
    assert (limited.free_bytes, limited.plan) == (2 * GIB, None)
    assert "does not fit" in memory_table.table_lines([limited])[-1]
    assert limited.to_fields()["tier"] is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [one.card for one in memory_table.card_plans()] == list(CARDS)
