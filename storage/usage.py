"""Usage: the engine time that each lease took, and the counters that make the queue fair."""

from typing import Protocol

from storage.clock import Clock, wall_clock
from storage.database import Database
from synid_engine.serving.fair_queue import FairCounters
from synid_engine.serving.messages import Job, JobKind, Message, Milliseconds

_RECORD = """
INSERT INTO usage (job_id, fence, owner_id, server_id, kind, engine_ms, recorded_at)
VALUES (:job_id, :fence, :owner_id, :server_id, :kind, :engine_ms, :now)
ON CONFLICT (job_id, fence) DO UPDATE SET engine_ms = max(engine_ms, excluded.engine_ms)
"""
_OF_OWNER = """
SELECT kind, count(DISTINCT job_id) AS jobs, sum(engine_ms) AS engine_ms
FROM usage WHERE owner_id = :owner_id AND recorded_at >= :since
GROUP BY kind ORDER BY kind
"""
_SAVE_COUNTER = """
INSERT INTO fair_counters (owner_id, virtual_ms, floor_ms) VALUES (:owner_id, :virtual_ms, :floor_ms)
ON CONFLICT (owner_id) DO UPDATE SET
    virtual_ms = max(virtual_ms, excluded.virtual_ms), floor_ms = max(floor_ms, excluded.floor_ms)
"""
_COUNTERS = """
SELECT owner_id, virtual_ms, max(floor_ms) OVER () AS floor_ms FROM fair_counters ORDER BY owner_id
"""
_FORGET_LEVEL = """
DELETE FROM fair_counters
WHERE max(virtual_ms, floor_ms) < (SELECT max(floor_ms) FROM fair_counters)
"""


class Usage(Message):
    """What an owner has had of one kind."""

    kind: JobKind
    jobs: int
    engine_ms: Milliseconds


class UsageStore(Protocol):
    """The contract."""

    async def record(self, job: Job) -> None:
        """Note the engine time of a job's newest lease; again with the same or less changes nothing."""
        ...

    async def of_owner(self, owner_id: int, *, since: float) -> list[Usage]:
        """Return what an owner has had since a moment, by kind."""
        ...

    async def save_counter(self, owner_id: int, *, virtual_ms: float, floor_ms: float) -> None:
        """Keep an owner's fair counter and the level of the last claim; neither ever falls."""
        ...

    async def counters(self) -> FairCounters:
        """Return what a new fair queue begins with."""
        ...

    async def forget_level_counters(self) -> None:
        """Remove the counters below the level of the last claim, which say nothing any more."""
        ...


class SqliteUsageStore:
    """Usage as two tables."""

    def __init__(self, database: Database, *, clock: Clock = wall_clock) -> None:
        self._database = database
        self._clock = clock

    async def record(self, job: Job) -> None:
        """See `UsageStore`."""
        await self._database.fetch(
            _RECORD,
            {
                "job_id": job.id,
                "fence": job.fence,
                "owner_id": job.owner_id,
                "server_id": job.server_id,
                "kind": job.work.kind,
                "engine_ms": job.lease_ms,
                "now": self._clock(),
            },
        )

    async def of_owner(self, owner_id: int, *, since: float) -> list[Usage]:
        """See `UsageStore`."""
        rows = await self._database.fetch(_OF_OWNER, {"owner_id": owner_id, "since": since})
        return [Usage(kind=row["kind"], jobs=row["jobs"], engine_ms=row["engine_ms"]) for row in rows]

    async def save_counter(self, owner_id: int, *, virtual_ms: float, floor_ms: float) -> None:
        """See `UsageStore`."""
        await self._database.fetch(
            _SAVE_COUNTER, {"owner_id": owner_id, "virtual_ms": virtual_ms, "floor_ms": floor_ms}
        )

    async def counters(self) -> FairCounters:
        """See `UsageStore`."""
        rows = await self._database.fetch(_COUNTERS)
        if not rows:
            return FairCounters()
        by_owner = {row["owner_id"]: row["virtual_ms"] for row in rows}
        return FairCounters(floor_ms=rows[0]["floor_ms"], by_owner=by_owner)

    async def forget_level_counters(self) -> None:
        """See `UsageStore`."""
        await self._database.fetch(_FORGET_LEVEL)
