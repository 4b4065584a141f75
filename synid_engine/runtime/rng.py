"""Noise that depends on a seed and on nothing else: no device, no neighbour, no process."""

import torch
from torch import Tensor

SEED_LIMIT = 2**64


def cpu_generator(seed: int) -> torch.Generator:
    """Return a CPU generator at the start of this seed's stream."""
    return torch.Generator(device="cpu").manual_seed(seed % SEED_LIMIT)


def gaussian_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw float32 unit noise on the CPU; the stream is the same whatever device the model is on."""
    return torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu")
