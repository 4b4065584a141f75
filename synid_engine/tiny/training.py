"""What every training recipe shares: precision, budget, learning rate, averages, sample sheets."""

import contextlib
import math
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def pick_device() -> torch.device:
    """Take the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Use bf16 where the hardware multiplies it natively, else leave fp32 alone."""
    native = device.type == "cuda" or _cpu_multiplies_bf16()
    return torch.autocast(device.type, dtype=torch.bfloat16) if native else contextlib.nullcontext()


def _cpu_multiplies_bf16() -> bool:
    path = Path("/proc/cpuinfo")
    flags = path.read_text(encoding="utf-8") if path.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


@dataclass(slots=True, kw_only=True)
class Budget:
    """A training run bounded by wall time, with a warm-up and a cosine down to a tenth of a per cent."""

    minutes: float
    learning_rate: float
    warmup_steps: int = 100
    started: float = field(default_factory=time.monotonic)

    @property
    def fraction(self) -> float:
        """How much of the time is spent, 0 to 1."""
        return min(1.0, (time.monotonic() - self.started) / (self.minutes * 60))

    def rate(self, step: int) -> float:
        """Give the learning rate of a step."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        return self.learning_rate * warm * max(0.001, 0.5 * (1 + math.cos(math.pi * self.fraction)))

    def steps(self) -> Iterator[int]:
        """Count steps until the time is spent."""
        step = 0
        while self.fraction < 1.0:
            yield step
            step += 1


class MovingAverage:
    """An exponential moving average of parameters, with the usual warm-up of its decay."""

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.updates = 0
        self.shadow = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module's present weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                self.shadow[name].lerp_(value.detach(), 1 - decay)
            else:
                self.shadow[name].copy_(value)

    @contextlib.contextmanager
    def applied_to(self, module: nn.Module) -> Generator[None]:
        """Put the averaged weights into the module for the length of a `with` block."""
        kept = {name: value.detach().clone() for name, value in module.state_dict().items()}
        module.load_state_dict(self.shadow)
        try:
            yield
        finally:
            module.load_state_dict(kept)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Turn (N, H, W, 3) bytes into (N, 3, H, W) floats in 0..1, channels last in memory."""
    return torch.tensor(pictures).permute(0, 3, 1, 2).float() / 255


def to_signed(pictures: Tensor) -> Tensor:
    """Map 0..1 to the -1..1 that diffusers' autoencoders take."""
    return pictures * 2 - 1


def from_signed(pictures: Tensor) -> Tensor:
    """Map the -1..1 that diffusers' autoencoders give to 0..1."""
    return pictures / 2 + 0.5


def tile(pictures: Iterable[Tensor], columns: int) -> NDArray[np.uint8]:
    """Lay (3, H, W) pictures in 0..1 out as one sheet of bytes."""
    rows = [picture.detach().float().clamp(0, 1).cpu() for picture in pictures]
    blank = torch.ones_like(rows[0])
    rows += [blank] * (-len(rows) % columns)
    lines = [torch.cat(rows[i : i + columns], dim=2) for i in range(0, len(rows), columns)]
    sheet = torch.cat(lines, dim=1).permute(1, 2, 0) * 255
    return sheet.round().byte().numpy()
