"""What an engine process is started with, as fields and as a command line. Knows no torch."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from synid_engine.serving.judging import Judging, read_judging

CompileChoice: TypeAlias = Literal["auto", "on", "off"]

_MOST_THREADS = 8  # more gain little with small models, and leave nothing to the rest of the machine


def usable_threads() -> int:
    """Return how many threads an engine takes when nobody says: one a core that it may use, up to 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST_THREADS, cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What the process is started with, besides the socket.

    Attributes:
        spool: Where the engine leaves what it made.
        weights: Holds the banks, as `ab/<sha256>.safetensors`.
        model: The base model; None is the embedded one.
        calibration: Keeps what steps take on this machine; None measures at every start.
        recipe: JSON with other budgets for creations than the usual ones; see `recipe`.
        judging: Who looks at finished pictures.
        threads: Of the processor. The process is niced, so that a bot beside it keeps answering.
        device: For example `cpu` or `cuda:0`; None chooses the fastest.
        compile: Whether the step is compiled at the start; `auto` does where there is a CUDA device.
        memory_gb: What it may take of the device, in units of 2**30 bytes; None is what is free.
        beat_s: Seconds between two signs of life.
        preview_interval_s: Least seconds between two previews of a job.
    """

    spool: Path
    weights: Path
    model: Path | None = None
    calibration: Path | None = None
    recipe: Path | None = None
    judging: Judging = field(default_factory=Judging)
    threads: int = field(default_factory=usable_threads)
    device: str | None = None
    compile: CompileChoice = "auto"
    memory_gb: float | None = None
    beat_s: float = 3.0
    preview_interval_s: float = 2.0


def to_arguments(options: EngineOptions, socket: Path) -> list[str]:
    """Return the command line that `read_arguments` reads."""
    given = {"socket": socket, **asdict(options), "judging": options.judging}
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]


def read_arguments(arguments: Sequence[str] | None = None) -> tuple[Path, EngineOptions]:
    """Read a command line, by default the process's own; what is wrong with it ends the process.

    Returns:
        The socket, and the rest.
    """
    parser = argparse.ArgumentParser(prog="engine_process", description="The process that owns the device.")
    for name in ("--socket", "--spool", "--weights"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--model", "--calibration", "--recipe"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--judging", type=read_judging, default=Judging())
    parser.add_argument("--device")
    parser.add_argument("--compile", choices=get_args(CompileChoice), default="auto")
    parser.add_argument("--memory-gb", type=float)
    parser.add_argument("--threads", type=int, default=usable_threads())
    parser.add_argument("--beat-s", type=float, default=3.0)
    parser.add_argument("--preview-interval-s", type=float, default=2.0)
    found = vars(parser.parse_args(arguments))
    socket: Path = found.pop("socket")
    return socket, EngineOptions(**found)
