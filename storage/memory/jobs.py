"""The ledger in memory."""

from collections.abc import Callable, Sequence

from storage.clock import Clock, wall_clock
from storage.errors import JobNotFoundError, LeaseLostError
from storage.ledger import QueueLimits, refusal, same_request, unanswerable
from synid_engine.serving.messages import (
    HELD,
    MOST_ATTEMPTS,
    UNFINISHED,
    Answer,
    Beat,
    Failure,
    Hash,
    Job,
    JobState,
    Lease,
    Question,
    Result,
    Submission,
)

_TELLABLE = frozenset({JobState.STORED, JobState.DELIVERED, JobState.FAILED})


class MemoryJobStore:
    """The ledger as a dictionary."""

    def __init__(self, *, clock: Clock = wall_clock) -> None:
        self._clock = clock
        self._jobs: dict[int, Job] = {}
        self._last_id = 0

    async def submit(self, submission: Submission, limits: QueueLimits) -> Job:
        """See `JobStore`."""
        for job in self._jobs.values():
            if (job.owner_id, job.request_key) == (submission.owner_id, submission.request_key):
                return same_request(job, submission)
        unfinished = self._where(lambda job: job.state in UNFINISHED)
        of_owner = sum(job.owner_id == submission.owner_id for job in unfinished)
        server_id = submission.server_id
        of_server = sum(job.server_id == server_id for job in unfinished) if server_id is not None else 0
        if of_owner >= limits.per_owner or of_server >= limits.per_server or len(unfinished) >= limits.in_all:
            raise refusal(limits, of_owner=of_owner, of_server=of_server)
        self._last_id += 1
        return self._keep(_new_job(self._last_id, submission, now=self._clock()))

    async def get(self, job_id: int) -> Job:
        """See `JobStore`."""
        if job_id not in self._jobs:
            raise JobNotFoundError(job_id=job_id)
        return self._jobs[job_id]

    async def queued(self) -> list[Job]:
        """See `JobStore`."""
        return self._where(lambda job: job.state is JobState.QUEUED)

    async def leased(self) -> list[Job]:
        """See `JobStore`."""
        return self._where(lambda job: job.state in HELD)

    async def waiting(self) -> list[Job]:
        """See `JobStore`."""
        return self._where(lambda job: job.state is JobState.WAITING)

    async def of_request(self, owner_id: int, request_key: str) -> Job | None:
        """See `JobStore`."""
        found = self._where(lambda job: (job.owner_id, job.request_key) == (owner_id, request_key))
        return found[0] if found else None

    async def untold(self) -> list[Job]:
        """See `JobStore`."""
        return self._where(
            lambda job: job.told_at is None and job.state in {JobState.STORED, JobState.FAILED}
        )

    async def of_owner(self, owner_id: int, *, limit: int) -> list[Job]:
        """See `JobStore`."""
        return self._where(lambda job: job.owner_id == owner_id)[::-1][:limit]

    async def lease(self, job_id: int, *, engine: str) -> Job | None:
        """See `JobStore`."""
        job = self._jobs.get(job_id)
        if job is None or job.state is not JobState.QUEUED:
            return None
        return self._change(
            job,
            state=JobState.LEASED,
            fence=job.fence + 1,
            leased_by=engine,
            heartbeat_at=self._clock(),
            past_ms=job.engine_ms,
            lease_ms=0.0,
        )

    async def start(self, lease: Lease) -> Job:
        """See `JobStore`."""
        return self._change(self._held(lease), state=JobState.RUNNING, heartbeat_at=self._clock())

    async def heartbeat(self, beats: Sequence[Beat]) -> list[Lease]:
        """See `JobStore`."""
        held: list[Lease] = []
        for beat in beats:
            job = self._jobs.get(beat.lease.job_id)
            if job is None or job.lease != beat.lease or job.state not in HELD:
                continue
            spent = max(job.lease_ms, beat.engine_ms)
            changed = {"heartbeat_at": self._clock(), "lease_ms": spent, "progress": beat.progress}
            self._keep(job.model_copy(update=changed))
            held.append(beat.lease)
        return sorted(held, key=lambda lease: lease.job_id)

    async def checkpoint(self, lease: Lease, checkpoint: Hash) -> Job:
        """See `JobStore`."""
        return self._change(self._held(lease), checkpoint=checkpoint)

    async def park(self, lease: Lease, question: Question, *, deadline_at: float, engine_ms: float) -> Job:
        """See `JobStore`."""
        return self._let_go(
            self._held(lease),
            state=JobState.WAITING,
            engine_ms=engine_ms,
            question=question,
            answer=None,
            checkpoint=question.checkpoint,
            deadline_at=deadline_at,
        )

    async def answer(self, question: Lease, answer: Answer) -> Job:
        """See `JobStore`."""
        job = await self.get(question.job_id)
        waits = job.state is JobState.WAITING and job.lease == question and job.question is not None
        if not waits or job.question is None or answer.choice >= len(job.question.choices):
            raise unanswerable(job, question, answer)
        return self._change(job, state=JobState.QUEUED, answer=answer, deadline_at=None)

    async def expire_questions(self) -> list[Job]:
        """See `JobStore`."""
        now = self._clock()
        return [
            self._change(
                job,
                state=JobState.QUEUED,
                deadline_at=None,
                answer=Answer(choice=job.question.default, timed_out=True),
            )
            for job in self._where(lambda job: job.deadline_at is not None and job.deadline_at <= now)
            if job.state is JobState.WAITING and job.question is not None
        ]

    async def release(self, lease: Lease, *, engine_ms: float) -> Job:
        """See `JobStore`."""
        return self._let_go(self._held(lease), state=JobState.QUEUED, engine_ms=engine_ms)

    async def requeue(self, lease: Lease, failure: Failure) -> Job:
        """See `JobStore`."""
        return self._break_off(self._held(lease), failure)

    async def requeue_stale(self, *, stale_before: float, failure: Failure) -> list[Job]:
        """See `JobStore`."""
        stale = self._where(lambda job: job.heartbeat_at is not None and job.heartbeat_at < stale_before)
        return [self._break_off(job, failure) for job in stale]

    async def finish(self, lease: Lease, result: Result, *, engine_ms: float) -> Job:
        """See `JobStore`."""
        return self._let_go(
            self._held(lease),
            state=JobState.STORED,
            engine_ms=engine_ms,
            result=result,
            failure=None,
            progress=1.0,
        )

    async def fail(self, lease: Lease, failure: Failure) -> Job:
        """See `JobStore`."""
        return self._let_go(self._held(lease), state=JobState.FAILED, failure=failure)

    async def mark_delivered(self, lease: Lease) -> Job:
        """See `JobStore`."""
        job = self._jobs.get(lease.job_id)
        if job is None or job.lease != lease or job.state not in _TELLABLE:
            raise LeaseLostError(job_id=lease.job_id, fence=lease.fence)
        state = JobState.DELIVERED if job.state is JobState.STORED else job.state
        told_at = self._clock() if job.told_at is None else job.told_at
        return self._change(job, state=state, told_at=told_at)

    async def cancel(self, job_id: int) -> Job:
        """See `JobStore`."""
        job = await self.get(job_id)
        is_over = job.state in {JobState.DELIVERED, JobState.FAILED}
        return self._let_go(job, state=job.state if is_over else JobState.CANCELLED, deadline_at=None)

    async def forget(self, *, before: float) -> list[int]:
        """See `JobStore`."""
        over = self._where(
            lambda job: (
                job.state is JobState.CANCELLED
                or (job.state in {JobState.DELIVERED, JobState.FAILED} and job.told_at is not None)
            )
        )
        gone = [job.id for job in over if job.updated_at < before]
        for job_id in gone:
            del self._jobs[job_id]
        return gone

    def _where(self, wanted: Callable[[Job], bool]) -> list[Job]:
        return [job for _, job in sorted(self._jobs.items()) if wanted(job)]

    def _held(self, lease: Lease) -> Job:
        job = self._jobs.get(lease.job_id)
        if job is None or job.lease != lease or job.state not in HELD:
            raise LeaseLostError(job_id=lease.job_id, fence=lease.fence)
        return job

    def _keep(self, job: Job) -> Job:
        self._jobs[job.id] = job
        return job

    def _change(self, job: Job, **changed: object) -> Job:
        return self._keep(job.model_copy(update={**changed, "updated_at": self._clock()}))

    def _let_go(self, job: Job, *, engine_ms: float = 0.0, **changed: object) -> Job:
        spent = max(job.lease_ms, engine_ms)
        return self._change(job, leased_by="", heartbeat_at=None, lease_ms=spent, **changed)

    def _break_off(self, job: Job, failure: Failure) -> Job:
        attempts = job.attempts + 1
        state = JobState.FAILED if attempts >= MOST_ATTEMPTS else JobState.QUEUED
        return self._let_go(job, state=state, attempts=attempts, failure=failure)


def _new_job(job_id: int, submission: Submission, *, now: float) -> Job:
    return Job(
        id=job_id,
        request_key=submission.request_key,
        owner_id=submission.owner_id,
        server_id=submission.server_id,
        weight=submission.weight,
        work=submission.work,
        state=JobState.QUEUED,
        created_at=now,
        updated_at=now,
    )
