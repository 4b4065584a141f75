"""The real `synid serve`, less patient, which orders everything twice, with a fuse along its way."""

import argparse
import asyncio
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import storage.content
from bot.coordinator.changes import Changes
from bot.coordinator.deliveries import StoredIsDelivered
from bot.coordinator.parts import CoordinatorConfig
from bot.coordinator.spool import Spool
from bot.serve import log_lines, serve_with
from storage.data_folder import DataFolder
from storage.database import Database, Row, Value
from synid_engine.serving.engine_child import ChildTimes, EngineChild
from synid_engine.serving.engine_options import EngineOptions
from synid_engine.serving.messages import Job
from synid_engine.serving.orders import Order
from synid_engine.serving.supervisor import EngineSupervisor, SupervisorConfig

from .fuse import FUSE_VARIABLE, Fuse

ENGINE = (sys.executable, "-m", "tests.faults.engine")


def _fuse_all(fuse: Fuse) -> None:
    """Lay the fuse between every two things that the coordinator writes, tells or removes."""
    fetch, write, remove = Database.fetch, storage.content.write_whole, Spool._remove
    noted, deliver, send = Changes.noted, StoredIsDelivered.deliver, EngineSupervisor.send

    async def fetch_fused(
        self: Database, statement: str, parameters: Mapping[str, Value] | None = None
    ) -> list[Row]:
        fuse.reach("statement")
        rows = await fetch(self, statement, parameters)
        fuse.reach("after statement")
        return rows

    def write_fused(path: Path, data: bytes) -> None:
        fuse.reach("file")
        write(path, data)

    def remove_fused(self: Spool, digests: Collection[str]) -> None:
        fuse.reach("removal")
        remove(self, digests)

    async def noted_fused(self: Changes, job: Job) -> None:
        fuse.reach(f"{job.state} {job.work.kind}")
        await noted(self, job)

    async def deliver_fused(self: StoredIsDelivered, job: Job) -> None:
        fuse.reach("delivery")
        await deliver(self, job)
        fuse.reach("after delivery")

    async def send_twice(self: EngineSupervisor, order: Order) -> None:
        await send(self, order)
        await send(self, order)

    Database.fetch, storage.content.write_whole, Spool._remove = fetch_fused, write_fused, remove_fused
    Changes.noted, StoredIsDelivered.deliver = noted_fused, deliver_fused
    EngineSupervisor.send = send_twice


def main() -> None:
    """Serve a data folder until SIGTERM."""
    parser = argparse.ArgumentParser()
    for name in ("--data", "--model", "--recipe", "--calibration"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--silence-s", type=float, required=True)
    given = parser.parse_args()
    folder = DataFolder(given.data)
    options = EngineOptions(
        spool=folder.spool,
        weights=folder.path / "weights",
        model=given.model,
        recipe=given.recipe,
        calibration=given.calibration,
        device="cpu",
        threads=1,
        beat_s=0.2,
        preview_interval_s=0.05,
    )
    config = SupervisorConfig(
        first_backoff_s=0.02,
        longest_backoff_s=0.2,
        child=ChildTimes(connect_s=20 * given.silence_s, silence_s=given.silence_s),
    )
    children: list[EngineChild] = []
    made = EngineChild.__init__

    def make(self: EngineChild, *arguments: int | Path, **options: object) -> None:
        made(self, *arguments, **options)
        children[:] = [self]

    def cut() -> None:
        for child in children:
            if child._line is not None:
                child._line.writer.transport.abort()

    EngineChild.__init__ = make
    _fuse_all(Fuse(Path(os.environ[FUSE_VARIABLE]), "coordinator", cut=cut))
    link = EngineSupervisor(options, log_folder=folder.path, config=config, command=ENGINE)
    times = CoordinatorConfig(tick_s=0.2, stale_after_s=given.silence_s, redeliver_after_s=0.5)
    with log_lines():
        asyncio.run(serve_with(link, folder.path, config=times))


if __name__ == "__main__":
    main()
