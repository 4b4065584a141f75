"""The ledger in SQLite."""

import json
from collections.abc import Sequence

from storage import job_statements as sql
from storage.clock import Clock, wall_clock
from storage.database import Database, Row
from storage.errors import DamagedDatabaseError, JobNotFoundError, LeaseLostError
from storage.ledger import QueueLimits, refusal, same_request, unanswerable
from synid_engine.errors import CapacityError
from synid_engine.serving.messages import (
    MOST_ATTEMPTS,
    WORK,
    Answer,
    Beat,
    Failure,
    Hash,
    Job,
    Lease,
    Question,
    Result,
    Submission,
)

_JSON = ("work", "question", "answer", "result", "failure")


class SqliteJobStore:
    """The ledger as a table; every method is one statement."""

    def __init__(self, database: Database, *, clock: Clock = wall_clock) -> None:
        self._database = database
        self._clock = clock

    async def submit(self, submission: Submission, limits: QueueLimits) -> Job:
        """See `JobStore`."""
        row = await self._database.fetch_one(
            sql.SUBMIT,
            {
                "request_key": submission.request_key,
                "owner_id": submission.owner_id,
                "server_id": submission.server_id,
                "weight": submission.weight,
                "work": WORK.dump_json(submission.work).decode(),
                "per_owner": limits.per_owner,
                "per_server": limits.per_server,
                "in_all": limits.in_all,
                "now": self._clock(),
            },
        )
        if row is None:
            raise await self._refusal(submission, limits)
        return same_request(self._job(row), submission)

    async def get(self, job_id: int) -> Job:
        """See `JobStore`."""
        row = await self._database.fetch_one(sql.GET, {"job_id": job_id})
        if row is None:
            raise JobNotFoundError(job_id=job_id)
        return self._job(row)

    async def queued(self) -> list[Job]:
        """See `JobStore`."""
        return await self._jobs(sql.QUEUED)

    async def leased(self) -> list[Job]:
        """See `JobStore`."""
        return await self._jobs(sql.LEASED)

    async def waiting(self) -> list[Job]:
        """See `JobStore`."""
        return await self._jobs(sql.WAITING)

    async def of_request(self, owner_id: int, request_key: str) -> Job | None:
        """See `JobStore`."""
        found = await self._jobs(sql.OF_REQUEST, owner_id=owner_id, request_key=request_key)
        return found[0] if found else None

    async def untold(self) -> list[Job]:
        """See `JobStore`."""
        return await self._jobs(sql.UNTOLD)

    async def of_owner(self, owner_id: int, *, limit: int) -> list[Job]:
        """See `JobStore`."""
        return await self._jobs(sql.OF_OWNER, owner_id=owner_id, limit=limit)

    async def lease(self, job_id: int, *, engine: str) -> Job | None:
        """See `JobStore`."""
        found = await self._jobs(sql.LEASE, job_id=job_id, engine=engine, now=self._clock())
        return found[0] if found else None

    async def start(self, lease: Lease) -> Job:
        """See `JobStore`."""
        return await self._held(sql.START, lease)

    async def heartbeat(self, beats: Sequence[Beat]) -> list[Lease]:
        """See `JobStore`."""
        listed = json.dumps([beat.model_dump() for beat in beats])
        rows = await self._database.fetch(sql.HEARTBEAT, {"beats": listed, "now": self._clock()})
        held = [Lease(job_id=row["id"], fence=row["fence"]) for row in rows]
        return sorted(held, key=lambda lease: lease.job_id)

    async def checkpoint(self, lease: Lease, checkpoint: Hash) -> Job:
        """See `JobStore`."""
        return await self._held(sql.CHECKPOINT, lease, checkpoint=checkpoint)

    async def park(self, lease: Lease, question: Question, *, deadline_at: float, engine_ms: float) -> Job:
        """See `JobStore`."""
        return await self._held(
            sql.PARK,
            lease,
            question=question.model_dump_json(),
            checkpoint=question.checkpoint,
            deadline_at=deadline_at,
            engine_ms=engine_ms,
        )

    async def answer(self, question: Lease, answer: Answer) -> Job:
        """See `JobStore`."""
        found = await self._jobs(
            sql.ANSWER,
            job_id=question.job_id,
            fence=question.fence,
            choice=answer.choice,
            answer=answer.model_dump_json(),
            now=self._clock(),
        )
        if not found:
            raise unanswerable(await self.get(question.job_id), question, answer)
        return found[0]

    async def expire_questions(self) -> list[Job]:
        """See `JobStore`."""
        return await self._jobs(sql.EXPIRE_QUESTIONS, now=self._clock())

    async def release(self, lease: Lease, *, engine_ms: float) -> Job:
        """See `JobStore`."""
        return await self._held(sql.RELEASE, lease, engine_ms=engine_ms)

    async def requeue(self, lease: Lease, failure: Failure) -> Job:
        """See `JobStore`."""
        reason = failure.model_dump_json()
        return await self._held(sql.REQUEUE, lease, failure=reason, most_attempts=MOST_ATTEMPTS)

    async def requeue_stale(self, *, stale_before: float, failure: Failure) -> list[Job]:
        """See `JobStore`."""
        return await self._jobs(
            sql.REQUEUE_STALE,
            stale_before=stale_before,
            failure=failure.model_dump_json(),
            most_attempts=MOST_ATTEMPTS,
            now=self._clock(),
        )

    async def finish(self, lease: Lease, result: Result, *, engine_ms: float) -> Job:
        """See `JobStore`."""
        return await self._held(sql.FINISH, lease, result=result.model_dump_json(), engine_ms=engine_ms)

    async def fail(self, lease: Lease, failure: Failure) -> Job:
        """See `JobStore`."""
        return await self._held(sql.FAIL, lease, failure=failure.model_dump_json())

    async def mark_delivered(self, lease: Lease) -> Job:
        """See `JobStore`."""
        return await self._held(sql.MARK_DELIVERED, lease)

    async def cancel(self, job_id: int) -> Job:
        """See `JobStore`."""
        found = await self._jobs(sql.CANCEL, job_id=job_id, now=self._clock())
        if not found:
            raise JobNotFoundError(job_id=job_id)
        return found[0]

    async def forget(self, *, before: float) -> list[int]:
        """See `JobStore`."""
        rows = await self._database.fetch(sql.FORGET, {"before": before})
        return sorted(int(row["id"]) for row in rows)

    async def _jobs(self, statement: str, **parameters: str | float | None) -> list[Job]:
        rows = await self._database.fetch(statement, parameters)
        jobs = [self._job(row) for row in rows]
        return jobs if "DESC" in statement else sorted(jobs, key=lambda job: job.id)

    async def _held(self, statement: str, lease: Lease, **parameters: str | float | None) -> Job:
        found = await self._jobs(
            statement, job_id=lease.job_id, fence=lease.fence, now=self._clock(), **parameters
        )
        if not found:
            raise LeaseLostError(job_id=lease.job_id, fence=lease.fence)
        return found[0]

    async def _refusal(self, submission: Submission, limits: QueueLimits) -> CapacityError:
        row = await self._database.fetch_one(
            sql.COUNTS, {"owner_id": submission.owner_id, "server_id": submission.server_id}
        )
        of_owner, of_server = (row["of_owner"], row["of_server"]) if row is not None else (0, 0)
        return refusal(limits, of_owner=of_owner, of_server=of_server)

    def _job(self, row: Row) -> Job:
        fields = {key: row[key] for key in row.keys()}  # noqa: SIM118 - iterating over a row yields its values
        try:
            fields |= {key: json.loads(fields[key]) for key in _JSON if fields[key] is not None}
            return Job.model_validate(fields)
        except ValueError as error:
            raise DamagedDatabaseError(path=self._database.path, detail=f"job {row['id']}") from error
