"""The contract of the ledger: what was asked for, who works on it, and how it ended.

Knows neither the order in which jobs are served nor the engine that serves them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.errors import (
    NotWaitingError,
    OwnerLimitError,
    QueueFullError,
    RequestKeyTakenError,
    ServerLimitError,
)
from synid_engine.errors import CapacityError, InvalidSettingError
from synid_engine.serving.messages import (
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """How many unfinished jobs there may be; a waiting job is one of them."""

    per_owner: int = 10
    per_server: int = 50
    in_all: int = 500


class JobStore(Protocol):
    """The ledger's contract. A method that takes a lease raises `LeaseLostError` when the lease is void."""

    async def submit(self, submission: Submission, limits: QueueLimits) -> Job:
        """Put a job in the queue, or return the one that the same request made before.

        Raises:
            OwnerLimitError: The owner has too many unfinished jobs.
            ServerLimitError: The server has.
            QueueFullError: There are too many in all.
            RequestKeyTakenError: The same key came with other work before.
        """
        ...

    async def get(self, job_id: int) -> Job:
        """Return a job.

        Raises:
            JobNotFoundError: There is none of this number.
        """
        ...

    async def queued(self) -> list[Job]:
        """Return the jobs that could be leased, oldest first."""
        ...

    async def leased(self) -> list[Job]:
        """Return the jobs that are leased or running, oldest first."""
        ...

    async def waiting(self) -> list[Job]:
        """Return the jobs that wait for a person, oldest first."""
        ...

    async def of_request(self, owner_id: int, request_key: str) -> Job | None:
        """Return the job that a request made; None if it made none."""
        ...

    async def untold(self) -> list[Job]:
        """Return the stored and failed jobs whose outcome has reached nobody, oldest first."""
        ...

    async def of_owner(self, owner_id: int, *, limit: int) -> list[Job]:
        """Return an owner's jobs, newest first."""
        ...

    async def lease(self, job_id: int, *, engine: str) -> Job | None:
        """Give a queued job to an engine under a new fencing token; None if it is no longer queued."""
        ...

    async def start(self, lease: Lease) -> Job:
        """Note that the engine has begun."""
        ...

    async def heartbeat(self, beats: Sequence[Beat]) -> list[Lease]:
        """Renew leases, and return those that are still good; work on the others must stop."""
        ...

    async def checkpoint(self, lease: Lease, checkpoint: Hash) -> Job:
        """Note where the next attempt would begin."""
        ...

    async def park(self, lease: Lease, question: Question, *, deadline_at: float, engine_ms: float) -> Job:
        """Give the lease back until a person answers or the deadline passes."""
        ...

    async def answer(self, question: Lease, answer: Answer) -> Job:
        """Put a waiting job back in the queue with a person's choice.

        Args:
            question: The lease under which it was asked, so that a late click answers no later question.
            answer: The choice.

        Raises:
            JobNotFoundError: There is no such job.
            NotWaitingError: It does not wait for this answer, or no longer.
            InvalidSettingError: There is no such choice.
        """
        ...

    async def expire_questions(self) -> list[Job]:
        """Queue the waiting jobs whose deadline has passed, with their default answer, and return them."""
        ...

    async def release(self, lease: Lease, *, engine_ms: float) -> Job:
        """Hand a job back in good order; this is no failed attempt."""
        ...

    async def requeue(self, lease: Lease, failure: Failure) -> Job:
        """Count a failed attempt, and queue the job again or, after the last one, fail it."""
        ...

    async def requeue_stale(self, *, stale_before: float, failure: Failure) -> list[Job]:
        """Do the same for every lease without a heartbeat since a moment, and return the jobs."""
        ...

    async def finish(self, lease: Lease, result: Result, *, engine_ms: float) -> Job:
        """Keep what a job made."""
        ...

    async def fail(self, lease: Lease, failure: Failure) -> Job:
        """End a job that no further attempt can save."""
        ...

    async def mark_delivered(self, lease: Lease) -> Job:
        """Note that the outcome, good or bad, has reached the person; a second time changes nothing."""
        ...

    async def cancel(self, job_id: int) -> Job:
        """End a job whatever it does; one that has been delivered or has failed stays as it is.

        Raises:
            JobNotFoundError: There is none of this number.
        """
        ...

    async def forget(self, *, before: float) -> list[int]:
        """Remove the jobs that ended, and were told, before a moment; their request keys are free again."""
        ...


def same_request(job: Job, submission: Submission) -> Job:
    """Return the job that a submission made or had made before.

    Raises:
        RequestKeyTakenError: The job does other work.
    """
    if job.work != submission.work:
        raise RequestKeyTakenError(request_key=submission.request_key, job_id=job.id)
    return job


def refusal(limits: QueueLimits, *, of_owner: int, of_server: int) -> CapacityError:
    """Return the error for a submission that met a limit: the narrowest one that is reached."""
    if of_owner >= limits.per_owner:
        return OwnerLimitError(limit=limits.per_owner)
    if of_server >= limits.per_server:
        return ServerLimitError(limit=limits.per_server)
    return QueueFullError(limit=limits.in_all)


def unanswerable(job: Job, question: Lease, answer: Answer) -> NotWaitingError | InvalidSettingError:
    """Return the error for an answer that was not taken."""
    if job.state is not JobState.WAITING or job.lease != question or job.question is None:
        return NotWaitingError(job_id=job.id)
    return InvalidSettingError(
        field="choice", value="that one", allowed=f"0 to {len(job.question.choices) - 1}"
    )
