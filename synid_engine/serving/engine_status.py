"""What the engine process says of itself, from any thread. Knows no torch."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from synid_engine.serving.reports import Alive, Health, WorkBeat

_MIB = 2**20
_STATM = Path("/proc/self/statm")


class EngineExit(IntEnum):
    """How the process ended."""

    DRAINED = 0
    LOST = 3
    UNLOADABLE = 4


def no_device_memory() -> float:
    """Return 0: nothing is held on a device."""
    return 0.0


@dataclass(slots=True, eq=False)
class EngineStatus:
    """Written by the thread that does the work, whole values at a time; read by the others.

    Attributes:
        is_ready: Whether the models are loaded and work is taken.
        beats: The jobs that are under way.
        occupancy: Mean share of a batch that was in use, of late.
        steps: Pieces of work since the start.
        max_rows: Forward rows of the largest batch.
        device_memory_mib: Asks the device.
    """

    is_ready: bool = False
    beats: tuple[WorkBeat, ...] = ()
    occupancy: float = 0.0
    steps: int = 0
    max_rows: int = 0
    device_memory_mib: Callable[[], float] = no_device_memory

    def alive(self) -> Alive:
        """Return a sign of life."""
        return Alive(beats=self.beats)

    def health(self) -> Health:
        """Return how the engine is now."""
        return Health(
            is_ready=self.is_ready,
            memory_mib=resident_mib(),
            device_memory_mib=self.device_memory_mib(),
            occupancy=min(1.0, self.occupancy),
            jobs=len(self.beats),
            steps=self.steps,
            max_rows=self.max_rows,
        )


def resident_mib() -> float:
    """Return the resident memory of this process; where the system does not tell, the most it ever had."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / _MIB if sys.platform == "darwin" else most / 1024
    return pages * resource.getpagesize() / _MIB
