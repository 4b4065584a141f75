"""The most memory that this process and its engine have held."""

import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakMemory:
    """In bytes of resident memory.

    Attributes:
        own: Of this process.
        engine: Of the largest child that has ended; 0 before one has.
    """

    own: int
    engine: int

    @classmethod
    def measured(cls) -> Self:
        """Ask the system."""
        return cls(own=_own_peak() or _peak(resource.RUSAGE_SELF), engine=_peak(resource.RUSAGE_CHILDREN))

    def __str__(self) -> str:
        own, engine = self.own / 1e9, self.engine / 1e9
        parts = f"engine {engine:.2f} GB, bot with its Discord {own:.2f} GB"
        return f"peak memory: {parts}, together {own + engine:.2f} GB"


def _own_peak() -> int | None:
    """Return what Linux says of this program alone; `getrusage` begins with the peak of its parent."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else None


def _peak(whose: int) -> int:
    peak = resource.getrusage(whose).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
