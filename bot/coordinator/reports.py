"""What the engine says, turned into changes. A report about a lease that is void changes nothing."""

import logging

from bot.coordinator.changes import Changes, previews_of
from bot.coordinator.client import PreviewDrawn, ProgressMade
from bot.coordinator.parts import Parts, failure_of
from bot.coordinator.results import Results
from bot.coordinator_errors import EngineLostError
from bot.errors import sentence
from storage.errors import LeaseLostError
from synid_engine.errors import InvalidRequestError, SynIDError, TensorWriteError
from synid_engine.serving.link import EngineLost, EngineStarted, LinkEvent
from synid_engine.serving.messages import Beat, Lease
from synid_engine.serving.reports import (
    Alive,
    Asked,
    Broken,
    Checkpointed,
    Drained,
    Finished,
    HandedBack,
    Health,
    Judged,
    Loading,
    PoseRead,
    Previewed,
    Progressed,
    Ready,
    Started,
)

_LOG = logging.getLogger(__name__)
STARTING_AGAIN = "starting again"
"""The stage of an engine that takes the place of one that was lost."""
_NO_ROOM = frozenset({TensorWriteError.__name__})  # a moment later there may be some

_Step = Started | Progressed | Previewed | Checkpointed
_End = Asked | Finished | Broken | HandedBack


class Reports:
    """Takes what comes from the engine, one at a time."""

    def __init__(self, parts: Parts, changes: Changes) -> None:
        self._parts = parts
        self._changes = changes
        self._results = Results(parts)

    async def take(self, event: LinkEvent) -> None:
        """Act on an event.

        Raises:
            SynIDError: It could not be written down; nothing that was written before is lost.
        """
        self._parts.engine.heard_at = self._parts.clock()
        if isinstance(event, Started | Progressed | Previewed | Checkpointed):
            if self._parts.schedule.holds(event.lease):
                await self._step(event)
        elif isinstance(event, Asked | Finished | Broken | HandedBack):
            if self._parts.schedule.holds(event.lease):
                await self._end(event)
        elif isinstance(event, Judged):
            self._parts.verdicts.settle(event.image, event.nsfw)
        elif isinstance(event, PoseRead):
            self._parts.poses.settle(event.image, event)
        else:
            await self._engine(event)

    async def _engine(
        self, event: Loading | Ready | Health | Alive | Drained | EngineStarted | EngineLost
    ) -> None:
        engine = self._parts.engine
        match event:
            case EngineStarted():
                engine.generation, engine.ready, engine.stage = event.generation, None, "starting"
                _LOG.info("engine %d has started", event.generation)
            case Loading():
                engine.stage = event.stage
                _LOG.info("loading: %s %.0f %%", event.stage, 100.0 * event.fraction)
            case Ready():
                self._ready(event)
            case Health():
                engine.health = event
            case Alive():
                await self._alive(event)
            case Drained():
                engine.ready = None
            case EngineLost():
                await self._lost(event)

    def _ready(self, report: Ready) -> None:
        self._parts.engine.ready, self._parts.engine.stage = report, ""
        self._parts.schedule.use_costs(report.costs)
        _LOG.info("the engine is ready: %s on %s", report.model_id, report.device)

    async def _alive(self, report: Alive) -> None:
        schedule = self._parts.schedule
        beats = [
            Beat(lease=one.lease, engine_ms=one.engine_ms, progress=one.progress) for one in report.beats
        ]
        good = set(await self._parts.stores.jobs.heartbeat(beats)) if beats else set[Lease]()
        for beat in beats:
            if beat.lease not in good or not schedule.holds(beat.lease):
                await self._changes.stop(beat.lease)
            schedule.advance(beat.lease, engine_ms=beat.engine_ms, progress=beat.progress)
        jobs = [schedule.in_engine(lease.job_id) for lease in good]
        await self._changes.save_counters(sorted({job.owner_id for job in jobs if job is not None}))

    async def _lost(self, event: EngineLost) -> None:
        _LOG.warning("engine %d is gone: %s", event.generation, event.reason)
        self._parts.engine.ready, self._parts.engine.health = None, None
        self._parts.engine.stage = STARTING_AGAIN
        self._parts.verdicts.give_up()
        self._parts.poses.give_up()
        failure = failure_of(EngineLostError(detail=event.reason))
        for lease, engine_ms in self._parts.schedule.leases(up_to=event.generation):
            if self._parts.engine.is_draining:
                await self._changes.release(lease, engine_ms=engine_ms)
            else:
                await self._changes.lose(lease, failure, engine_ms=engine_ms)

    async def _step(self, report: _Step) -> None:
        try:
            match report:
                case Started():
                    await self._changes.start(report.lease)
                case Progressed():
                    self._progressed(report)
                case Previewed():
                    await self._previewed(report)
                case Checkpointed():
                    await self._changes.checkpoint(report.lease, report.checkpoint)
        except LeaseLostError:
            await self._void(report.lease)
        except SynIDError as error:  # the job itself goes on
            self._changes.trouble(report.lease.job_id, failure_of(error))

    def _progressed(self, report: Progressed) -> None:
        job_id = report.lease.job_id
        self._parts.schedule.advance(report.lease, engine_ms=report.engine_ms, progress=report.progress)
        made = ProgressMade(
            job_id=job_id,
            stage=report.stage,
            fraction=report.fraction,
            progress=report.progress,
            detail=report.detail,
            eta_s=report.eta_s,
        )
        self._parts.live.publish(job_id, made)

    async def _previewed(self, report: Previewed) -> None:
        job_id = report.lease.job_id
        drawn = PreviewDrawn(job_id=job_id, index=report.index, image=report.image, nsfw=report.nsfw)
        self._parts.live.publish(job_id, drawn)
        shown = [one.image for one in self._parts.live.newest(job_id) if isinstance(one, PreviewDrawn)]
        await self._parts.spool.hold(previews_of(job_id), shown)

    async def _end(self, report: _End) -> None:
        lease, engine_ms = report.lease, report.engine_ms
        try:
            await self._ended(report)
        except LeaseLostError:
            await self._void(lease)
        except InvalidRequestError as error:  # what it was for is not there any more
            await self._changes.fail(lease, failure_of(error), engine_ms=engine_ms)
        except SynIDError as error:
            _LOG.warning("job %d: %s", lease.job_id, sentence(error))
            await self._changes.lose(lease, failure_of(error), engine_ms=engine_ms)

    async def _ended(self, report: _End) -> None:
        lease, engine_ms = report.lease, report.engine_ms
        match report:
            case Asked():
                await self._changes.park(lease, report.question, engine_ms=engine_ms)
            case Finished():
                job = self._parts.schedule.in_engine(lease.job_id)
                if job is not None:
                    result = await self._results.keep(job, report.result)
                    await self._changes.finish(lease, result, engine_ms=engine_ms)
            case Broken():
                self._parts.engine.is_paused |= report.failure.reason in _NO_ROOM
                end = self._changes.lose if report.retryable else self._changes.fail
                await end(lease, report.failure, engine_ms=engine_ms)
            case HandedBack():
                self._parts.engine.is_paused = True
                await self._changes.release(lease, engine_ms=engine_ms)

    async def _void(self, lease: Lease) -> None:
        """Go by the ledger: it has another lease for the job, or none."""
        await self._changes.noted(await self._parts.stores.jobs.get(lease.job_id))
