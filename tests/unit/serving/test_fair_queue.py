from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synid_engine.serving.fair_queue import FairCounters, FairQueue, QueueEntry, service_gap_bound
from synid_engine.serving.messages import JobKind

SLOTS = 3
GUESTS = 2
LARGEST = 100.0
OWNERS = 4


def entry(
    job_id: int, owner_id: int, cost_ms: float = 10.0, *, kind: JobKind = JobKind.RENDER, weight: float = 1.0
) -> QueueEntry:
    return QueueEntry(job_id=job_id, owner_id=owner_id, kind=kind, cost_ms=cost_ms, weight=weight)


def serve(queue: FairQueue, count: int) -> list[int]:
    """Let an engine with one slot do jobs that cost what was expected, and return their owners."""
    owners: list[int] = []
    for _ in range(count):
        claimed = queue.claim_next()
        assert claimed is not None
        queue.charge(claimed.job_id, engine_ms=claimed.cost_ms)
        queue.remove(claimed.job_id)
        owners.append(claimed.owner_id)
    return owners


def test_empty_queue_gives_nothing() -> None:
    assert FairQueue().claim_next() is None


def test_one_owner_is_served_in_order() -> None:
    queue = FairQueue()
    for job_id in (3, 1, 2):
        queue.enqueue(entry(job_id, 1))
    claimed = [queue.claim_next() for _ in range(3)]
    assert [one.job_id for one in claimed if one is not None] == [1, 2, 3]
    assert len(queue) == 0


def test_equal_owners_take_turns() -> None:
    queue = FairQueue()
    for job_id in range(4):
        queue.enqueue(entry(job_id, 1))
        queue.enqueue(entry(job_id + 10, 2))
    assert serve(queue, 8) == [1, 2] * 4


def test_engine_time_counts_and_not_the_number_of_jobs() -> None:
    queue = FairQueue()
    for job_id in range(30):
        queue.enqueue(entry(job_id, 1, 30.0))
        queue.enqueue(entry(job_id + 100, 2, 10.0))
    owners = serve(queue, 24)
    assert owners.count(2) == 3 * owners.count(1)


def test_weight_is_the_share() -> None:
    queue = FairQueue()
    for job_id in range(30):
        queue.enqueue(entry(job_id, 1, weight=2.0))
        queue.enqueue(entry(job_id + 100, 2))
    owners = serve(queue, 24)
    assert owners.count(1) == 2 * owners.count(2)


def test_light_owner_is_next_however_much_a_heavy_one_has_queued() -> None:
    queue = FairQueue()
    for job_id in range(50):
        queue.enqueue(entry(job_id, 1))
    serve(queue, 7)
    queue.enqueue(entry(99, 2))
    assert serve(queue, 2) in ([1, 2], [2, 1])


def test_idle_time_saves_nothing_up() -> None:
    queue = FairQueue()
    for job_id in range(100):
        queue.enqueue(entry(job_id, 1))
    serve(queue, 40)
    for job_id in range(100, 140):
        queue.enqueue(entry(job_id, 2))
    owners = serve(queue, 20)
    assert abs(owners.count(1) - owners.count(2)) <= 1


def test_full_engine_lets_a_guest_in_and_nobody_who_is_there_already() -> None:
    queue = FairQueue()
    for job_id in range(4):
        queue.enqueue(entry(job_id, 1))
    serve(queue, 1)
    assert queue.claim_next(guests=(JobKind.RENDER,)) == entry(1, 1)
    assert queue.claim_next((), guests=(JobKind.RENDER,)) is None
    queue.enqueue(entry(9, 2))
    assert queue.claim_next(()) is None
    assert queue.claim_next((), guests=(JobKind.CREATE,)) is None
    assert queue.claim_next((), guests=(JobKind.RENDER,)) == entry(9, 2)


def test_guest_waits_for_whoever_has_had_less() -> None:
    queue = FairQueue()
    queue.enqueue(entry(1, 1, 5.0))
    queue.enqueue(entry(2, 1, 5.0))
    queue.enqueue(entry(3, 2, 50.0))
    assert queue.claim_next() == entry(1, 1, 5.0)
    assert queue.claim_next() == entry(3, 2, 50.0)
    queue.charge(3, engine_ms=50.0)
    queue.remove(3)
    queue.enqueue(entry(4, 2))
    assert queue.claim_next((), guests=(JobKind.RENDER,)) is None, "the first owner has had 5, and waits"
    queue.enqueue(entry(5, 2, kind=JobKind.CREATE))
    assert queue.claim_next((JobKind.CREATE,), guests=(JobKind.RENDER,)) == entry(5, 2, kind=JobKind.CREATE)


def test_jobs_in_the_engine_count_before_they_have_cost_anything() -> None:
    queue = FairQueue()
    for job_id in range(4):
        queue.enqueue(entry(job_id, 1))
        queue.enqueue(entry(job_id + 10, 2))
    claimed = [queue.claim_next() for _ in range(4)]
    assert sorted(one.owner_id for one in claimed if one is not None) == [1, 1, 2, 2]


def test_cancelled_job_costs_only_what_it_took() -> None:
    queue = FairQueue()
    queue.enqueue(entry(1, 1, 100.0))
    queue.enqueue(entry(2, 1, 100.0))
    queue.enqueue(entry(3, 2, 100.0))
    assert queue.claim_next() == entry(1, 1, 100.0)
    queue.charge(1, engine_ms=5.0)
    queue.remove(1)
    assert serve(queue, 2) == [2, 1]
    assert queue.counters().by_owner[1] == pytest.approx(105.0)


def test_repeated_and_late_reports_charge_once() -> None:
    queue = FairQueue()
    queue.enqueue(entry(1, 1))
    queue.claim_next()
    for total in (5.0, 9.0, 9.0, 7.0):
        queue.charge(1, engine_ms=total)
    assert queue.counters().by_owner == {1: 9.0}
    queue.charge(99, engine_ms=5.0)
    queue.remove(99)


def test_removed_job_is_not_claimed() -> None:
    queue = FairQueue()
    queue.enqueue(entry(1, 1))
    queue.enqueue(entry(2, 1))
    queue.remove(1)
    assert queue.claim_next() == entry(2, 1)


def test_parked_job_comes_back_before_newer_ones() -> None:
    queue = FairQueue()
    for job_id in (1, 2):
        queue.enqueue(entry(job_id, 1))
    queue.claim_next()
    queue.remove(1)
    queue.enqueue(entry(1, 1, 4.0))
    assert queue.claim_next() == entry(1, 1, 4.0)


def test_only_the_kinds_that_fit_are_claimed() -> None:
    queue = FairQueue()
    queue.enqueue(entry(1, 1, kind=JobKind.CREATE))
    queue.enqueue(entry(2, 2))
    assert queue.claim_next({JobKind.RENDER}) == entry(2, 2)
    assert queue.claim_next({JobKind.RENDER}) is None
    assert queue.claim_next(set()) is None
    assert queue.claim_next({JobKind.CREATE}) == entry(1, 1, kind=JobKind.CREATE)


def test_counters_survive_a_restart() -> None:
    queue = FairQueue()
    for job_id in range(4):
        queue.enqueue(entry(job_id, 1, 50.0))
    serve(queue, 3)
    queue.enqueue(entry(9, 2))
    again = FairQueue(queue.counters())
    for job_id, owner_id in ((3, 1), (9, 2)):
        again.enqueue(entry(job_id, owner_id, 50.0))
    assert serve(again, 2) == serve(queue, 2) == [2, 1]


def test_owners_without_service_leave_no_trace() -> None:
    queue = FairQueue()
    for number in range(100):
        queue.enqueue(entry(number, number))
        queue.remove(number)
    assert queue.counters() == FairCounters()


def test_copy_can_be_played_forward_alone() -> None:
    queue = FairQueue()
    queue.enqueue(entry(1, 1))
    copy = queue.copy()
    serve(copy, 1)
    assert (len(queue), len(copy)) == (1, 0)
    assert queue.claim_next() == entry(1, 1)


@dataclass
class Engine:
    """An engine that jobs enter, spend time in and leave in any order, and a record of who got what.

    Attributes:
        served: Engine time of each owner.
        gaps: For each pair of active owners, the least and the greatest weighted difference so far.
    """

    weights: Sequence[float]
    queue: FairQueue = field(default_factory=FairQueue)
    held: dict[int, tuple[QueueEntry, float, float]] = field(default_factory=dict)
    waiting: list[dict[int, float]] = field(default_factory=lambda: [{} for _ in range(OWNERS)])
    served: list[float] = field(default_factory=lambda: [0.0] * OWNERS)
    served_before: dict[int, list[float]] = field(default_factory=dict)
    gaps: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    last_id: int = 0

    def submit(self, owner: int, expected_ms: float, real_ms: float) -> None:
        self.last_id += 1
        self.queue.enqueue(entry(self.last_id, owner, expected_ms, weight=self.weights[owner]))
        self.waiting[owner][self.last_id] = real_ms
        self.served_before[self.last_id] = [*self.served]
        self.observe()

    def claim(self) -> None:
        if len(self.held) == SLOTS + GUESTS:
            return
        kinds = frozenset(JobKind) if len(self.held) < SLOTS else frozenset[JobKind]()
        if (claimed := self.queue.claim_next(kinds, guests=JobKind)) is None:
            return
        assert kinds or all(held.owner_id != claimed.owner_id for held, _, _ in self.held.values())
        oldest = min(self.waiting[claimed.owner_id])
        assert claimed.job_id == oldest
        self.held[oldest] = (claimed, self.waiting[claimed.owner_id].pop(oldest), 0.0)
        since = self.served_before.pop(oldest)
        if self.waiting[claimed.owner_id]:  # the wait of the next oldest begins
            self.served_before[min(self.waiting[claimed.owner_id])] = [*self.served]
        for other in set(range(OWNERS)) - {claimed.owner_id}:
            got = self.served[other] - since[other]
            assert got <= self.bound(claimed.owner_id, other) * self.weights[other] + 1e-6
        self.observe()

    def work(self, place: int, *, share: float) -> None:
        """Spend a share of what is left of a job in the engine; all of it ends the job."""
        if not self.held:
            return
        job_id = sorted(self.held)[place % len(self.held)]
        claimed, real_ms, spent_ms = self.held[job_id]
        total_ms = real_ms if share == 1.0 else spent_ms + (real_ms - spent_ms) * share
        self.queue.charge(job_id, engine_ms=total_ms)
        self.served[claimed.owner_id] += total_ms - spent_ms
        self.held[job_id] = (claimed, real_ms, total_ms)
        if share == 1.0:
            self.queue.remove(job_id)
            del self.held[job_id]
        self.observe()

    def observe(self) -> None:
        for pair in combinations(range(OWNERS), 2):
            one, other = pair
            if not self.waiting[one] or not self.waiting[other]:
                self.gaps.pop(pair, None)
                continue
            gap = self.served[one] / self.weights[one] - self.served[other] / self.weights[other]
            least, most = self.gaps.get(pair, (gap, gap))
            self.gaps[pair] = (min(least, gap), max(most, gap))
            assert max(most, gap) - min(least, gap) <= self.bound(one, other) + 1e-6

    def bound(self, one: int, other: int) -> float:
        return service_gap_bound(
            slots=SLOTS + GUESTS,
            largest_ms=LARGEST,
            weight=self.weights[one],
            other_weight=self.weights[other],
        )


OWNER = st.integers(0, OWNERS - 1)
COST = st.floats(0.0, LARGEST)
WEIGHTS = st.lists(st.sampled_from([0.5, 1.0, 2.0, 4.0]), min_size=OWNERS, max_size=OWNERS)
EVENT = st.one_of(
    st.tuples(st.just("submit"), OWNER, COST, COST),
    st.tuples(st.just("claim"), st.just(0), st.just(0.0), st.just(0.0)),
    st.tuples(st.just("work"), st.integers(0, SLOTS), st.sampled_from([0.5, 1.0, 1.0]), st.just(0.0)),
)


@settings(max_examples=150)
@given(WEIGHTS, st.lists(EVENT, min_size=20, max_size=120))
def test_service_gap_and_waits_stay_within_the_bound(
    weights: list[float], events: list[tuple[str, int, float, float]]
) -> None:
    engine = Engine(weights)
    for act, number, first, second in events:
        if act == "submit":
            engine.submit(number, first, second)
        elif act == "claim":
            engine.claim()
        else:
            engine.work(number, share=first)


@pytest.mark.parametrize("seed", range(4))
def test_bound_holds_through_long_backlogs(seed: int) -> None:
    chance = Random(seed)  # noqa: S311
    engine = Engine([chance.choice([0.5, 1.0, 2.0]) for _ in range(OWNERS)])
    for _ in range(600):
        engine.submit(chance.randrange(OWNERS), chance.uniform(0, LARGEST), chance.uniform(0, LARGEST))
        for _ in range(chance.randrange(3)):
            engine.claim()
            engine.work(chance.randrange(SLOTS), share=chance.choice([0.5, 1.0, 1.0]))


@settings(max_examples=60)
@given(WEIGHTS, st.lists(st.tuples(COST, COST), min_size=5, max_size=20), st.integers(0, 20))
def test_no_job_starves_while_others_never_stop_asking(
    weights: list[float], costs: list[tuple[float, float]], before: int
) -> None:
    engine = Engine(weights)
    greedy = range(1, OWNERS)
    engine_rounds = 0
    waits: int | None = None
    while waits is None or waits in engine.waiting[0]:
        for owner in greedy:
            expected_ms, real_ms = costs[(engine_rounds + owner) % len(costs)]
            engine.submit(owner, expected_ms, max(1.0, real_ms))
        if engine_rounds == before:
            engine.submit(0, LARGEST, LARGEST)
            waits = engine.last_id
        for place in range(SLOTS):
            engine.claim()
            engine.work(place, share=1.0)
        engine_rounds += 1
        # Each round serves a millisecond or more, and the others together get no more than their bounds.
        most = sum(engine.bound(0, owner) * weights[owner] for owner in greedy)
        assert engine_rounds <= before + 2 + most
