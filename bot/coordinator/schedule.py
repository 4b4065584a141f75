"""Which job enters the engine next, what is in it now, and when everything is expected to be done.

The fair queue with the costs of this machine and the limits of the engine. Kept in memory and rebuilt from
the ledger; knows neither stores nor messages of the engine.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from synid_engine.serving.cost_model import CostModel, Stage, StepCost, StepKind, StepSample
from synid_engine.serving.fair_queue import FairCounters, FairQueue, QueueEntry
from synid_engine.serving.forecast import Capacity, Forecast, forecast
from synid_engine.serving.messages import MOST_ATTEMPTS, AnyWork, CreateWork, Job, JobKind, Lease

ROUGH_COSTS = CostModel(
    denoise=StepCost(fixed_ms=20.0, row_ms=10.0),
    decode=StepCost(fixed_ms=5.0, row_ms=10.0),
    train=StepCost(fixed_ms=100.0, row_ms=50.0),
    creation=(
        Stage(kind=StepKind.DENOISE, steps=50, rows=8),
        Stage(kind=StepKind.TRAIN, steps=200, rows=2),
    ),
)
"""Orders jobs until the engine has said what steps take; nobody is told a time by it."""

_LAST_CHANCE = MOST_ATTEMPTS - 1


@dataclass(slots=True, kw_only=True)
class _Place:
    """A job's place in the engine."""

    lease: Lease
    generation: int
    kind: JobKind
    is_alone: bool
    had_company: bool
    begun_at: float
    engine_ms: float = 0.0


class Schedule:
    """The jobs that are queued or in the engine.

    A job whose attempts but one were lost enters an empty engine and stays alone in it: a job that kills
    engines must not take its neighbours' last attempt with it.
    """

    def __init__(self, capacity: Capacity) -> None:
        self.costs = ROUGH_COSTS
        self._capacity = capacity
        self._queue = FairQueue()
        self._jobs: dict[int, Job] = {}
        self._places: dict[int, _Place] = {}
        self._next_alone: int | None = None

    def begin(self, counters: FairCounters) -> None:
        """Start with an empty queue and what the owners had before."""
        self._queue = FairQueue(counters)
        self._jobs.clear()
        self._places.clear()
        self._next_alone = None

    def use_costs(self, costs: CostModel) -> None:
        """Order the queue by other costs."""
        self.costs = costs
        for job in list(self._jobs.values()):
            if job.id not in self._places:
                self.enqueue(job)

    def enqueue(self, job: Job) -> None:
        """Let a job wait for the engine; without a checkpoint it starts from the beginning."""
        self.drop(job.id)
        waiting = job if job.checkpoint is not None else job.model_copy(update={"progress": 0.0})
        self._jobs[job.id] = waiting
        cost_ms = self.costs.cost_ms(job.work, progress=waiting.progress)
        self._queue.enqueue(
            QueueEntry(
                job_id=job.id,
                owner_id=job.owner_id,
                kind=job.work.kind,
                cost_ms=cost_ms,
                weight=job.weight,
            )
        )

    def claim(self) -> Job | None:
        """Choose the job that enters the engine now; None if none may."""
        if any(place.is_alone for place in self._places.values()):
            return None
        if self._next_alone is None:
            inside = [place.kind for place in self._places.values()]
            entry = self._capacity.claim_next(self._queue, inside)
            if entry is None:
                return None
            job = self._jobs[entry.job_id]
            if not self._places or job.attempts < _LAST_CHANCE:
                return job
            self._next_alone = job.id
        if self._places:
            return None
        job_id, self._next_alone = self._next_alone, None
        return self._jobs[job_id]

    def enter(self, job: Job, *, generation: int) -> None:
        """Note that a claimed job is given to an engine."""
        for place in self._places.values():
            place.had_company = True
        self._jobs[job.id] = job
        self._places[job.id] = _Place(
            lease=job.lease,
            generation=generation,
            kind=job.work.kind,
            is_alone=job.attempts >= _LAST_CHANCE,
            had_company=bool(self._places),
            begun_at=job.progress if job.checkpoint is not None else 0.0,
        )

    def advance(self, lease: Lease, *, engine_ms: float, progress: float | None = None) -> None:
        """Charge a job's owner for the engine time under a lease so far, and note how far the job is."""
        if not self.holds(lease):
            return
        place, job = self._places[lease.job_id], self._jobs[lease.job_id]
        place.engine_ms = max(place.engine_ms, engine_ms)
        self._queue.charge(lease.job_id, engine_ms=place.engine_ms)
        changed: dict[str, float] = {"lease_ms": place.engine_ms}
        if progress is not None:
            changed["progress"] = progress
        self._jobs[lease.job_id] = job.model_copy(update=changed)

    def replace(self, job: Job) -> None:
        """Note what the ledger says of a job that is in the engine."""
        if job.id in self._places:
            place, known = self._places[job.id], self._jobs[job.id]
            so_far = {"lease_ms": max(place.engine_ms, job.lease_ms), "progress": known.progress}
            self._jobs[job.id] = job.model_copy(update=so_far)

    def measure(self, job_id: int) -> None:
        """Move the costs towards what a job that is now done took, if it had the engine to itself.

        Not by an evaluation: it also loads and looks, which is no step of any kind.
        """
        place, job = self._places.get(job_id), self._jobs.get(job_id)
        if place is None or job is None or place.had_company or place.kind is JobKind.EVALUATE:
            return
        expected_ms = self.costs.cost_ms(job.work, progress=place.begun_at)
        if expected_ms <= 0.0 or place.engine_ms <= 0.0:
            return
        drift = place.engine_ms / expected_ms
        for kind, rows in {stage.kind: stage.rows for stage in self.costs.stages(job.work)}.items():
            expected_step_ms = self.costs.step_cost(kind).ms(rows)
            self.costs = self.costs.adjusted(kind, StepSample(rows=rows, ms=expected_step_ms * drift))

    def drop(self, job_id: int) -> None:
        """Forget a job that is neither queued nor in the engine any more."""
        self._queue.remove(job_id)
        self._jobs.pop(job_id, None)
        self._places.pop(job_id, None)
        if self._next_alone == job_id:
            self._next_alone = None

    def holds(self, lease: Lease) -> bool:
        """Tell whether the engine works under this lease as far as is known here."""
        place = self._places.get(lease.job_id)
        return place is not None and place.lease == lease

    def in_engine(self, job_id: int) -> Job | None:
        """Return a job that is in the engine."""
        return self._jobs[job_id] if job_id in self._places else None

    def has_twin(self, job: Job) -> bool:
        """Tell whether another job in the engine makes the very same files."""
        made = _without_character(job)
        others = (self._jobs[job_id] for job_id in self._places if job_id != job.id)
        return any(_without_character(other) == made for other in others)

    def leases(self, *, up_to: int | None = None) -> Iterator[tuple[Lease, float]]:
        """Return the leases in the engine with the engine time under each.

        Args:
            up_to: The newest engine to consider; all of them if None.
        """
        for place in list(self._places.values()):
            if up_to is None or place.generation <= up_to:
                yield place.lease, place.engine_ms

    def counter_of(self, owner_id: int) -> tuple[float, float]:
        """Return an owner's fair counter and the level of the last claim."""
        counters = self._queue.counters()
        return counters.by_owner.get(owner_id, counters.floor_ms), counters.floor_ms

    def forecasts(self) -> dict[int, Forecast]:
        """Return when each job begins and ends, if nobody asked for anything more."""
        return forecast(self._queue, self._jobs.values(), self.costs, self._capacity)

    @property
    def queued(self) -> int:
        """How many jobs wait for the engine."""
        return len(self._jobs) - len(self._places)

    @property
    def inside(self) -> int:
        """How many jobs are in the engine."""
        return len(self._places)


def _without_character(job: Job) -> AnyWork:
    """Return what decides the bytes that a job makes."""
    named = "character_id" if isinstance(job.work, CreateWork) else "character_ids"
    return job.work.model_copy(update={named: None})
