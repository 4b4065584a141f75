"""Every change of a job: first in the ledger, and when it is written, in what is kept in memory.

What a lease has cost is written before the lease ends. A crash between the two forgets no engine time, and
writing it again adds nothing.
"""

import logging
from collections.abc import Iterable

from bot.coordinator.client import QuestionAsked, StateChanged, TroubleMet
from bot.coordinator.parts import Parts
from bot.coordinator.spool import files_of
from bot.errors import sentence
from storage.characters import CharacterState
from storage.errors import CharacterNotFoundError, StaleRevisionError
from synid_engine.errors import SynIDError
from synid_engine.serving.link import EngineDownError
from synid_engine.serving.messages import (
    HELD,
    UNFINISHED,
    CreateWork,
    Failure,
    Hash,
    Job,
    JobState,
    Lease,
    Question,
    Result,
)
from synid_engine.serving.orders import Stop

_LOG = logging.getLogger(__name__)


class Changes:
    """The changes that the coordinator makes; those of a lease raise `LeaseLostError` when it is void."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._jobs = parts.stores.jobs

    async def start(self, lease: Lease) -> None:
        """The engine has begun with a job."""
        await self.noted(await self._jobs.start(lease))

    async def checkpoint(self, lease: Lease, checkpoint: Hash) -> None:
        """The next attempt can begin here."""
        await self._parts.spool.require([checkpoint])
        await self.noted(await self._jobs.checkpoint(lease, checkpoint))

    async def park(self, lease: Lease, question: Question, *, engine_ms: float) -> None:
        """The job waits for a person."""
        await self._parts.spool.require([*question.choices, question.checkpoint])
        await self.settle(lease, engine_ms)
        deadline_at = self._parts.clock() + self._parts.config.answer_within_s
        await self.noted(await self._jobs.park(lease, question, deadline_at=deadline_at, engine_ms=engine_ms))

    async def finish(self, lease: Lease, result: Result, *, engine_ms: float) -> None:
        """The job is done, and everything that it made is kept."""
        await self.settle(lease, engine_ms)
        self._parts.schedule.measure(lease.job_id)
        await self.noted(await self._jobs.finish(lease, result, engine_ms=engine_ms))

    async def release(self, lease: Lease, *, engine_ms: float) -> None:
        """The job goes back in good order."""
        await self.settle(lease, engine_ms)
        await self.noted(await self._jobs.release(lease, engine_ms=engine_ms))

    async def lose(self, lease: Lease, failure: Failure, *, engine_ms: float) -> None:
        """The attempt failed, and another one is made unless it was the last."""
        await self.settle(lease, engine_ms)
        job = await self._jobs.requeue(lease, failure)
        self.trouble(job.id, failure)
        await self.noted(job)

    async def fail(self, lease: Lease, failure: Failure, *, engine_ms: float) -> None:
        """No attempt can succeed."""
        await self.settle(lease, engine_ms)
        await self.noted(await self._jobs.fail(lease, failure))

    async def cancel(self, job_id: int) -> Job:
        """End a job whatever it does, and remove what it made so far."""
        before = await self._jobs.get(job_id)
        lease = before.lease
        is_held = self._parts.schedule.holds(lease)
        if is_held:
            await self.settle(lease, before.lease_ms)
        if before.state in UNFINISHED:
            await self.give_up_draft(before)
        job = await self._jobs.cancel(job_id)
        if is_held:
            await self.stop(lease)
        if job.state is JobState.CANCELLED:
            for image in await self._parts.stores.images.of_job(job_id):
                await self._parts.stores.images.delete(image.id)
        await self.noted(job)
        return job

    async def settle(self, lease: Lease, engine_ms: float) -> None:
        """Write what a lease has cost so far, and charge its owner for it."""
        self._parts.schedule.advance(lease, engine_ms=engine_ms)
        job = self._parts.schedule.in_engine(lease.job_id)
        if job is not None:
            await self._parts.stores.usage.record(job)
            await self.save_counters([job.owner_id])

    async def save_counters(self, owner_ids: Iterable[int]) -> None:
        """Keep what the fair queue knows of these owners."""
        for owner_id in owner_ids:
            virtual_ms, floor_ms = self._parts.schedule.counter_of(owner_id)
            await self._parts.stores.usage.save_counter(owner_id, virtual_ms=virtual_ms, floor_ms=floor_ms)

    async def give_up_draft(self, job: Job) -> None:
        """Note that the character of a creation will not be made, unless it is made already."""
        if not isinstance(job.work, CreateWork):
            return
        characters = self._parts.stores.characters
        try:
            character = await characters.get(job.work.character_id)
            while character.state is CharacterState.DRAFT:
                try:
                    character = await characters.fail(character.id, revision=character.revision)
                except StaleRevisionError:
                    character = await characters.get(character.id)
        except CharacterNotFoundError:
            return

    async def stop(self, lease: Lease) -> None:
        """Tell the engine to drop a lease; an engine that is gone has done so."""
        try:
            await self._parts.link.send(Stop(lease=lease))
        except EngineDownError:
            _LOG.info("no engine to stop job %d in", lease.job_id)

    def trouble(self, job_id: int, failure: Failure) -> None:
        """Tell whoever watches a job that something went wrong."""
        _LOG.warning("job %d: %s (%s)", job_id, failure.detail or failure.reason, failure.reason)
        self._parts.live.publish(job_id, TroubleMet(job_id=job_id, failure=failure))

    async def noted(self, job: Job) -> None:
        """Bring what is kept in memory to what the ledger says of a job, and tell whoever watches."""
        _LOG.info("job %d of owner %d: %s", job.id, job.owner_id, job.state)
        if job.state is JobState.QUEUED:
            self._parts.schedule.enqueue(job)
        elif job.state in HELD:
            self._parts.schedule.replace(job)
        else:
            self._parts.schedule.drop(job.id)
        await self._hold_files(job)
        self._parts.live.publish(job.id, StateChanged(job=job))
        if (question := question_of(job)) is not None:
            self._parts.live.publish(job.id, question)
        if job.state in {JobState.STORED, JobState.FAILED}:
            self._parts.untold.set()

    async def _hold_files(self, job: Job) -> None:
        spool, has_twin = self._parts.spool, self._parts.schedule.has_twin(job)
        try:
            if job.state not in HELD:
                self._parts.live.forget(job.id)
                await spool.hold(previews_of(job.id), ())
                await spool.hold(portrait_of(job.id), ())
            await spool.hold(str(job.id), files_of(job), has_twin=has_twin)
        except SynIDError as error:  # what stays is swept later
            _LOG.warning("job %d: %s", job.id, sentence(error))


def previews_of(job_id: int) -> str:
    """Return the name under which a job's previews are held."""
    return f"{job_id} previews"


def portrait_of(job_id: int) -> str:
    """Return the name under which the portrait that an evaluation compares with is held."""
    return f"{job_id} portrait"


def question_of(job: Job) -> QuestionAsked | None:
    """Return what a waiting job asks."""
    if job.state is not JobState.WAITING or job.question is None or job.deadline_at is None:
        return None
    return QuestionAsked(job_id=job.id, fence=job.fence, question=job.question, deadline_at=job.deadline_at)
