"""What is installed beside each other and should not be, and what a GPU lacks.

Knows nothing of the data folder, Discord or models.
"""

import platform
import shutil
import sysconfig
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, cast

from synid_engine.errors import SynIDError

ONNX_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
"""Distributions that are all one package, `onnxruntime`."""

OPENCVS = (
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "opencv-python",
    "opencv-python-headless",
)
"""Distributions that are all one package, `cv2`."""

CUDA_PROVIDER = "CUDAExecutionProvider"
_REPAIR = "run: make install-gpu"
_COMPILERS = ("gcc", "clang")
_GPU_SIGNS = (Path("/dev/nvidia0"), Path("/dev/nvidiactl"), Path("/dev/dxg"))


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationFault:
    """Something that is installed wrongly: what, and what to do about it."""

    subject: str
    words: str


def faults_of(
    installed: Mapping[str, str],
    *,
    providers: Sequence[str],
    has_gpu: bool,
    lacking_tools: Sequence[str] = (),
) -> list[InstallationFault]:
    """Find what clashes or is missing.

    Args:
        installed: Distributions and their versions, named as pip normalises them.
        providers: What onnxruntime can compute with, by its own names; empty if it is not installed.
        has_gpu: Whether this machine has an NVIDIA GPU.
        lacking_tools: What torch needs to compile for a GPU and is not here.
    """
    faults = [
        *_clash("onnxruntime", [name for name in ONNX_RUNTIMES if name in installed]),
        *_clash("OpenCV", [name for name in OPENCVS if name in installed]),
    ]
    builds = {name: _build(installed[name]) for name in ("torch", "torchvision") if name in installed}
    if len(set(builds.values())) > 1:
        both = " and ".join(f"{name} {installed[name]}" for name in builds)
        words = f"{both} are of two builds, and nothing that needs both can be imported; {_REPAIR}"
        faults.append(InstallationFault(subject="torchvision", words=words))
    shown = [name for name in OPENCVS if name in installed and not name.endswith("-headless")]
    if len(shown) == 1 and len([name for name in OPENCVS if name in installed]) == 1:
        words = f"{shown[0]} needs libraries of a desktop; {_REPAIR}"
        faults.append(InstallationFault(subject="OpenCV", words=words))
    if has_gpu:
        faults += _gpu_faults(installed, providers=providers, lacking_tools=lacking_tools)
    return faults


def look_at_installation() -> list[InstallationFault]:
    """Find what clashes or is missing in this Python's packages, on this machine."""
    has_gpu = has_nvidia_gpu()
    return faults_of(
        _installed(),
        providers=_providers(tries_cuda=has_gpu),
        has_gpu=has_gpu,
        lacking_tools=lacking_tools(_COMPILERS, Path(sysconfig.get_path("include"))),
    )


def lacking_tools(compilers: Collection[str], headers: Path) -> list[str]:
    """Return what Triton needs beside torch and is not here: any of the compilers, and Python's headers."""
    lacking: list[str] = []
    if not any(shutil.which(name) for name in compilers):
        lacking.append("a C compiler")
    if not (headers / "Python.h").is_file():
        lacking.append("Python.h")
    return lacking


def has_nvidia_gpu(signs: Collection[Path] = _GPU_SIGNS) -> bool:
    """Tell whether an NVIDIA GPU can be reached from here, by the system's devices."""
    return platform.system() == "Linux" and any(sign.exists() for sign in signs)


def _gpu_faults(
    installed: Mapping[str, str], *, providers: Sequence[str], lacking_tools: Sequence[str]
) -> list[InstallationFault]:
    faults: list[InstallationFault] = []
    if "onnxruntime-gpu" not in installed:
        words = f"onnxruntime-gpu is not installed, so there is no {CUDA_PROVIDER}; {_REPAIR}"
        faults.append(InstallationFault(subject="GPU", words=words))
    elif CUDA_PROVIDER not in providers:
        there = ", ".join(providers) or "none"
        words = (
            f"it has no working {CUDA_PROVIDER}, so no face is found on the GPU (it has {there}); {_REPAIR}"
        )
        faults.append(InstallationFault(subject="onnxruntime-gpu", words=words))
    torch = installed.get("torch", "")
    if _build(torch) == "cpu":
        words = f"torch {torch} is built for processors alone, so nothing is drawn on the GPU; {_REPAIR}"
        faults.append(InstallationFault(subject="torch", words=words))
    elif lacking_tools:
        lacking = " and ".join(lacking_tools)
        words = (
            f"the denoising step cannot be compiled, and pictures take longer: it lacks {lacking}; "
            "for example: apt-get install gcc libc6-dev python3-dev"
        )
        faults.append(InstallationFault(subject="GPU", words=words))
    return faults


def _clash(subject: str, names: Sequence[str]) -> list[InstallationFault]:
    if len(names) <= 1:
        return []
    words = f"{' and '.join(names)} are one package and overwrite each other; {_REPAIR}"
    return [InstallationFault(subject=subject, words=words)]


def _build(version: str) -> str:
    """Return what a version is built for, such as `cpu` or `cu126`; empty for the usual build."""
    return version.partition("+")[2]


def _installed() -> Mapping[str, str]:
    found = ((one.metadata["Name"], one.version) for one in metadata.distributions())
    return {name.lower().replace("_", "-").replace(".", "-"): version for name, version in found if name}


def _providers(*, tries_cuda: bool) -> Sequence[str]:
    """Return what onnxruntime computes with; it lists CUDA even where no library of CUDA can be loaded."""
    try:
        runtime: Any = import_module("onnxruntime")  # it declares no types
    except ImportError:
        return ()
    names = cast("Sequence[str]", runtime.get_available_providers())
    is_broken = tries_cuda and CUDA_PROVIDER in names and not _opens_on_cuda()
    return tuple(name for name in names if not (is_broken and name == CUDA_PROVIDER))


def _opens_on_cuda() -> bool:
    import torch  # loads here

    from synid_engine.engine import EMBEDDED_MODEL
    from synid_engine.runtime.onnx_file import OnnxFile, OnnxSession

    graph = EMBEDDED_MODEL / "perception" / "face_encoder" / "model.onnx"  # a small one
    try:
        OnnxSession(OnnxFile(graph), device=torch.device("cuda"))
    except SynIDError:
        return False
    return True
