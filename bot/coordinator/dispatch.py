"""Jobs into the engine: the fair queue's choice, a lease in the ledger, an order to the engine."""

from bot.coordinator.changes import Changes, portrait_of
from bot.coordinator.parts import Parts, failure_of
from bot.coordinator_errors import EngineSilentError
from synid_engine.errors import SynIDError
from synid_engine.serving.link import EngineDownError
from synid_engine.serving.messages import EvaluateWork, Job
from synid_engine.serving.orders import Assign


class Dispatch:
    """Gives the engine what it may have."""

    def __init__(self, parts: Parts, changes: Changes) -> None:
        self._parts = parts
        self._changes = changes

    async def fill(self) -> None:
        """Give jobs to the engine until it is full or nothing waits.

        Raises:
            SynIDError: The ledger could not be written; the jobs wait on.
        """
        while self._may_give():
            job = self._parts.schedule.claim()
            if job is None:
                return
            await self._give(job)

    async def take_back_silent(self) -> None:
        """Take back every job that the engine has said nothing about for too long.

        Raises:
            SynIDError: The ledger could not be written.
        """
        stale_after_s = self._parts.config.stale_after_s
        failure = failure_of(EngineSilentError(seconds=stale_after_s))
        before = self._parts.clock() - stale_after_s
        jobs = self._parts.stores.jobs
        silent = [job for job in await jobs.leased() if (job.heartbeat_at or before) < before]
        for job in silent:
            await self._changes.settle(job.lease, job.lease_ms)
        for job in await jobs.requeue_stale(stale_before=before, failure=failure) if silent else ():
            await self._changes.stop(job.lease)
            self._changes.trouble(job.id, failure)
            await self._changes.noted(job)

    def _may_give(self) -> bool:
        engine = self._parts.engine
        is_heard = self._parts.clock() - engine.heard_at < self._parts.config.stale_after_s
        return engine.ready is not None and is_heard and not engine.is_draining and not engine.is_paused

    async def _give(self, job: Job) -> None:
        generation = self._parts.engine.generation
        try:
            leased = await self._parts.stores.jobs.lease(job.id, engine=f"engine {generation}")
            if leased is None:  # the ledger knows better
                self._parts.schedule.drop(job.id)
                return
        except SynIDError:
            self._parts.schedule.enqueue(job)
            raise
        self._parts.schedule.enter(leased, generation=generation)
        await self._changes.noted(leased)
        await self._order(leased)

    async def _order(self, job: Job) -> None:
        try:
            await self._bring(job)
        except SynIDError as error:
            self._parts.engine.is_paused = True  # there may be room at the next tick
            await self._changes.lose(job.lease, failure_of(error), engine_ms=0.0)
            return
        checkpoint = job.checkpoint
        if checkpoint is not None and not await self._parts.spool.has(checkpoint):
            checkpoint = None
        order = Assign(
            lease=job.lease,
            owner_id=job.owner_id,
            work=job.work,
            checkpoint=checkpoint,
            answer=job.answer,
        )
        try:
            await self._parts.link.send(order)
        except EngineDownError:
            self._parts.engine.ready = None
            await self._changes.release(job.lease, engine_ms=0.0)

    async def _bring(self, job: Job) -> None:
        """Leave what the engine cannot reach where it looks: the portrait of a character to evaluate.

        Raises:
            MissingFileError: It is gone.
            DamagedFileError: It has changed.
            DiskFullError: There is no room.
            UnwritableError: The system refuses to write.
        """
        if isinstance(job.work, EvaluateWork):
            portrait = await self._parts.spool.read(job.work.portrait)
            await self._parts.spool.put(portrait_of(job.id), portrait)
