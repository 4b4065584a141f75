"""What `make` asks of pip, told by a Python that writes down how it is called and installs nothing."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CPU_INDEX, CUDA_INDEX = "https://wheels.example/cpu", "https://wheels.example/cu130"
_PYTHON = """#!/bin/sh
[ "$1" != -c ] || { cat .venv/build; exit; }
printf '%s\\n' "$*" >> .venv/asked
case "$*" in *wheels.example/cpu*) echo cpu > .venv/build;; esac
case "$*" in *wheels.example/cu130*) echo cu130 > .venv/build;; esac
case "$*" in *"uninstall"*" torch "*) cp .venv/usual .venv/build;; esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., list[str]]:
    """Run `make` in a folder that has an environment already; return what Python was asked since."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / ".made").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(_PYTHON)
    python.chmod(0o755)
    log = tmp_path / ".venv" / "asked"

    def run(*words: str, usual: str = "") -> list[str]:
        log.write_text("")
        (tmp_path / ".venv" / "usual").write_text(f"{usual}\n")
        done = subprocess.run(["make", *words], cwd=tmp_path, check=True, capture_output=True)  # noqa: S607
        (tmp_path / "said").write_bytes(done.stderr)
        return log.read_text().splitlines()

    (tmp_path / ".venv" / "build").write_text("\n")
    return run


def _installs(lines: list[str]) -> list[str]:
    return [line for line in lines if " install " in line]


def test_index_is_remembered(asked: Callable[..., list[str]]) -> None:
    [torch, _] = _installs(asked("install", f"TORCH_INDEX={CUDA_INDEX}"))
    assert torch.endswith(f"--upgrade torch==2.13.0 --index-url {CUDA_INDEX}")
    assert asked("install") == []
    assert asked("install", f"TORCH_INDEX={CUDA_INDEX}") == []


def test_torch_of_another_index_goes_before_the_new_one_comes(asked: Callable[..., list[str]]) -> None:
    asked("install", f"TORCH_INDEX={CUDA_INDEX}")
    first, second, _ = asked("install", f"TORCH_INDEX={CPU_INDEX}")
    assert "uninstall" in first
    assert first.endswith(" torch torchvision")
    assert CPU_INDEX in second


def test_gpu_gets_another_torch_than_the_one_for_processors(asked: Callable[..., list[str]]) -> None:
    asked("install", f"TORCH_INDEX={CPU_INDEX}")
    lines = asked("install-gpu")
    assert lines[0].endswith(" torch torchvision")
    assert not any(CPU_INDEX in line for line in lines)
    assert any(line.endswith("--editable .[sd15,gpu]") for line in lines)
    assert not any("torch" in line for line in asked("install"))


def test_usual_index_with_a_torch_for_processors_is_asked_once(
    asked: Callable[..., list[str]], tmp_path: Path
) -> None:
    asked("install", usual="cpu")
    lines = asked("install-gpu", usual="cpu")
    assert not any(line.endswith(" torch torchvision") for line in lines)
    assert "name an index with another: make install-gpu TORCH_INDEX=URL" in (tmp_path / "said").read_text()
    assert asked("bot", usual="cpu") == ["-m bot bot"]


def test_gpu_packages_survive_a_change_of_the_project(
    asked: Callable[..., list[str]], tmp_path: Path
) -> None:
    asked("install-gpu", f"TORCH_INDEX={CUDA_INDEX}")
    assert asked("bot") == ["-m bot bot"]
    (tmp_path / "pyproject.toml").touch()
    lines = asked("bot")
    assert any("uninstall" in line and " onnxruntime " in line for line in lines)
    assert lines[-2:][0].endswith("--no-deps onnxruntime-gpu==1.31.1 opencv-python-headless==5.0.0.93")
    assert all(CUDA_INDEX in line for line in lines if "torchvision==" in line)


def test_gpu_packages_come_back_after_the_test_tools(asked: Callable[..., list[str]]) -> None:
    asked("install-gpu", f"TORCH_INDEX={CUDA_INDEX}")
    asked("test")
    assert any("onnxruntime-gpu" in line for line in asked("bot"))


def test_install_gpu_mends_what_has_changed_since(asked: Callable[..., list[str]]) -> None:
    asked("install-gpu", f"TORCH_INDEX={CUDA_INDEX}")
    assert any("onnxruntime-gpu" in line for line in asked("install-gpu"))
