"""Which device and number format the models run in. Knows nothing about the models."""

from typing import cast

import torch

from synid_engine.errors import DeviceUnavailableError

_AMPERE = (8, 0)
"""The first NVIDIA GPUs that multiply bfloat16 in hardware."""


def choose_device(name: str | None = None) -> torch.device:
    """Return the named device, or the fastest one here; a CUDA device with its number.

    Raises:
        DeviceUnavailableError: The named device does not exist on this machine.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceUnavailableError(device=name) from error
    missing_gpu = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if missing_gpu or device.type not in {"cpu", "cuda", "mps"}:
        raise DeviceUnavailableError(device=name)
    if device.type == "cuda" and cast("int | None", device.index) is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def choose_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device multiplies it in hardware, float16 on older GPUs, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= _AMPERE else torch.float16
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        fast = any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16"))
        return torch.bfloat16 if fast else torch.float32
    return torch.float32


def free_cuda_bytes(device: torch.device | None = None) -> int | None:
    """Return the bytes that are free on a CUDA device, by default the first; None where there is none."""
    if not torch.cuda.is_available():
        return None
    free, _total = torch.cuda.mem_get_info(device)
    return free


def choose_memory_format(dtype: torch.dtype) -> torch.memory_format:
    """Return channels_last for the short formats, whose convolutions are faster so."""
    return torch.contiguous_format if dtype == torch.float32 else torch.channels_last
