"""How long a picture takes while a character is being made, beside the same picture on an idle engine.

Two of the engine's loops share one engine and take turns: one with a creation in it, the other with nothing
else. A picture is asked for at a random moment of the piece of work that is under way, as people do.
"""

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from synid_engine.engine import Engine
from synid_engine.evaluation.figures import Figure, percentile
from synid_engine.evaluation.progress import OnProgress, Ticker, ignore_progress
from synid_engine.serving.bank_shelf import BankShelf
from synid_engine.serving.engine_loop import EngineLoop, LoopConfig
from synid_engine.serving.engine_status import EngineStatus
from synid_engine.serving.messages import CreateWork, Lease, RenderWork
from synid_engine.serving.orders import Assign, Order
from synid_engine.serving.picture_batch import BatchConfig
from synid_engine.serving.reports import Broken, Finished, Progressed, Report, Started
from synid_engine.serving.spool import Spool
from synid_engine.serving.wire import WireError
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.projector import ProjectorConfig
from synid_engine.synid.usual import usual_config

_CREATION, _MAKER = 0, 0
_TRAINED = frozenset({"projector", "bootstrap", "drift", "adapter"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyConfig:
    """How much is measured.

    Attributes:
        pictures: Pictures on each side.
        steps: Denoising steps of each.
        warm_up_pieces: Pieces of the creation before the first picture; enough to be in the midst of it.
        distill: How the character is made; None is the engine's own way, with a training where it has none:
            base models without an identity encoder train, and a training's steps are what pictures wait for.
    """

    pictures: int = 40
    steps: int = 20
    warm_up_pieces: int = 100
    distill: DistillConfig | None = None


@dataclass(slots=True, kw_only=True)
class _Wait:
    asked_at: float
    begun_at: float = 0.0
    ended_at: float = 0.0


def _trained(engine: Engine) -> DistillConfig:
    return replace(usual_config(engine.models), projector=ProjectorConfig())


class _Host:
    """A loop, and when what happened in it."""

    def __init__(self, engine: Engine, folder: Path, config: CompanyConfig) -> None:
        self._orders: SimpleQueue[Order] = SimpleQueue()
        self._waits: dict[int, _Wait] = {}
        self._made: Progressed | None = None
        self.pieces: list[tuple[str, float]] = []
        self._is_making = False
        self._fence = 0
        self._loop = EngineLoop(
            engine,
            Spool(folder / "spool"),
            BankShelf(folder / "weights", model_hash=engine.model_hash),
            send=self._hear,
            status=EngineStatus(),
            config=LoopConfig(
                batch=BatchConfig(preview_every=0),
                distill=config.distill or _trained(engine),
                progress_interval_s=0.0,
            ),
            orders=self._orders,
        )

    def make_a_character(self) -> None:
        """Go on with a creation, or begin one if there is none."""
        if not self._is_making:
            self._is_making = True
            self._fence += 1
            work = CreateWork(character_id=0, identity="a woman with red hair", seed=self._fence)
            lease = Lease(job_id=_CREATION, fence=self._fence)
            self._orders.put(Assign(lease=lease, owner_id=_MAKER, work=work))
            self.turn()
        self.turn()

    def turn(self) -> None:
        """Do one piece of work, or take an order."""
        self._made = None
        began = time.perf_counter()
        self._loop.turn()
        if self._made is not None:
            self.pieces.append((self._made.stage, time.perf_counter() - began))

    def draw(self, job_id: int, work: RenderWork, *, asked_at: float) -> _Wait:
        """Draw a picture that was asked for a moment ago, by somebody who has nothing else here."""
        wait = self._waits[job_id] = _Wait(asked_at=asked_at)
        lease = Lease(job_id=job_id, fence=1)
        self._orders.put(Assign(lease=lease, owner_id=job_id, work=work))
        while not wait.ended_at:
            self.turn()
        return wait

    def _hear(self, report: Report) -> None:
        now = time.perf_counter()
        if isinstance(report, Broken):
            raise WireError(report.failure.reason)  # ends the bench
        if isinstance(report, Progressed) and report.lease.job_id == _CREATION:
            self._made = report
        elif isinstance(report, Started | Finished):
            self._note(report, now)

    def _note(self, report: Started | Finished, now: float) -> None:
        if report.lease.job_id == _CREATION:
            self._is_making = isinstance(report, Started)
        elif isinstance(report, Started):
            self._waits[report.lease.job_id].begun_at = now
        else:
            self._waits[report.lease.job_id].ended_at = now


def company_figures(
    engine: Engine, folder: Path, config: CompanyConfig, *, on_progress: OnProgress = ignore_progress
) -> tuple[Figure, ...]:
    """Measure pictures beside a creation and alone.

    Args:
        engine: Draws and makes.
        folder: For what it leaves; empty.
        config: How much.
        on_progress: Told of every picture.
    """
    rng = random.Random(5)  # noqa: S311  (moments, and no secret)
    beside, alone = _Host(engine, folder / "beside", config), _Host(engine, folder / "alone", config)
    ticker = Ticker("picture beside a creation", total=config.pictures + 1, on_progress=on_progress)
    for _ in range(config.warm_up_pieces):
        beside.make_a_character()
    waits: list[tuple[_Wait, _Wait]] = []
    for number in range(1, config.pictures + 2):
        work = RenderWork(prompt="a man, smiling", seed=number, num_inference_steps=config.steps)
        began = time.perf_counter()
        for _ in range(rng.randint(1, 5)):
            began = time.perf_counter()
            beside.make_a_character()
        asked_at = rng.uniform(began, time.perf_counter())
        with_it = beside.draw(number, work, asked_at=asked_at)
        waits.append((with_it, alone.draw(number, work, asked_at=time.perf_counter())))
        ticker.step()
    return _figures(waits[1:], beside.pieces)  # the first ones warm up


def _figures(waits: Sequence[tuple[_Wait, _Wait]], pieces: Sequence[tuple[str, float]]) -> tuple[Figure, ...]:
    beside = [one.ended_at - one.asked_at for one, _ in waits]
    alone = [one.ended_at - one.asked_at for _, one in waits]
    first = [one.begun_at - one.asked_at for one, _ in waits]
    trained = [seconds for stage, seconds in pieces if stage in _TRAINED]
    longest = max(seconds for _, seconds in pieces)
    ratios = [one / other for one, other in zip(beside, alone, strict=True)]
    return (
        Figure(
            name="a picture while a creation runs / alone, p95",
            value=percentile(ratios, 95),
            target=2.0,
            bound="most",
        ),
        Figure(name="  the same, median", value=statistics.median(ratios)),
        Figure(name="  while a creation runs, median", value=statistics.median(beside), unit="s"),
        Figure(name="  while a creation runs, p95", value=percentile(beside, 95), unit="s"),
        Figure(name="  alone, median", value=statistics.median(alone), unit="s"),
        Figure(name="  alone, p95", value=percentile(alone, 95), unit="s"),
        Figure(
            name="longest wait for the first step / longest step of the creation",
            value=max(first) / longest,
            target=1.0,
            bound="most",
        ),
        Figure(name="  longest wait for the first step", value=1000 * max(first), unit="ms"),
        Figure(name="  longest step of the creation", value=1000 * longest, unit="ms"),
        Figure(name="  training step, median", value=1000 * _median(trained), unit="ms"),
        Figure(name="  training step, longest", value=1000 * max(trained, default=0.0), unit="ms"),
    )


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")
