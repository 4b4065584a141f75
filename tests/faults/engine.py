"""The real engine process, which tells everything twice, with a fuse along its way."""

import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING

from synid_engine.serving import engine_process
from synid_engine.serving.connection import Connection
from synid_engine.serving.engine_process import EngineProcess
from synid_engine.serving.reports import Report

from .fuse import DEADLY_SEED, FUSE_VARIABLE, Fuse

if TYPE_CHECKING:
    from synid_engine.serving.picture_batch import BatchRow
    from synid_engine.synid.stage import Progress


def _between(owner: object, name: str, fuse: Fuse, point: Callable[..., str]) -> None:
    """Reach a point before and another one after every call of a method."""
    plain = getattr(owner, name)

    @wraps(plain)
    def fused(*arguments: object, **options: object) -> object:
        named = point(*arguments, **options)
        fuse.reach(f"before {named}")
        result = plain(*arguments, **options)
        fuse.reach(f"after {named}")
        return result

    setattr(owner, name, fused)


def _fuse_work(fuse: Fuse) -> None:
    """Lay the fuse through all that the engine does once its libraries are there."""
    from synid_engine.serving import spool  # noqa: PLC0415  (torch loads here)
    from synid_engine.serving.creation_job import CreationJob  # noqa: PLC0415
    from synid_engine.serving.engine_loop import EngineLoop  # noqa: PLC0415
    from synid_engine.serving.picture_batch import PictureBatch  # noqa: PLC0415
    from synid_engine.serving.stepwise import StepwiseCall  # noqa: PLC0415

    stage = "beginning"

    def progress(_call: object, report: "Progress") -> str:
        nonlocal stage
        stage = report.stage
        return f"step of {stage}"

    def batch(_batch: object, rows: "Sequence[BatchRow]") -> str:
        is_deadly = any(row.row.seed == DEADLY_SEED for row in rows)
        return "deadly denoise" if is_deadly else "denoise"

    _between(PictureBatch, "denoise", fuse, batch)
    _between(PictureBatch, "decode", fuse, lambda *_: "decode")
    _between(PictureBatch, "_preview", fuse, lambda *_: "preview")
    _between(StepwiseCall, "_report", fuse, progress)
    _between(CreationJob, "is_due", fuse, lambda *_: f"training of {stage}")
    _between(CreationJob, "keep", fuse, lambda *_: "checkpoint")
    _between(CreationJob, "_result", fuse, lambda *_: "result")
    _between(spool, "write_durably", fuse, lambda *_: "file")
    _between(os, "fsync", fuse, lambda *_: "sync")
    _between(EngineLoop, "_obey", fuse, lambda _loop, order: f"order {type(order).__name__}")


def main() -> int:
    """Run the engine process."""
    connections: list[Connection] = []
    fuse = Fuse(Path(os.environ[FUSE_VARIABLE]), "engine", cut=lambda: [one.close() for one in connections])
    made, send = Connection.__init__, Connection.send

    def connect(self: Connection, connected: socket) -> None:
        made(self, connected)
        connections.append(self)

    def send_twice(self: Connection, report: Report) -> None:
        send(self, report)
        send(self, report)

    def load(process: EngineProcess, stage: str, fraction: float) -> None:
        if stage == "base model":
            _fuse_work(fuse)
        fuse.reach(f"load {stage}")
        tell(process, stage, fraction)

    tell = EngineProcess._tell_loading
    Connection.__init__, Connection.send = connect, send_twice
    EngineProcess._tell_loading = load
    _between(Connection, "send", fuse, lambda _line, report: f"report {type(report).__name__}")
    return engine_process.main()


if __name__ == "__main__":
    engine_process.leave(main())
