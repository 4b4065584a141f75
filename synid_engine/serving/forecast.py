"""When each job begins and ends: the queue played forward with the costs that it is charged by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from synid_engine.serving.cost_model import CREATION_WEIGHT, CostModel, Stage, StepKind
from synid_engine.serving.fair_queue import FairQueue, QueueEntry
from synid_engine.serving.messages import Job, JobKind, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How many jobs of each kind the engine takes at once.

    Attributes:
        renders: Pictures.
        creations: Characters.
        evaluations: Measurements.
        guests: Further pictures, of people who have nothing in the engine: theirs take the place of others'
            rows at the next step, so that nobody waits for a heavy owner's pictures to be done.
    """

    renders: int = 8
    creations: int = 2
    evaluations: int = 1
    guests: int = 4

    def of(self, kind: JobKind) -> int:
        """Return how many of one kind."""
        of_kind = {
            JobKind.CREATE: self.creations,
            JobKind.RENDER: self.renders,
            JobKind.EVALUATE: self.evaluations,
        }
        return of_kind[kind]

    def claim_next(self, queue: FairQueue, inside: Sequence[JobKind]) -> QueueEntry | None:
        """Claim the next job that fits beside those that are in the engine; None if none does."""
        free = frozenset(kind for kind in JobKind if inside.count(kind) < self.of(kind))
        has_room = inside.count(JobKind.RENDER) < self.renders + self.guests
        return queue.claim_next(free, guests=(JobKind.RENDER,) if has_room else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a person is told.

    Attributes:
        position: Jobs that begin before this one, and this one; 0 when it has begun.
        begins_in_ms: Time until it begins.
        ends_in_ms: Time until it is done.
    """

    position: int
    begins_in_ms: float
    ends_in_ms: float


@dataclass(slots=True, kw_only=True)
class _Run:
    kind: JobKind
    owner_id: int
    stages: list[Stage]
    position: int
    began_ms: float
    spent_ms: float


@dataclass(slots=True, kw_only=True)
class _Engine:
    """The engine as the costs describe it.

    Pictures take their steps together, as many rows as the batch has, of which every owner has as much as any
    other or as much as it needs; creations take theirs each by itself. Between the two kinds the time is
    divided as the step batcher divides it, in equal parts between everybody's pictures and everybody's
    creations, where a creation's time counts more. An evaluation has its turns as a creation has them.
    """

    costs: CostModel
    now_ms: float = 0.0
    runs: dict[int, _Run] = field(default_factory=dict[int, _Run])

    def advance(self) -> None:
        """Go on until a job ends its stage."""
        pictures = [run for run in self.runs.values() if run.kind is JobKind.RENDER]
        creations = [run for run in self.runs.values() if run.kind is not JobKind.RENDER]
        share = _share_of_pictures(pictures, creations)
        rows = _rows(pictures)
        parts = self._parts_of_the_batch(pictures)
        step_ms = {id(run): self._round_ms(rows) / share / parts[id(run)] for run in pictures}
        making_ms = sum(self._round_ms(_rows([run])) for run in creations) / (1 - share) if creations else 0.0
        step_ms |= {id(run): making_ms for run in creations}
        elapsed_ms = min(run.stages[0].steps * step_ms[id(run)] for run in self.runs.values())
        self.now_ms += elapsed_ms
        for run in self.runs.values():
            stage = run.stages[0]
            is_done = stage.steps * step_ms[id(run)] <= elapsed_ms
            steps = stage.steps if is_done else elapsed_ms / step_ms[id(run)]
            beside = rows[stage.kind] if run.kind is JobKind.RENDER else stage.rows
            run.spent_ms += steps * self.costs.share_ms(stage.kind, rows=stage.rows, batch_rows=beside)
            if is_done:
                del run.stages[0]
            else:
                run.stages[0] = stage.model_copy(update={"steps": stage.steps - steps})

    def _round_ms(self, rows: Mapping[StepKind, int]) -> float:
        """Return how long one step takes of as many rows as fit into a batch."""
        room = {**rows}
        if StepKind.DENOISE in rows:
            room[StepKind.DENOISE] = min(rows[StepKind.DENOISE], self.costs.denoise.most_rows)
        return sum(self.costs.step_cost(kind).ms(count) for kind, count in room.items())

    def _parts_of_the_batch(self, pictures: list[_Run]) -> dict[int, float]:
        """Return in what share of the steps each picture takes part, by the id of its run."""
        wanted: dict[int, int] = {}
        for run in pictures:
            stage = run.stages[0]
            if stage.kind is StepKind.DENOISE:
                wanted[run.owner_id] = wanted.get(run.owner_id, 0) + stage.rows
        had = _shared_out(wanted, self.costs.denoise.most_rows)
        return {
            id(run): had[run.owner_id] / wanted[run.owner_id]
            if run.stages[0].kind is StepKind.DENOISE
            else 1.0
            for run in pictures
        }

    @property
    def inside(self) -> list[JobKind]:
        """The kinds of the jobs that run."""
        return [run.kind for run in self.runs.values()]


def forecast(
    queue: FairQueue, jobs: Iterable[Job], costs: CostModel, capacity: Capacity
) -> dict[int, Forecast]:
    """Play the queue forward as if nobody asked for anything more.

    Args:
        queue: Left as it is.
        jobs: The queued, leased and running jobs; others are passed over.
        costs: What a step takes.
        capacity: How many jobs the engine takes at once.

    Returns:
        A forecast for each of the jobs that is in the engine or in the queue.
    """
    played = queue.copy()
    known = {job.id: job for job in jobs}
    engine = _Engine(costs=costs)
    for job in known.values():
        if job.state in {JobState.LEASED, JobState.RUNNING}:
            engine.runs[job.id] = _run_of(job, costs, position=0, now_ms=0.0)
    forecasts: dict[int, Forecast] = {}
    begun = 0
    while engine.runs or len(played):
        while (entry := capacity.claim_next(played, engine.inside)) is not None:
            if (job := known.get(entry.job_id)) is not None:
                begun += 1
                engine.runs[job.id] = _run_of(job, costs, position=begun, now_ms=engine.now_ms)
        _take_finished(engine, played, forecasts)
        if engine.runs:
            engine.advance()
            _take_finished(engine, played, forecasts)
    return forecasts


def _rows(runs: list[_Run]) -> dict[StepKind, int]:
    rows: dict[StepKind, int] = {}
    for run in runs:
        stage = run.stages[0]
        rows[stage.kind] = rows.get(stage.kind, 0) + stage.rows
    return rows


def _shared_out(wanted: Mapping[int, int], room: float) -> dict[int, float]:
    """Divide room so that nobody has less than another, but for who wants no more."""
    had: dict[int, float] = {}
    for count, owner_id in enumerate(sorted(wanted, key=lambda one: wanted[one])):
        had[owner_id] = min(float(wanted[owner_id]), room / (len(wanted) - count))
        room -= had[owner_id]
    return had


def _share_of_pictures(pictures: list[_Run], creations: list[_Run]) -> float:
    drawing = CREATION_WEIGHT * len({run.owner_id for run in pictures})
    making = len({run.owner_id for run in creations})
    return drawing / (drawing + making)


def _take_finished(engine: _Engine, played: FairQueue, forecasts: dict[int, Forecast]) -> None:
    for job_id, run in list(engine.runs.items()):
        played.charge(job_id, engine_ms=run.spent_ms)
        if not run.stages:
            del engine.runs[job_id]
            played.remove(job_id)
            forecasts[job_id] = Forecast(
                position=run.position, begins_in_ms=run.began_ms, ends_in_ms=engine.now_ms
            )


def _run_of(job: Job, costs: CostModel, *, position: int, now_ms: float) -> _Run:
    stages = list(costs.stages(job.work, progress=job.progress))
    spent_ms = 0.0 if position else job.lease_ms
    return _Run(
        kind=job.work.kind,
        owner_id=job.owner_id,
        stages=stages,
        position=position,
        began_ms=now_ms,
        spent_ms=spent_ms,
    )
