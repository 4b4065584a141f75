"""The engine's one loop: orders in, one piece of work at a time, reports out.

All that draws and learns happens in the thread that calls `run`. Knows neither sockets nor processes: orders
come through a queue, and reports go to a function.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from queue import Empty, SimpleQueue

from PIL import Image

from synid_engine.engine import Engine
from synid_engine.errors import SynIDError, TensorWriteError
from synid_engine.evaluation.models import load_judges
from synid_engine.serving.bank_shelf import BankShelf
from synid_engine.serving.batch_events import (
    Event,
    JobDone,
    JobFailed,
    JobProgress,
    JobStarted,
    PictureDone,
    PicturePreview,
)
from synid_engine.serving.breakage import broken, failure_of
from synid_engine.serving.creation_job import CreationJob
from synid_engine.serving.engine_status import EngineStatus
from synid_engine.serving.evaluation_job import EvaluationJob
from synid_engine.serving.messages import (
    CreateWork,
    EvaluateWork,
    Hash,
    Lease,
    Question,
    RenderWork,
    Result,
)
from synid_engine.serving.orders import Assign, Drain, Judge, Order, ReadPose, Stop
from synid_engine.serving.picture_batch import BatchConfig
from synid_engine.serving.picture_writer import PictureWriter
from synid_engine.serving.render_job import RenderJob, render_rows
from synid_engine.serving.reports import (
    Asked,
    Checkpointed,
    Finished,
    HandedBack,
    Judged,
    PoseRead,
    Previewed,
    Progressed,
    Report,
    Started,
    WorkBeat,
)
from synid_engine.serving.spool import Spool
from synid_engine.serving.step_batcher import StepBatcher
from synid_engine.serving.wire import WireError
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.stage import Progress

_log = logging.getLogger(__name__)
_MOST_FENCES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """How the engine works and how often it tells of it.

    Attributes:
        batch: Limits of a batch, and of previews.
        distill: How characters are made.
        progress_interval_s: Least seconds between two progress reports of a job.
        preview_px: Longest side of a preview.
        writes_beside: Whether finished pictures are written while the next step is drawn.
    """

    batch: BatchConfig = field(default_factory=lambda: BatchConfig(preview_interval_s=2.0))
    distill: DistillConfig = field(default_factory=DistillConfig)
    progress_interval_s: float = 0.25
    preview_px: int = 128
    writes_beside: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class _Task:
    """A lease that is being worked on.

    Attributes:
        lease: Under which it is told of.
        job: The work.
        is_started: Whether that was told.
        engine_ms: What it took of the device, when that has done its part; None before.
        progress: The share that is done.
        told_at: When that was told last.
    """

    lease: Lease
    job: RenderJob | CreationJob | EvaluationJob
    is_started: bool = False
    engine_ms: float | None = None
    progress: float = 0.0
    told_at: float = float("-inf")

    @property
    def key(self) -> str:
        return str(self.lease.job_id)


class EngineLoop:
    """Works on leases until it is told to drain."""

    def __init__(
        self,
        engine: Engine,
        spool: Spool,
        shelf: BankShelf,
        *,
        send: Callable[[Report], None],
        status: EngineStatus,
        config: LoopConfig,
        orders: SimpleQueue[Order],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._spool, self._shelf = engine, spool, shelf
        self._send, self._status, self._config, self._orders = send, status, config, orders
        self._clock, self._judges = clock, cache(load_judges)  # loaded by the first evaluation
        self._batcher = StepBatcher(engine.models.backbone, self._on_event, config.batch, clock=clock)
        self._writer: PictureWriter[_Task] = PictureWriter(is_beside=config.writes_beside)
        self._tasks: dict[str, _Task] = {}
        self._fences: OrderedDict[int, int] = OrderedDict()
        self._is_draining = False

    def run(self) -> None:
        """Work until an order to drain has been carried out.

        Raises:
            WireError: Reports can no longer be sent.
        """
        while not self._is_draining:
            self.turn()

    def turn(self) -> None:
        """Take an order, waiting for one when there is nothing else to do, or do one piece of work."""
        order, is_idle = self._next_order(), not self._batcher.jobs
        if order is not None:
            self._obey(order)
        else:
            self._survive(self._batcher.step, self._batcher.blame)
        self._take_written(is_waiting=order is None and is_idle)
        self._publish()

    def _next_order(self) -> Order | None:
        try:
            return self._orders.get(block=not (self._batcher.jobs or self._writer.is_busy))
        except Empty:
            return None

    def _obey(self, order: Order) -> None:
        if isinstance(order, Assign):
            self._survive(partial(self._assign, order), partial(self._refuse, order.lease))
        elif isinstance(order, Stop):
            self._stop(order.lease)
        elif isinstance(order, Judge):
            self._send(Judged(image=order.image, nsfw=self._spool.score_of(order.image)))
        elif isinstance(order, ReadPose):
            self._survive(partial(self._read_pose, order.image), partial(self._cannot_read, order.image))
        elif isinstance(order, Drain):
            self._drain()

    def _read_pose(self, image: Hash) -> None:
        bodies = self._engine.read_bodies(self._spool.read_image(image))
        self._send(PoseRead(image=image, body=bodies[0], people=len(bodies)))

    def _cannot_read(self, image: Hash, error: Exception) -> None:
        self._send(PoseRead(image=image, failure=failure_of(error)))

    def _survive(self, work: Callable[[], object], blame: Callable[[Exception], object]) -> None:
        """Do something that may fail, without failing: the one place where anything is caught."""
        try:
            work()
        except WireError:
            raise
        except SynIDError as error:
            blame(error)
        except Exception as error:  # noqa: BLE001  (one job must not end everybody's engine)
            _log.exception("an error that nobody foresaw; the engine goes on")
            blame(error)

    def _assign(self, order: Assign) -> None:
        lease, work = order.lease, order.work
        if lease.fence <= self._fences.get(lease.job_id, -1):
            return
        self._fences[lease.job_id] = lease.fence
        self._fences.move_to_end(lease.job_id)
        while len(self._fences) > _MOST_FENCES:
            self._fences.popitem(last=False)
        self._forget(str(lease.job_id))
        key, owner = str(lease.job_id), str(order.owner_id)
        match work:
            case RenderWork():
                job = RenderJob(render_rows(work, self._engine, self._shelf), self._spool)
                self._batcher.draw(key, owner, job.rows)
            case CreateWork():
                job = self._creation(order, work)
                self._batcher.create(key, owner, job)
            case EvaluateWork():
                job = EvaluationJob(work, self._engine, self._spool, self._shelf, judges=self._judges)
                self._batcher.create(key, owner, job)
        self._tasks[key] = _Task(lease=lease, job=job)

    def _creation(self, order: Assign, work: CreateWork) -> CreationJob:
        lease = order.lease
        return CreationJob(
            work,
            self._engine,
            self._spool,
            self._config.distill,
            checkpoint=order.checkpoint,
            answer=order.answer,
            tell=lambda digest: self._send(Checkpointed(lease=lease, checkpoint=digest)),
            show=lambda picture: self._tell_preview(lease, 0, picture),
        )

    def _refuse(self, lease: Lease, error: Exception) -> None:
        self._send(broken(lease, error, engine_ms=0.0))

    def _stop(self, lease: Lease) -> None:
        task = self._tasks.get(str(lease.job_id))
        if task is not None and task.lease == lease:
            self._forget(task.key)

    def _forget(self, key: str) -> float:
        """Drop a job and return the engine time that it took."""
        task = self._tasks.pop(key, None)
        engine_ms = 0.0 if task is None else self._engine_ms(task)
        self._batcher.cancel(key)
        return engine_ms

    def _engine_ms(self, task: _Task) -> float:
        return self._batcher.engine_ms(task.key) if task.engine_ms is None else task.engine_ms

    def _drain(self) -> None:
        """Hand everything back: pictures as they are, creations with a checkpoint where they can make one."""
        self._is_draining = True
        while self._writer.is_busy:
            self._take_written(is_waiting=True)
        for task in tuple(self._tasks.values()):
            if isinstance(task.job, CreationJob) and task.is_started:
                task.job.hurry()
                self._survive(partial(self._batcher.advance, task.key), self._batcher.blame)
            if task.key in self._tasks:
                self._send(HandedBack(lease=task.lease, engine_ms=self._forget(task.key)))
        while not self._orders.empty():
            order = self._orders.get()
            if isinstance(order, Assign):
                self._send(HandedBack(lease=order.lease, engine_ms=0.0))

    def _on_event(self, event: Event) -> None:
        task = self._tasks.get(event.job_id)
        if task is not None:
            self._survive(partial(self._handle, task, event), partial(self._break, task))

    def _handle(self, task: _Task, event: Event) -> None:
        match event:
            case JobStarted():
                task.is_started = True
                self._send(Started(lease=task.lease))
            case JobProgress(progress=progress):
                self._tell_progress(task, progress)
            case PicturePreview(index=index, picture=pixels):
                self._tell_preview(task.lease, index, Image.fromarray(pixels))
            case PictureDone(index=index, picture=pixels):
                assert isinstance(task.job, RenderJob)  # noqa: S101  (creations send no pictures)
                self._writer.give(task, partial(task.job.add, index, pixels))
            case JobDone(result=result):
                task.engine_ms = self._batcher.engine_ms(task.key)
                self._writer.give(task, lambda: None, then=partial(self._finish, task, result))
            case JobFailed(error=error):
                self._break(task, error)

    def _take_written(self, *, is_waiting: bool) -> None:
        for task, end in self._writer.ends(is_waiting=is_waiting):
            if self._tasks.get(task.key) is task:
                self._survive(end, partial(self._break, task))

    def _tell_progress(self, task: _Task, progress: Progress) -> None:
        task.progress = task.job.share(progress)
        now = self._clock()
        if now - task.told_at < self._config.progress_interval_s:
            return
        task.told_at = now
        self._send(
            Progressed(
                lease=task.lease,
                stage=progress.stage,
                fraction=min(1.0, progress.fraction),
                progress=task.progress,
                detail=progress.detail,
                eta_s=progress.eta_s,
                engine_ms=self._batcher.engine_ms(task.key),
            )
        )

    def _tell_preview(self, lease: Lease, index: int, picture: Image.Image) -> None:
        try:
            image = self._spool.put_small(picture, longest_px=self._config.preview_px)
            nsfw = self._spool.score(picture)
        except TensorWriteError as error:  # nothing is lost: the picture itself comes later
            _log.warning("no preview of job %d: %s", lease.job_id, error.reason)
            return
        self._send(Previewed(lease=lease, index=index, image=image, nsfw=nsfw))

    def _finish(self, task: _Task, result: object) -> None:
        made = task.job.result() if isinstance(task.job, RenderJob) else result
        engine_ms = self._engine_ms(task)
        if isinstance(made, Question):
            report = Asked(lease=task.lease, question=made, engine_ms=engine_ms)
        else:
            assert isinstance(made, Result)  # noqa: S101  (a creation returns one of the two)
            report = Finished(lease=task.lease, result=made, engine_ms=engine_ms)
        del self._tasks[task.key]
        self._publish()  # no sign of life names a lease that is over
        self._send(report)

    def _break(self, task: _Task, error: Exception) -> None:
        engine_ms = self._forget(task.key)
        self._publish()
        self._send(broken(task.lease, error, engine_ms=engine_ms))

    def _publish(self) -> None:
        status, batcher = self._status, self._batcher
        status.steps, status.max_rows, status.occupancy = batcher.steps, batcher.max_rows, batcher.occupancy
        status.beats = tuple(
            WorkBeat(lease=task.lease, engine_ms=self._engine_ms(task), progress=task.progress)
            for task in self._tasks.values()
        )
