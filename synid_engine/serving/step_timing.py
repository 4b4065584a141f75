"""How long a piece of work takes on a device, and which size of batch pays."""

import time
from collections.abc import Callable, Sequence

import torch

from synid_engine.serving.cost_model import StepSample


def timed_ms(device: torch.device, work: Callable[[], object]) -> float:
    """Return how long a device works."""
    wait_for(device)
    started = time.perf_counter()
    work()
    wait_for(device)
    return 1000 * (time.perf_counter() - started)


def best_size(samples: Sequence[StepSample], tolerance: float) -> int:
    """Return the rows of the smallest batch whose rows are hardly slower than those of the best one.

    Args:
        samples: At least one.
        tolerance: The share of time that a row may take more.
    """
    best = min(sample.ms / sample.rows for sample in samples)
    return min(sample.rows for sample in samples if sample.ms / sample.rows <= (1 + tolerance) * best)


def wait_for(device: torch.device) -> None:
    """Return when a device has done all that it was given; a GPU works on while whoever gave it goes on."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
