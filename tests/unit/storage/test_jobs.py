"""The ledger's contract, for the one in SQLite and the one in memory."""

from collections.abc import Awaitable, Callable

import pytest

from storage.errors import (
    JobNotFoundError,
    LeaseLostError,
    NotWaitingError,
    OwnerLimitError,
    QueueFullError,
    RequestKeyTakenError,
    ServerLimitError,
)
from storage.ledger import JobStore, QueueLimits
from synid_engine.errors import InvalidSettingError
from synid_engine.serving.messages import (
    Answer,
    Beat,
    Failure,
    Job,
    JobState,
    Lease,
    Picture,
    Question,
    Result,
)

from .stores import StillClock, Stores, submission

LIMITS = QueueLimits()
LOST = Failure(reason="EngineLostError")
QUESTION = Question(choices=("a" * 64, "b" * 64), checkpoint="c" * 64, default=1)
RESULT = Result(pictures=(Picture(image="d" * 64, thumbnail="e" * 64, seed=7),), scores={"likeness": 0.9})

Act = Callable[[JobStore, Lease], Awaitable[object]]


@pytest.fixture
def jobs(stores: Stores) -> JobStore:
    return stores.jobs


async def running(jobs: JobStore, key: str = "a") -> Job:
    submitted = await jobs.submit(submission(key), LIMITS)
    leased = await jobs.lease(submitted.id, engine="e1")
    assert leased is not None
    return await jobs.start(leased.lease)


async def waiting(jobs: JobStore, clock: StillClock) -> Job:
    job = await running(jobs)
    return await jobs.park(job.lease, QUESTION, deadline_at=clock.now + 60, engine_ms=500)


async def in_state(jobs: JobStore, clock: StillClock, state: JobState) -> Job:
    """Bring a new job into a state by the way that leads there."""
    if state is JobState.QUEUED:
        return await jobs.submit(submission(), LIMITS)
    if state is JobState.LEASED:
        leased = await jobs.lease((await jobs.submit(submission(), LIMITS)).id, engine="e1")
        assert leased is not None
        return leased
    if state is JobState.WAITING:
        return await waiting(jobs, clock)
    job = await running(jobs)
    if state is JobState.FAILED:
        return await jobs.fail(job.lease, LOST)
    if state in {JobState.STORED, JobState.DELIVERED}:
        job = await jobs.finish(job.lease, RESULT, engine_ms=900)
    if state is JobState.DELIVERED:
        return await jobs.mark_delivered(job.lease)
    return await jobs.cancel(job.id) if state is JobState.CANCELLED else job


async def test_submitted_job_is_queued_as_it_was_asked_for(jobs: JobStore, clock: StillClock) -> None:
    job = await jobs.submit(submission("a", owner=3, server=None, prompt="Zoë 🦊", weight=2.0), LIMITS)
    assert (job.owner_id, job.server_id, job.weight, job.state) == (3, None, 2.0, JobState.QUEUED)
    assert job.work == submission(prompt="Zoë 🦊").work
    assert (job.created_at, job.fence, job.attempts) == (clock.now, 0, 0)
    assert await jobs.get(job.id) == job
    assert await jobs.queued() == [job]


async def test_same_request_is_the_same_job(jobs: JobStore, clock: StillClock) -> None:
    first = await jobs.submit(submission("a"), LIMITS)
    clock.advance(5)
    assert await jobs.submit(submission("a"), LIMITS) == first
    assert await jobs.submit(submission("a", owner=2), LIMITS) != first


async def test_same_request_is_the_same_job_in_every_state(jobs: JobStore) -> None:
    job = await running(jobs)
    assert await jobs.submit(submission(), LIMITS) == job
    stored = await jobs.finish(job.lease, RESULT, engine_ms=1)
    assert await jobs.submit(submission(), LIMITS) == stored


async def test_request_key_cannot_stand_for_two_things(jobs: JobStore) -> None:
    first = await jobs.submit(submission("a"), LIMITS)
    with pytest.raises(RequestKeyTakenError) as caught:
        await jobs.submit(submission("a", prompt="a bear"), LIMITS)
    assert caught.value.job_id == first.id
    assert await jobs.queued() == [first]


async def test_owner_has_a_limit(jobs: JobStore) -> None:
    limits = QueueLimits(per_owner=2)
    for key in "ab":
        await jobs.submit(submission(key), limits)
    with pytest.raises(OwnerLimitError) as caught:
        await jobs.submit(submission("c"), limits)
    assert caught.value.limit == 2
    await jobs.submit(submission("c", owner=2), limits)


async def test_server_has_a_limit(jobs: JobStore) -> None:
    limits = QueueLimits(per_server=2)
    for owner in (1, 2):
        await jobs.submit(submission(owner=owner), limits)
    with pytest.raises(ServerLimitError):
        await jobs.submit(submission(owner=3), limits)
    for owner in (3, 4, 5):
        await jobs.submit(submission(owner=owner, server=None), limits)


async def test_full_queue_refuses(jobs: JobStore) -> None:
    limits = QueueLimits(in_all=2)
    for owner in (1, 2):
        await jobs.submit(submission(owner=owner, server=owner), limits)
    with pytest.raises(QueueFullError):
        await jobs.submit(submission(owner=3, server=3), limits)


async def test_request_repeated_at_the_limit_is_still_found(jobs: JobStore) -> None:
    limits = QueueLimits(per_owner=1, per_server=1, in_all=1)
    first = await jobs.submit(submission(), limits)
    assert await jobs.submit(submission(), limits) == first


async def test_waiting_job_counts_and_an_ended_one_does_not(jobs: JobStore, clock: StillClock) -> None:
    limits = QueueLimits(per_owner=1)
    job = await waiting(jobs, clock)
    with pytest.raises(OwnerLimitError):
        await jobs.submit(submission("b"), limits)
    await jobs.cancel(job.id)
    await jobs.submit(submission("b"), limits)


async def test_unknown_job_is_refused(jobs: JobStore) -> None:
    for act in (jobs.get, jobs.cancel):
        with pytest.raises(JobNotFoundError):
            await act(99)
    with pytest.raises(JobNotFoundError):
        await jobs.answer(Lease(job_id=99, fence=1), Answer(choice=0))
    assert await jobs.lease(99, engine="e1") is None


async def test_job_is_leased_to_one_engine_alone(jobs: JobStore, clock: StillClock) -> None:
    job = await jobs.submit(submission(), LIMITS)
    leased = await jobs.lease(job.id, engine="e1")
    assert leased is not None
    assert (leased.state, leased.fence, leased.leased_by) == (JobState.LEASED, 1, "e1")
    assert leased.heartbeat_at == clock.now
    assert await jobs.lease(job.id, engine="e2") is None
    assert await jobs.leased() == [leased]
    assert await jobs.queued() == []


async def test_job_goes_from_queue_to_delivery(jobs: JobStore, clock: StillClock) -> None:
    job = await running(jobs)
    assert job.state is JobState.RUNNING
    stored = await jobs.finish(job.lease, RESULT, engine_ms=1200)
    assert (stored.state, stored.result, stored.engine_ms, stored.progress) == (
        JobState.STORED,
        RESULT,
        1200,
        1,
    )
    assert stored.leased_by == ""
    assert await jobs.untold() == [stored]
    clock.advance(2)
    delivered = await jobs.mark_delivered(stored.lease)
    assert (delivered.state, delivered.told_at) == (JobState.DELIVERED, clock.now)
    assert await jobs.untold() == []


async def test_second_delivery_changes_nothing(jobs: JobStore, clock: StillClock) -> None:
    delivered = await in_state(jobs, clock, JobState.DELIVERED)
    clock.advance(9)
    again = await jobs.mark_delivered(delivered.lease)
    assert (again.state, again.told_at) == (JobState.DELIVERED, delivered.told_at)


async def test_failure_stays_failed_when_it_has_been_told(jobs: JobStore, clock: StillClock) -> None:
    failed = await in_state(jobs, clock, JobState.FAILED)
    assert failed.failure == LOST
    assert await jobs.untold() == [failed]
    told = await jobs.mark_delivered(failed.lease)
    assert (told.state, told.told_at) == (JobState.FAILED, clock.now)
    assert await jobs.untold() == []


ACTS: dict[str, Act] = {
    "start": lambda jobs, lease: jobs.start(lease),
    "checkpoint": lambda jobs, lease: jobs.checkpoint(lease, "c" * 64),
    "park": lambda jobs, lease: jobs.park(lease, QUESTION, deadline_at=0, engine_ms=0),
    "release": lambda jobs, lease: jobs.release(lease, engine_ms=0),
    "requeue": lambda jobs, lease: jobs.requeue(lease, LOST),
    "finish": lambda jobs, lease: jobs.finish(lease, RESULT, engine_ms=0),
    "fail": lambda jobs, lease: jobs.fail(lease, LOST),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_old_fencing_token_changes_nothing(jobs: JobStore, act: Act) -> None:
    old = await running(jobs)
    await jobs.release(old.lease, engine_ms=0)
    new = await jobs.lease(old.id, engine="e2")
    assert new is not None
    with pytest.raises(LeaseLostError) as caught:
        await act(jobs, old.lease)
    assert (caught.value.job_id, caught.value.fence) == (old.id, old.fence)
    assert await jobs.get(old.id) == new


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize(
    "state",
    [
        JobState.QUEUED,
        JobState.WAITING,
        JobState.STORED,
        JobState.DELIVERED,
        JobState.FAILED,
        JobState.CANCELLED,
    ],
)
async def test_token_is_void_unless_the_job_is_held(
    jobs: JobStore, clock: StillClock, state: JobState, act: Act
) -> None:
    job = await in_state(jobs, clock, state)
    with pytest.raises(LeaseLostError):
        await act(jobs, job.lease)
    assert await jobs.get(job.id) == job


@pytest.mark.parametrize("state", [*JobState])
async def test_cancel_works_in_every_state(jobs: JobStore, clock: StillClock, state: JobState) -> None:
    job = await in_state(jobs, clock, state)
    cancelled = await jobs.cancel(job.id)
    if state in {JobState.DELIVERED, JobState.FAILED}:
        assert cancelled.state is state
    else:
        assert cancelled.state is JobState.CANCELLED
        assert await jobs.heartbeat([Beat(lease=job.lease)]) == []
        with pytest.raises(LeaseLostError):
            await jobs.mark_delivered(job.lease)
    assert (await jobs.cancel(job.id)).state is cancelled.state
    assert await jobs.queued() == await jobs.leased() == []
    assert await jobs.expire_questions() == []


async def test_heartbeat_renews_the_leases_that_are_still_good(jobs: JobStore, clock: StillClock) -> None:
    good, lost = await running(jobs, "a"), await running(jobs, "b")
    await jobs.cancel(lost.id)
    clock.advance(10)
    beats = [
        Beat(lease=lost.lease, engine_ms=10),
        Beat(lease=good.lease, engine_ms=300, progress=0.5),
        Beat(lease=Lease(job_id=good.id, fence=9)),
        Beat(lease=Lease(job_id=99, fence=1)),
    ]
    assert await jobs.heartbeat(beats) == [good.lease]
    renewed = await jobs.get(good.id)
    assert (renewed.heartbeat_at, renewed.engine_ms, renewed.progress) == (clock.now, 300, 0.5)
    assert await jobs.heartbeat([]) == []


async def test_repeated_and_late_heartbeats_charge_nothing_twice(jobs: JobStore) -> None:
    job = await running(jobs)
    for spent in (300, 300, 100):
        await jobs.heartbeat([Beat(lease=job.lease, engine_ms=spent)])
    assert (await jobs.get(job.id)).engine_ms == 300
    assert (await jobs.finish(job.lease, RESULT, engine_ms=250)).engine_ms == 300


async def test_engine_time_of_all_leases_adds_up(jobs: JobStore) -> None:
    job = await running(jobs)
    await jobs.release(job.lease, engine_ms=400)
    again = await jobs.lease(job.id, engine="e1")
    assert again is not None
    assert (again.past_ms, again.lease_ms) == (400, 0)
    await jobs.heartbeat([Beat(lease=again.lease, engine_ms=100)])
    assert (await jobs.get(job.id)).engine_ms == 500


async def test_stale_lease_goes_back_in_the_queue_once(jobs: JobStore, clock: StillClock) -> None:
    silent, alive = await running(jobs, "a"), await running(jobs, "b")
    clock.advance(31)
    await jobs.heartbeat([Beat(lease=alive.lease)])
    stale = await jobs.requeue_stale(stale_before=clock.now - 30, failure=LOST)
    assert [(job.id, job.state, job.attempts) for job in stale] == [(silent.id, JobState.QUEUED, 1)]
    assert await jobs.requeue_stale(stale_before=clock.now - 30, failure=LOST) == []
    assert (await jobs.get(alive.id)).state is JobState.RUNNING


async def test_third_lost_attempt_fails_with_its_reason(jobs: JobStore, clock: StillClock) -> None:
    job = await running(jobs)
    for attempt in (1, 2, 3):
        clock.advance(31)
        [job] = await jobs.requeue_stale(
            stale_before=clock.now, failure=Failure(reason="EngineLostError", detail=str(attempt))
        )
        assert job.attempts == attempt
        again = await jobs.lease(job.id, engine="e1")
        assert (again is None) == (attempt == 3)
    assert job.state is JobState.FAILED
    assert job.failure == Failure(reason="EngineLostError", detail="3")
    assert await jobs.untold() == [job]


async def test_failed_attempts_count_and_returned_leases_do_not(jobs: JobStore) -> None:
    job = await running(jobs)
    for _ in range(5):
        await jobs.release(job.lease, engine_ms=0)
        again = await jobs.lease(job.id, engine="e1")
        assert again is not None
        job = again
    for expected in (JobState.QUEUED, JobState.QUEUED, JobState.FAILED):
        job = await jobs.requeue(job.lease, LOST)
        assert job.state is expected
        job = await jobs.lease(job.id, engine="e1") or job


async def test_success_forgets_why_an_earlier_attempt_broke_off(jobs: JobStore) -> None:
    job = await running(jobs)
    assert (await jobs.requeue(job.lease, LOST)).failure == LOST
    again = await jobs.lease(job.id, engine="e1")
    assert again is not None
    assert (await jobs.finish(again.lease, RESULT, engine_ms=1)).failure is None


async def test_checkpoint_survives_a_lost_attempt(jobs: JobStore) -> None:
    job = await running(jobs)
    await jobs.checkpoint(job.lease, "f" * 64)
    assert (await jobs.requeue(job.lease, LOST)).checkpoint == "f" * 64


async def test_parked_job_gives_its_lease_back_and_is_not_charged(jobs: JobStore, clock: StillClock) -> None:
    job = await waiting(jobs, clock)
    assert (job.state, job.question, job.checkpoint) == (JobState.WAITING, QUESTION, "c" * 64)
    assert (job.leased_by, job.heartbeat_at, job.attempts) == ("", None, 0)
    clock.advance(3600)
    assert await jobs.requeue_stale(stale_before=clock.now, failure=LOST) == []
    assert (await jobs.get(job.id)).engine_ms == 500


async def test_waiting_jobs_are_found_while_they_wait(jobs: JobStore, clock: StillClock) -> None:
    job = await waiting(jobs, clock)
    await running(jobs, "b")
    assert await jobs.waiting() == [job]
    await jobs.answer(job.lease, Answer(choice=0))
    assert await jobs.waiting() == []


async def test_request_leads_to_its_job(jobs: JobStore) -> None:
    job = await jobs.submit(submission("a", owner=1), LIMITS)
    await jobs.submit(submission("a", owner=2), LIMITS)
    assert await jobs.of_request(1, "a") == job
    assert await jobs.of_request(1, "b") is None
    assert await jobs.of_request(3, "a") is None


async def test_answer_puts_a_job_back_in_the_queue(jobs: JobStore, clock: StillClock) -> None:
    job = await waiting(jobs, clock)
    answered = await jobs.answer(job.lease, Answer(choice=0))
    assert (answered.state, answered.answer, answered.deadline_at) == (
        JobState.QUEUED,
        Answer(choice=0),
        None,
    )
    with pytest.raises(NotWaitingError):
        await jobs.answer(job.lease, Answer(choice=1))
    clock.advance(3600)
    assert await jobs.expire_questions() == []
    again = await jobs.lease(job.id, engine="e1")
    assert again is not None
    assert again.answer == Answer(choice=0)


async def test_late_answer_reaches_no_later_question(jobs: JobStore, clock: StillClock) -> None:
    first = await waiting(jobs, clock)
    await jobs.answer(first.lease, Answer(choice=0))
    again = await jobs.lease(first.id, engine="e1")
    assert again is not None
    second = await jobs.park(again.lease, QUESTION, deadline_at=clock.now + 60, engine_ms=0)
    assert second.answer is None
    with pytest.raises(NotWaitingError):
        await jobs.answer(first.lease, Answer(choice=1))
    assert (await jobs.answer(second.lease, Answer(choice=1))).answer == Answer(choice=1)


async def test_choice_that_was_not_offered_is_refused(jobs: JobStore, clock: StillClock) -> None:
    job = await waiting(jobs, clock)
    with pytest.raises(InvalidSettingError):
        await jobs.answer(job.lease, Answer(choice=2))
    assert await jobs.get(job.id) == job


async def test_question_that_nobody_answers_takes_its_default(jobs: JobStore, clock: StillClock) -> None:
    job = await waiting(jobs, clock)
    clock.advance(59)
    assert await jobs.expire_questions() == []
    clock.advance(1)
    [expired] = await jobs.expire_questions()
    assert (expired.id, expired.state) == (job.id, JobState.QUEUED)
    assert expired.answer == Answer(choice=1, timed_out=True)


async def test_owner_sees_the_newest_jobs_first(jobs: JobStore) -> None:
    ids = [(await jobs.submit(submission(key), LIMITS)).id for key in "abc"]
    await jobs.submit(submission(owner=2), LIMITS)
    assert [job.id for job in await jobs.of_owner(1, limit=2)] == [ids[2], ids[1]]


async def test_ended_and_told_jobs_can_be_forgotten(jobs: JobStore, clock: StillClock) -> None:
    delivered = await in_state(jobs, clock, JobState.DELIVERED)
    stored = await jobs.finish((await running(jobs, "b")).lease, RESULT, engine_ms=1)
    untold = await jobs.fail((await running(jobs, "c")).lease, LOST)
    cancelled = await jobs.cancel((await jobs.submit(submission("d"), LIMITS)).id)
    assert await jobs.forget(before=clock.now) == []
    clock.advance(1)
    assert await jobs.forget(before=clock.now) == [delivered.id, cancelled.id]
    assert await jobs.untold() == [stored, untold]
    assert (await jobs.submit(submission("e"), LIMITS)).id > cancelled.id
