import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synid_engine.serving.cost_model import CREATION_WEIGHT, CostModel, Stage, StepCost, StepKind
from synid_engine.serving.fair_queue import FairQueue, QueueEntry
from synid_engine.serving.forecast import Capacity, forecast
from synid_engine.serving.messages import AnyWork, CreateWork, EvaluateWork, Job, JobState, RenderWork

COSTS = CostModel(
    denoise=StepCost(row_ms=1.0, most_rows=16),
    decode=StepCost(row_ms=0.0),
    train=StepCost(row_ms=50.0),
    creation=(Stage(kind=StepKind.TRAIN, steps=100, rows=1),),
)
ALONE = Capacity(renders=1, creations=1, guests=0)
EVALUATION = EvaluateWork(
    portrait="a" * 64, banks=("b" * 64,), character_ids=(1,), descriptions=("a woman",), styles=("",)
)
PICTURE_MS = 20.0


def job(
    job_id: int,
    owner_id: int = 1,
    *,
    state: JobState = JobState.QUEUED,
    create: bool = False,
    progress: float = 0.0,
    work: AnyWork | None = None,
) -> Job:
    drawing = RenderWork(prompt="a fox", num_inference_steps=10)
    work = work or (CreateWork(character_id=1, identity="a woman") if create else drawing)
    return Job(
        id=job_id,
        request_key=str(job_id),
        owner_id=owner_id,
        server_id=None,
        weight=1.0,
        work=work,
        state=state,
        progress=progress,
        created_at=0.0,
        updated_at=0.0,
    )


def queue_of(jobs: list[Job]) -> FairQueue:
    queue = FairQueue()
    for one in jobs:
        if one.state is JobState.QUEUED:
            queue.enqueue(
                QueueEntry(
                    job_id=one.id,
                    owner_id=one.owner_id,
                    kind=one.work.kind,
                    cost_ms=COSTS.cost_ms(one.work),
                    weight=one.weight,
                )
            )
    return queue


def test_nothing_is_forecast_of_nothing() -> None:
    assert forecast(FairQueue(), [], COSTS, ALONE) == {}


def test_jobs_follow_one_another() -> None:
    jobs = [job(number) for number in (1, 2, 3)]
    found = forecast(queue_of(jobs), jobs, COSTS, ALONE)
    assert [found[number].position for number in (1, 2, 3)] == [1, 2, 3]
    for number in (1, 2, 3):
        assert found[number].begins_in_ms == pytest.approx((number - 1) * PICTURE_MS)
        assert found[number].ends_in_ms == pytest.approx(number * PICTURE_MS)


def test_job_in_the_engine_has_begun_and_ends_sooner() -> None:
    jobs = [job(1, state=JobState.RUNNING, progress=0.5), job(2)]
    found = forecast(queue_of(jobs), jobs, COSTS, ALONE)
    assert (found[1].position, found[1].begins_in_ms) == (0, 0)
    assert found[1].ends_in_ms == pytest.approx(PICTURE_MS / 2)
    assert found[2].begins_in_ms == pytest.approx(PICTURE_MS / 2)


def test_light_owner_is_told_a_short_wait() -> None:
    jobs = [job(number) for number in range(50)]
    light = job(99, owner_id=2)
    found = forecast(queue_of([*jobs, light]), [*jobs, light], COSTS, ALONE)
    assert found[99].position <= 2
    assert found[49].position == 51


def test_owners_share_a_full_batch_and_who_wants_less_has_it() -> None:
    """Sixteen rows for a guest's two and a heavy owner's twenty: 20 steps of 22 rows' work in all."""
    jobs = [job(number, state=JobState.RUNNING) for number in range(10)]
    guest = job(99, owner_id=2, state=JobState.RUNNING)
    found = forecast(FairQueue(), [*jobs, guest], COSTS, Capacity())
    assert found[99].ends_in_ms == pytest.approx(10 * 16.0)
    assert [found[number].ends_in_ms for number in range(10)] == [pytest.approx(10 * 22.0)] * 10


def test_pictures_that_are_decoded_together_share_what_a_chunk_costs() -> None:
    """Ten rows step together ten times; then three and two pictures are decoded in two chunks."""
    costs = COSTS.model_copy(update={"decode": StepCost(fixed_ms=10.0, row_ms=5.0, most_rows=4)})
    works = [RenderWork(prompt="a fox", num_inference_steps=10, pictures=count) for count in (3, 2)]
    jobs = [job(number, number, state=JobState.RUNNING, work=work) for number, work in enumerate(works)]
    found = forecast(FairQueue(), jobs, costs, Capacity())
    assert [found[number].ends_in_ms for number in (0, 1)] == [pytest.approx(10 * 10.0 + 2 * 10 + 5 * 5)] * 2
    alone = [costs.cost_ms(work) for work in works]
    assert alone == [pytest.approx(10 * 6 + 10 + 3 * 5), pytest.approx(10 * 4 + 10 + 2 * 5)]
    shares = [costs.share_ms(StepKind.DECODE, rows=rows, batch_rows=5) for rows in (3, 2)]
    assert sum(shares) == pytest.approx(costs.decode.ms(5))
    assert shares[0] == pytest.approx(1.5 * shares[1])


def test_picture_beside_a_creation_shares_the_engine() -> None:
    jobs = [job(1, create=True), job(2, owner_id=2)]
    found = forecast(queue_of(jobs), jobs, COSTS, ALONE)
    assert found[2].begins_in_ms == 0
    assert found[2].ends_in_ms == pytest.approx(PICTURE_MS * (1 + 1 / CREATION_WEIGHT))
    assert found[1].ends_in_ms == pytest.approx(100 * 50 + PICTURE_MS)


def test_evaluations_follow_one_another_beside_pictures() -> None:
    alone_ms = COSTS.cost_ms(EVALUATION)
    jobs = [job(1, work=EVALUATION), job(2, owner_id=2, work=EVALUATION), job(3, owner_id=3)]
    found = forecast(queue_of(jobs), jobs, COSTS, ALONE)
    assert found[3].ends_in_ms == pytest.approx(PICTURE_MS * (1 + 1 / CREATION_WEIGHT))
    assert found[1].ends_in_ms == pytest.approx(alone_ms + PICTURE_MS)
    assert found[2].begins_in_ms == pytest.approx(found[1].ends_in_ms)
    assert found[2].ends_in_ms == pytest.approx(2 * alone_ms + PICTURE_MS)


def test_more_owners_of_pictures_leave_a_creation_less() -> None:
    jobs = [job(1, create=True), job(2, owner_id=2), job(3, owner_id=3)]
    found = forecast(queue_of(jobs), jobs, COSTS, Capacity(renders=2, creations=1, guests=0))
    assert found[3].ends_in_ms == pytest.approx(2 * PICTURE_MS * (1 + 1 / (2 * CREATION_WEIGHT)))


def test_queue_is_left_as_it_is() -> None:
    jobs = [job(1), job(2)]
    queue = queue_of(jobs)
    forecast(queue, jobs, COSTS, ALONE)
    assert len(queue) == 2


def test_job_that_nobody_knows_holds_nothing_up() -> None:
    jobs = [job(1), job(2)]
    found = forecast(queue_of(jobs), jobs[1:], COSTS, ALONE)
    assert set(found) == {2}
    assert found[2].begins_in_ms == 0


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), max_size=25),
    st.integers(1, 4),
    st.integers(1, 2),
)
def test_every_job_ends_when_the_work_is_done(
    asked: list[tuple[int, bool, bool]], renders: int, creations: int
) -> None:
    jobs = [
        job(number, owner, create=create, state=JobState.RUNNING if running else JobState.QUEUED)
        for number, (owner, create, running) in enumerate(asked)
    ]
    found = forecast(queue_of(jobs), jobs, COSTS, Capacity(renders=renders, creations=creations))
    assert set(found) == {one.id for one in jobs}
    assert all(one.begins_in_ms <= one.ends_in_ms for one in found.values())
    positions = sorted(one.position for one in found.values() if one.position)
    assert positions == list(range(1, len(positions) + 1))
    # With no fixed costs the engine is never idle, so the last job ends when all work is done.
    work_ms = sum(COSTS.cost_ms(one.work) for one in jobs)
    assert max((one.ends_in_ms for one in found.values()), default=0.0) == pytest.approx(work_ms)
