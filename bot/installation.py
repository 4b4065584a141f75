"""What is installed beside each other and should not be: packages that overwrite each other's files.

Knows nothing of the data folder, Discord or models.
"""

import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

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
_GPU_SIGNS = (Path("/dev/nvidia0"), Path("/dev/nvidiactl"), Path("/dev/dxg"))


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationFault:
    """Something that is installed wrongly: what, and what to do about it."""

    subject: str
    words: str


def faults_of(
    installed: Mapping[str, str], *, providers: Sequence[str], has_gpu: bool
) -> list[InstallationFault]:
    """Find what clashes or is missing.

    Args:
        installed: Distributions and their versions, named as pip normalises them.
        providers: What onnxruntime can compute with, by its own names; empty if it is not installed.
        has_gpu: Whether this machine has an NVIDIA GPU.
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
    if has_gpu and "onnxruntime-gpu" in installed and CUDA_PROVIDER not in providers:
        there = ", ".join(providers) or "none"
        words = f"it has no {CUDA_PROVIDER}, so faces are found on the CPU (it has {there}); {_REPAIR}"
        faults.append(InstallationFault(subject="onnxruntime-gpu", words=words))
    if has_gpu and "onnxruntime-gpu" not in installed:
        words = f"onnxruntime-gpu is not installed, so there is no {CUDA_PROVIDER}; {_REPAIR}"
        faults.append(InstallationFault(subject="GPU", words=words))
    return faults


def look_at_installation() -> list[InstallationFault]:
    """Find what clashes or is missing in this Python's packages, on this machine."""
    return faults_of(_installed(), providers=_providers(), has_gpu=has_nvidia_gpu())


def has_nvidia_gpu(signs: Collection[Path] = _GPU_SIGNS) -> bool:
    """Tell whether an NVIDIA GPU can be reached from here, by the system's devices."""
    return platform.system() == "Linux" and any(sign.exists() for sign in signs)


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


def _providers() -> Sequence[str]:
    try:
        runtime: Any = import_module("onnxruntime")  # it declares no types
    except ImportError:
        return ()
    return tuple(runtime.get_available_providers())
