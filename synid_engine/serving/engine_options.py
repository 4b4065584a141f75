"""What an engine process is started with, as fields and as a command line. Knows no torch."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What the process is started with, besides the socket.

    Attributes:
        spool: Where the engine leaves what it made.
        weights: Holds the banks, as `ab/<sha256>.safetensors`.
        model: The base model; None is the embedded one.
        calibration: Keeps what steps take on this machine; None measures at every start.
        threads: Of the processor.
        device: For example `cpu` or `cuda:0`; None chooses the fastest.
        beat_s: Seconds between two signs of life.
        preview_interval_s: Least seconds between two previews of a job.
    """

    spool: Path
    weights: Path
    model: Path | None = None
    calibration: Path | None = None
    threads: int = 1
    device: str | None = None
    beat_s: float = 3.0
    preview_interval_s: float = 2.0


def to_arguments(options: EngineOptions, socket: Path) -> list[str]:
    """Return the command line that `read_arguments` reads."""
    given = {"socket": socket, **asdict(options)}
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]


def read_arguments(arguments: Sequence[str] | None = None) -> tuple[Path, EngineOptions]:
    """Read a command line, by default the process's own; what is wrong with it ends the process.

    Returns:
        The socket, and the rest.
    """
    parser = argparse.ArgumentParser(prog="engine_process", description="The process that owns the device.")
    for name in ("--socket", "--spool", "--weights"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--model", "--calibration"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--device")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--beat-s", type=float, default=3.0)
    parser.add_argument("--preview-interval-s", type=float, default=2.0)
    found = vars(parser.parse_args(arguments))
    socket: Path = found.pop("socket")
    return socket, EngineOptions(**found)
