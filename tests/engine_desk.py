"""An engine's loop without a process around it."""

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import SimpleQueue

from synid_engine.engine import Engine
from synid_engine.serving.bank_shelf import BankShelf
from synid_engine.serving.engine_loop import EngineLoop, LoopConfig
from synid_engine.serving.engine_status import EngineStatus
from synid_engine.serving.orders import Order
from synid_engine.serving.reports import Report
from synid_engine.serving.spool import Spool


@dataclass
class Desk:
    """A loop with its queue, and what it reported."""

    engine: Engine
    folder: Path
    config: LoopConfig
    reports: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.orders: SimpleQueue[Order] = SimpleQueue()
        self.status = EngineStatus()
        self.spool = Spool(self.folder / "spool")
        ticks = count()
        self.loop = EngineLoop(
            self.engine,
            self.spool,
            BankShelf(self.folder / "weights", model_hash=self.engine.model_hash),
            send=self.reports.append,
            status=self.status,
            config=self.config,
            orders=self.orders,
            clock=lambda: next(ticks) / 1000,
        )

    def order(self, *orders: Order) -> None:
        for order in orders:
            self.orders.put(order)

    def run(self) -> None:
        """Work until nothing is left to do."""
        while not self.orders.empty() or self.status.beats:
            self.loop.turn()

    def until(self, kind: type[Report]) -> None:
        while not self.of(kind):
            self.loop.turn()

    def of(self, kind: type, job_id: int = 1) -> list:
        return [
            report for report in self.reports if isinstance(report, kind) and report.lease.job_id == job_id
        ]
