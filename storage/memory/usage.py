"""Usage in memory."""

from storage.clock import Clock, wall_clock
from storage.usage import Usage
from synid_engine.serving.fair_queue import FairCounters
from synid_engine.serving.messages import Job, JobKind


class MemoryUsageStore:
    """Usage as dictionaries."""

    def __init__(self, *, clock: Clock = wall_clock) -> None:
        self._clock = clock
        self._leases: dict[tuple[int, int], tuple[Job, float]] = {}
        self._counters: dict[int, tuple[float, float]] = {}

    async def record(self, job: Job) -> None:
        """See `UsageStore`."""
        key = (job.id, job.fence)
        known, at = self._leases.get(key, (job, self._clock()))
        self._leases[key] = (job if job.lease_ms > known.lease_ms else known, at)

    async def of_owner(self, owner_id: int, *, since: float) -> list[Usage]:
        """See `UsageStore`."""
        had: dict[JobKind, list[Job]] = {}
        for job, at in self._leases.values():
            if job.owner_id == owner_id and at >= since:
                had.setdefault(job.work.kind, []).append(job)
        return [
            Usage(kind=kind, jobs=len({job.id for job in jobs}), engine_ms=sum(job.lease_ms for job in jobs))
            for kind, jobs in sorted(had.items())
        ]

    async def save_counter(self, owner_id: int, *, virtual_ms: float, floor_ms: float) -> None:
        """See `UsageStore`."""
        known = self._counters.get(owner_id, (virtual_ms, floor_ms))
        self._counters[owner_id] = (max(known[0], virtual_ms), max(known[1], floor_ms))

    async def counters(self) -> FairCounters:
        """See `UsageStore`."""
        by_owner = {owner_id: virtual_ms for owner_id, (virtual_ms, _) in sorted(self._counters.items())}
        return FairCounters(floor_ms=self._floor_ms(), by_owner=by_owner)

    async def forget_level_counters(self) -> None:
        """See `UsageStore`."""
        floor_ms = self._floor_ms()
        self._counters = {key: pair for key, pair in self._counters.items() if max(pair) >= floor_ms}

    def _floor_ms(self) -> float:
        return max((floor_ms for _, floor_ms in self._counters.values()), default=0.0)
