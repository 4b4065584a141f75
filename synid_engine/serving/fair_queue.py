"""Who is served next: weighted fair queueing over owners, by the engine time that they have had.

Every owner has a counter of engine-milliseconds divided by its weight. The next job is that of the owner
whose counter and reservations (what its jobs in the engine are still expected to take) add up to the least.
An owner that returns is lifted to the level of the last claim, which was the least sum among the active
owners then: idle time saves nothing up.

How fair it is. Let K be the most jobs in the engine at once, C the largest cost of a job, expected or real,
and w an owner's weight. An owner is active while it has a job in the queue. Call V the highest sum at which
a job was claimed; it never falls. After an owner's last claim its K jobs at most add C each, so its counter
is at most V + K*C/w. An active owner's sum was at least V when it became active, and since then no claim
was made above its sum; the sum exceeds the counter by K*C/w at most, and the counter never falls, so it is
at least V - K*C/w. Hence:

- Over any time in which two owners are both active, their service, each divided by its weight, differs by
  at most 2*K*C*(1/w1 + 1/w2): `service_gap_bound`.
- While an owner's oldest job waits, any other owner f gets at most that bound times its weight. Owners are
  finitely many, so every job is claimed.

Both hold for claims of every kind. While the engine takes only some kinds, they hold among the owners whose
jobs it takes. Guests, whom a full engine still lets in, are claimed only at the least sum of all, so that V
stays what it is; they count in K.

Source: Sheng et al., Fairness in Serving Large Language Models (arXiv 2401.00588), the virtual token
counter.
Deviation: engine-milliseconds instead of tokens, reservations for jobs in the engine, the level of the last
claim instead of the least counter of the moment. Knows neither SQL nor clocks.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Self

from synid_engine.serving.messages import JobKind


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A job as the queue sees it.

    Attributes:
        cost_ms: Engine time that it is expected to take from here on.
        weight: Share of its owner against 1; the latest entry's counts for all the owner's jobs.
    """

    job_id: int
    owner_id: int
    kind: JobKind
    cost_ms: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FairCounters:
    """What must outlive a restart: the level of the last claim, and the counters of the owners above it."""

    floor_ms: float = 0.0
    by_owner: Mapping[int, float] = field(default_factory=dict[int, float])


@dataclass(slots=True, kw_only=True)
class _Claim:
    cost_ms: float
    spent_ms: float = 0.0


@dataclass(slots=True, kw_only=True)
class _Account:
    counter_ms: float = 0.0
    weight: float = 1.0
    queued: dict[int, QueueEntry] = field(default_factory=dict[int, QueueEntry])
    claims: dict[int, _Claim] = field(default_factory=dict[int, _Claim])

    @property
    def sum_ms(self) -> float:
        """The counter and the reservations."""
        reserved = sum(max(0.0, claim.cost_ms - claim.spent_ms) for claim in self.claims.values())
        return self.counter_ms + reserved / self.weight

    def oldest(self, kinds: Collection[JobKind]) -> int | None:
        """Return the oldest queued job of these kinds."""
        return min((job_id for job_id, entry in self.queued.items() if entry.kind in kinds), default=None)


def service_gap_bound(*, slots: int, largest_ms: float, weight: float, other_weight: float) -> float:
    """Return how much the weighted service of two active owners can differ over any time.

    Args:
        slots: Most jobs in the engine at once.
        largest_ms: Largest cost of a job, expected or real.
        weight: Weight of one owner.
        other_weight: Weight of the other.
    """
    return 2.0 * slots * largest_ms * (1.0 / weight + 1.0 / other_weight)


class FairQueue:
    """The jobs that wait, and the counters of their owners."""

    def __init__(self, counters: FairCounters | None = None) -> None:
        known = counters or FairCounters()
        self._floor_ms = known.floor_ms
        self._accounts = {
            owner_id: _Account(counter_ms=counter_ms) for owner_id, counter_ms in known.by_owner.items()
        }
        self._owners: dict[int, int] = {}

    def __len__(self) -> int:
        return sum(len(account.queued) for account in self._accounts.values())

    def enqueue(self, entry: QueueEntry) -> None:
        """Let a job wait; one that is already known starts over.

        Jobs of one owner are served by their numbers, so a job that comes back is served before newer ones.
        """
        self.remove(entry.job_id)
        account = self._accounts.setdefault(entry.owner_id, _Account())
        account.weight = entry.weight
        if not account.queued:
            account.counter_ms += max(0.0, self._floor_ms - account.sum_ms)
        account.queued[entry.job_id] = entry
        self._owners[entry.job_id] = entry.owner_id

    def claim_next(
        self, kinds: Collection[JobKind] = frozenset(JobKind), *, guests: Collection[JobKind] = ()
    ) -> QueueEntry | None:
        """Take the next job, and reserve what it is expected to cost.

        Args:
            kinds: What the engine takes.
            guests: What it takes beside that, from the owner who has had least of all, if that one has
                nothing in the engine.

        Returns:
            None if no such job waits.
        """
        found = self._least_served({*kinds, *guests})
        if found is not None and found[2].claims and found[2].queued[found[1]].kind not in kinds:
            found = self._least_served(kinds)
        if found is None:
            return None
        sum_ms, job_id, account = found
        self._floor_ms = max(self._floor_ms, sum_ms)
        entry = account.queued.pop(job_id)
        account.claims[job_id] = _Claim(cost_ms=entry.cost_ms)
        return entry

    def charge(self, job_id: int, *, engine_ms: float) -> None:
        """Charge a claimed job's owner.

        Args:
            job_id: A job that is not claimed is left alone.
            engine_ms: Engine time since the claim; a total, so that a repeated report charges nothing.
        """
        account = self._account_of(job_id)
        claim = account.claims.get(job_id) if account is not None else None
        if account is None or claim is None or engine_ms <= claim.spent_ms:
            return
        account.counter_ms += (engine_ms - claim.spent_ms) / account.weight
        claim.spent_ms = engine_ms

    def remove(self, job_id: int) -> None:
        """Forget a job that has ended, is parked or is cancelled, and what is left of its reservation."""
        account = self._account_of(job_id)
        if account is None:
            return
        owner_id = self._owners.pop(job_id)
        account.queued.pop(job_id, None)
        account.claims.pop(job_id, None)
        if not account.queued and not account.claims and account.counter_ms <= self._floor_ms:
            del self._accounts[owner_id]  # a new account would be lifted to the same level

    def counters(self) -> FairCounters:
        """Return what a restart needs."""
        above = {
            owner_id: account.counter_ms
            for owner_id, account in self._accounts.items()
            if account.counter_ms > self._floor_ms
        }
        return FairCounters(floor_ms=self._floor_ms, by_owner=above)

    def copy(self) -> Self:
        """Return a queue that can be played forward without touching this one."""
        return deepcopy(self)

    def _least_served(self, kinds: Collection[JobKind]) -> tuple[float, int, _Account] | None:
        """Return the least sum of those who wait with these kinds, their oldest job and their account."""
        waiting = [
            (account.sum_ms, job_id, account)
            for account in self._accounts.values()
            if (job_id := account.oldest(kinds)) is not None
        ]
        return min(waiting, key=lambda one: one[:2], default=None)

    def _account_of(self, job_id: int) -> _Account | None:
        owner_id = self._owners.get(job_id)
        return None if owner_id is None else self._accounts[owner_id]
