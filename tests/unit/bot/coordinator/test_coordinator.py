"""What the coordinator does with jobs, reports and engines; a crash at every point is in `test_crashes`."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

import storage.content
from bot.coordinator.client import (
    PlaceChanged,
    PreviewDrawn,
    ProgressMade,
    QuestionAsked,
    TroubleMet,
)
from bot.coordinator.desk import CreateRequest
from bot.coordinator.opening import open_coordinator
from storage.errors import (
    CoordinatorRunningError,
    DiskFullError,
    JobNotFoundError,
    NotWaitingError,
    UnwritableError,
)
from storage.profiles import ProfileStore
from synid_engine.errors import InvalidSettingError
from synid_engine.serving.messages import (
    Answer,
    CreateWork,
    Job,
    JobState,
    Lease,
    Question,
    Result,
    Submission,
)
from synid_engine.serving.orders import Assign
from synid_engine.serving.reports import Asked, Checkpointed, Previewed, Progressed, Started

from .engine import JOB_MS, InProcessEngine
from .support import House, config, house, states


def order_of(at_work: House, job_id: int) -> Assign:
    return at_work.engine.working[job_id]


async def begun(at_work: House, key: str = "a", *, owner: int = 1) -> Job:
    """Submit a job that the engine begins, and does not end by itself."""
    job = await at_work.submit(key, owner=owner)
    at_work.engine.say(Started(lease=order_of(at_work, job.id).lease))
    await at_work.engine.heard()
    return await at_work.get(job.id)


async def asked(at_work: House) -> Job:
    work = CreateWork(character_id=await draft(at_work), identity="red hair", ask=True)
    submission = Submission(request_key="nova", owner_id=1, work=work)
    job = await at_work.opened.coordinator.submit(submission)
    at_work.engine.ask(order_of(at_work, job.id))
    await at_work.engine.heard()
    return await at_work.get(job.id)


async def draft(at_work: House) -> int:
    added = await at_work.opened.stores.characters.add(owner_id=1, name="Nova", description="red hair")
    return added.id


async def test_owners_are_served_in_turn(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False, settings=config(renders=1)) as at_work:
        heavy = [(await at_work.submit(key, owner=1)).id for key in "abc"]
        light = (await at_work.submit("d", owner=2)).id
        for _ in range(4):
            [order] = at_work.engine.working.values()
            at_work.engine.finish(order)
            await at_work.engine.heard()
        assert at_work.engine.assigned == [heavy[0], light, heavy[1], heavy[2]]


async def test_engine_gets_no_more_than_it_takes(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False, settings=config(renders=2)) as at_work:
        jobs = [await at_work.submit(key) for key in "abc"]
        assert at_work.engine.assigned == [job.id for job in jobs[:2]]
        assert (await at_work.opened.coordinator.health()).queued == 1


async def test_nothing_is_given_to_an_engine_that_is_not_ready(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        at_work.engine.die()
        await at_work.engine.heard()
        job = await at_work.submit()
        assert (await at_work.get(job.id)).state is JobState.QUEUED
        at_work.engine.come_up()
        await at_work.engine.heard()
        assert at_work.engine.assigned == [job.id]


async def test_job_that_no_engine_could_be_given_waits_without_a_lost_attempt(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        at_work.engine.is_up = False  # and nobody has heard of it
        job = await at_work.submit()
        present = await at_work.get(job.id)
        assert (present.state, present.attempts) == (JobState.QUEUED, 0)


async def test_finished_job_is_stored_with_its_pictures_and_delivered(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        job = await at_work.submit(pictures=2)
        delivered = await at_work.until(job.id, JobState.DELIVERED)
        assert delivered.result is not None
        images = await at_work.opened.stores.images.of_job(job.id)
        assert [one.image for one in images] == [one.image for one in delivered.result.pictures]
        assert await at_work.opened.stores.images.read(images[1].image)
        assert [one.id for one in at_work.mail.told] == [job.id]
        [usage] = await at_work.opened.stores.usage.of_owner(1, since=0.0)
        assert (usage.jobs, usage.engine_ms) == (1, JOB_MS)
        assert at_work.spooled() == []


async def test_creation_makes_its_character_ready(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await asked(at_work)
        await at_work.opened.coordinator.answer(job.id, 1)
        at_work.engine.finish(order_of(at_work, job.id))
        done = await at_work.until(job.id, JobState.DELIVERED)
        [character] = await at_work.opened.stores.characters.of_owner(1)
        assert character.made is not None
        assert done.result is not None
        assert (character.made.bank, character.made.scores) == (
            done.result.bank,
            {"identity": 0.9, "nsfw": 0.02},
        )
        assert character.made.portrait == done.result.pictures[0].image
        assert at_work.spooled() == []


async def test_answer_reaches_the_engine_with_the_checkpoint(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await asked(at_work)
        assert job.state is JobState.WAITING
        assert job.id not in at_work.engine.working
        await at_work.opened.coordinator.answer(job.id, 3, fence=job.fence)
        order = order_of(at_work, job.id)
        assert (order.answer, order.checkpoint) == (Answer(choice=3), job.checkpoint)


async def test_question_that_nobody_answers_takes_its_default(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await asked(at_work)
        at_work.engine.beat()
        await at_work.tick(after_s=899)
        assert (await at_work.get(job.id)).state is JobState.WAITING
        at_work.engine.beat()
        await at_work.tick(after_s=1)
        at_work.engine.beat()
        await at_work.engine.heard()
        assert order_of(at_work, job.id).answer == Answer(choice=2, timed_out=True)


async def test_wrong_answers_are_refused(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job, client = await asked(at_work), at_work.opened.coordinator
        for choice in (-1, 4, 10**30):
            with pytest.raises(InvalidSettingError):
                await client.answer(job.id, choice)
        with pytest.raises(NotWaitingError):
            await client.answer(job.id, 1, fence=job.fence - 1)
        with pytest.raises(JobNotFoundError):
            await client.answer(job.id + 1, 1)
        await client.answer(job.id, 1)
        with pytest.raises(NotWaitingError):
            await client.answer(job.id, 2)


async def test_leased_and_running_jobs_are_cancelled_in_the_engine(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        leased, running = await at_work.submit("a"), await begun(at_work, "b")
        late = [order_of(at_work, job.id) for job in (leased, running)]
        for job in (leased, running):
            cancelled = await at_work.opened.coordinator.cancel(job.id)
            assert cancelled.state is JobState.CANCELLED
        assert at_work.engine.stopped == [order.lease for order in late]
        for order in late:  # it was faster than the order to stop
            at_work.engine.finish(order)
        await at_work.engine.heard()
        for job in (leased, running):
            assert (await at_work.get(job.id)).state is JobState.CANCELLED
            assert await at_work.opened.stores.images.of_job(job.id) == []


async def test_queued_and_waiting_jobs_are_cancelled(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False, settings=config(renders=1)) as at_work:
        waiting = await asked(at_work)
        await at_work.submit("a")
        queued = await at_work.submit("b")
        for job in (queued, waiting):
            assert (await at_work.opened.coordinator.cancel(job.id)).state is JobState.CANCELLED
        assert at_work.spooled() == []
        [character] = await at_work.opened.stores.characters.of_owner(1)
        assert character.state == "failed"
        assert at_work.engine.stopped == []


async def test_stored_job_is_cancelled_with_its_pictures_and_told_to_nobody(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        at_work.mail.is_down = True
        job = await at_work.submit()
        assert (await at_work.get(job.id)).state is JobState.STORED
        assert (await at_work.opened.coordinator.cancel(job.id)).state is JobState.CANCELLED
        assert await at_work.opened.stores.images.of_job(job.id) == []
        assert at_work.mail.told == []


async def test_job_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        good, bad = await at_work.submit("a"), await at_work.submit("b")
        at_work.engine.finish(order_of(at_work, good.id))
        at_work.engine.break_off(order_of(at_work, bad.id), retryable=False)
        await at_work.until(good.id, JobState.DELIVERED)
        await at_work.until(bad.id, JobState.FAILED)
        assert (await at_work.opened.coordinator.cancel(good.id)).state is JobState.DELIVERED
        assert (await at_work.opened.coordinator.cancel(bad.id)).state is JobState.FAILED


async def test_reports_that_come_twice_or_late_change_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        old = order_of(at_work, job.id)
        at_work.engine.break_off(old, retryable=True)
        await at_work.engine.heard()
        new = order_of(at_work, job.id)
        assert new.lease.fence == old.lease.fence + 1
        for report in (Started(lease=old.lease), Checkpointed(lease=old.lease, checkpoint="f" * 64)):
            at_work.engine.say(report)
        at_work.engine.break_off(old, retryable=False)
        at_work.engine.finish(old)
        await at_work.engine.heard()
        present = await at_work.get(job.id)
        assert (present.state, present.attempts, present.checkpoint) == (JobState.LEASED, 1, None)
        report = at_work.engine.finish(new)
        at_work.engine.say(report)
        at_work.engine.say(report)
        await at_work.until(job.id, JobState.DELIVERED)
        await at_work.engine.heard()
        assert len(await at_work.opened.stores.images.of_job(job.id)) == 1
        [usage] = await at_work.opened.stores.usage.of_owner(1, since=0.0)
        assert usage.engine_ms == 2 * JOB_MS


async def test_lost_engine_gives_its_jobs_back_and_the_third_loss_is_the_last(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        for attempt in (1, 2, 3):
            assert order_of(at_work, job.id).lease.fence == attempt
            at_work.engine.die("signal 9")
            at_work.engine.come_up()
            await at_work.engine.heard()
        failed = await at_work.until(job.id, JobState.FAILED)
        assert failed.failure is not None
        assert failed.failure.reason == "EngineLostError"
        assert "signal 9" in failed.failure.detail
        other = await at_work.submit("b")
        assert list(at_work.engine.working) == [other.id]


async def test_job_that_kills_engines_takes_no_neighbour_with_it(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        innocent, killer = await at_work.submit("a"), await at_work.submit("b", owner=2)
        for _ in range(8):
            if killer.id in at_work.engine.working:
                at_work.engine.die()
                at_work.engine.come_up()
            elif at_work.engine.working:
                at_work.engine.finish(order_of(at_work, innocent.id))
            await at_work.engine.heard()
        await at_work.until(innocent.id, JobState.DELIVERED)
        await at_work.until(killer.id, JobState.FAILED)


async def test_silent_job_is_taken_back_and_no_silent_engine_gets_more(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        at_work.engine.is_stuck = True
        await at_work.tick(after_s=31)
        present = await at_work.get(job.id)
        assert (present.state, present.attempts) == (JobState.QUEUED, 1)
        assert at_work.engine.stopped == [job.lease]
        at_work.engine.beat()
        await at_work.engine.heard()
        assert order_of(at_work, job.id).lease.fence == job.fence + 1


async def test_beats_keep_leases_and_void_ones_are_stopped(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        void = Lease(job_id=job.id, fence=job.fence - 1)
        for _ in range(3):
            at_work.clock.now += 20
            at_work.engine.beat(job.lease, void)
            await at_work.tick()
        assert (await at_work.get(job.id)).state is JobState.RUNNING
        assert (await at_work.get(job.id)).lease_ms == JOB_MS / 2
        assert at_work.engine.stopped == [void] * 3


async def test_job_that_is_handed_back_waits_for_the_next_tick_unharmed(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        at_work.engine.hand_back(order_of(at_work, job.id))
        await at_work.engine.heard()
        present = await at_work.get(job.id)
        assert (present.state, present.attempts) == (JobState.QUEUED, 0)
        await at_work.tick()
        assert order_of(at_work, job.id).lease.fence == job.fence + 1


async def test_newer_checkpoint_takes_the_place_of_the_older_file(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        for name in ("one", "two"):
            newest = at_work.engine.checkpoint(order_of(at_work, job.id), name)
        at_work.engine.say(Checkpointed(lease=job.lease, checkpoint="f" * 64))  # there is no such file
        await at_work.engine.heard()
        assert (await at_work.get(job.id)).checkpoint == newest
        assert at_work.spooled() == [f"{newest}.safetensors"]
        at_work.engine.die()
        at_work.engine.come_up()
        await at_work.engine.heard()
        assert order_of(at_work, job.id).checkpoint == newest


async def test_what_nobody_was_told_of_goes_when_those_at_work_then_have_ended(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        at_work.engine.keep("of a job that was cancelled")
        await at_work.tick()
        await at_work.tick()
        assert len(at_work.spooled()) == 1  # it could be of the job at work
        at_work.engine.finish(order_of(at_work, job.id))
        await at_work.until(job.id, JobState.DELIVERED)
        later = await at_work.submit("b")
        await at_work.tick()
        await at_work.tick()
        assert at_work.spooled() == []
        assert order_of(at_work, later.id).lease.job_id == later.id


async def test_what_a_job_at_work_has_not_reported_yet_stays(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        await at_work.tick()
        result = at_work.engine.result_of(order_of(at_work, job.id))
        for _ in range(3):
            await at_work.tick()
        at_work.engine.finish(order_of(at_work, job.id), result)
        await at_work.until(job.id, JobState.DELIVERED)


async def test_file_written_again_since_it_was_found_stays(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        at_work.engine.keep("picture")
        await at_work.tick()
        job = await begun(at_work)
        digest = at_work.engine.keep("picture")
        await at_work.tick()
        assert at_work.spooled() == [f"{digest}.png"]
        assert order_of(at_work, job.id)


async def test_files_of_a_job_stay_while_its_twin_is_at_work(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        asking = [
            await at_work.opened.desk.create(
                CreateRequest(
                    request_key=name, owner_id=1, name=name, description="red hair", seed=3, ask=True
                )
            )
            for name in ("Nova", "Luna")
        ]
        first, second = (order_of(at_work, job.id) for job in asking)
        checkpoint, choice = at_work.engine.keep("anchors", ".safetensors"), at_work.engine.keep("choice")
        question = Question(choices=(choice,), checkpoint=checkpoint)
        at_work.engine.say(Asked(lease=first.lease, question=question, engine_ms=1.0))
        await at_work.until(first.lease.job_id, JobState.WAITING)
        await at_work.opened.coordinator.cancel(first.lease.job_id)
        at_work.engine.say(Asked(lease=second.lease, question=question, engine_ms=1.0))
        await at_work.until(second.lease.job_id, JobState.WAITING)
        await at_work.opened.coordinator.cancel(second.lease.job_id)
        assert at_work.spooled() == []


async def test_job_that_found_no_room_is_tried_again_at_the_next_tick(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        at_work.engine.break_off(order_of(at_work, job.id), retryable=True, reason="TensorWriteError")
        await at_work.engine.heard()
        present = await at_work.get(job.id)
        assert (present.state, present.attempts) == (JobState.QUEUED, 1)
        await at_work.tick()
        assert order_of(at_work, job.id).lease.fence == job.fence + 1


@pytest.mark.parametrize(
    "error", [DiskFullError(path=Path("x")), UnwritableError(path=Path("x"), reason="y")]
)
async def test_full_or_read_only_disk_costs_attempts_and_not_the_coordinator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: DiskFullError | UnwritableError
) -> None:
    def refuse(_path: Path, _data: bytes) -> None:
        raise error

    async with house(tmp_path) as at_work:
        with monkeypatch.context() as broken:
            broken.setattr(storage.content, "write_whole", refuse)
            with at_work.opened.coordinator._parts.live.mailbox(1) as mailbox:
                job = await at_work.submit()
                told = await mailbox.take()
            failed = await at_work.until(job.id, JobState.FAILED)
        assert isinstance(told, TroubleMet)
        assert failed.failure == told.failure
        assert told.failure.reason == type(error).__name__
        other = await at_work.submit("b")
        await at_work.until(other.id, JobState.DELIVERED)


async def test_result_that_is_not_whole_is_a_lost_attempt(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        at_work.engine.finish(order_of(at_work, job.id), Result())
        await at_work.engine.heard()
        present = await at_work.get(job.id)
        assert present.failure is not None
        assert (present.attempts, present.failure.reason) == (1, "IncompleteResultError")
        result = at_work.engine.result_of(order_of(at_work, job.id))
        for path in at_work.engine.spool.iterdir():
            path.write_bytes(b"other bytes")
        at_work.engine.finish(order_of(at_work, job.id), result)
        await at_work.engine.heard()
        present = await at_work.get(job.id)
        assert present.failure is not None
        assert (present.attempts, present.failure.reason) == (2, "DamagedFileError")


async def test_creation_whose_character_is_gone_fails(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await asked(at_work)
        await at_work.opened.coordinator.answer(job.id, 1)
        [character] = await at_work.opened.stores.characters.of_owner(1)
        await at_work.opened.stores.characters.delete(character.id)
        at_work.engine.finish(order_of(at_work, job.id))
        failed = await at_work.until(job.id, JobState.FAILED)
        assert failed.failure is not None
        assert failed.failure.reason == "CharacterNotFoundError"


async def test_delivery_that_fails_is_tried_again_even_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        at_work.mail.is_down = True
        job = await at_work.submit()
        assert (await at_work.get(job.id)).state is JobState.STORED
    async with house(tmp_path) as at_work:
        await at_work.until(job.id, JobState.DELIVERED)
        assert [one.id for one in at_work.mail.told] == [job.id]
        assert at_work.engine.assigned == []
        assert at_work.spooled() == []
    async with house(tmp_path) as at_work:
        assert at_work.mail.told == []


async def test_drain_hands_back_and_the_next_life_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        await at_work.opened.coordinator.drain()
        await at_work.opened.coordinator.ended()
        present = await at_work.get(job.id)
        assert (present.state, present.attempts) == (JobState.QUEUED, 0)
    async with house(tmp_path) as at_work:
        await at_work.until(job.id, JobState.DELIVERED)


async def test_lease_of_a_former_life_is_a_lost_attempt(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        (at_work.engine.spool / "of-nobody.png").write_bytes(b"x")
    async with house(tmp_path, at_once=False) as at_work:
        present = await at_work.get(job.id)
        assert (present.attempts, present.fence) == (1, job.fence + 1)
        assert at_work.spooled() == []


async def test_second_coordinator_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path):
        with pytest.raises(CoordinatorRunningError):
            async with open_coordinator(tmp_path, InProcessEngine(tmp_path)):
                pass


async def test_watcher_is_told_the_present_and_then_what_happens(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        order = order_of(at_work, job.id)
        at_work.engine.say(
            Progressed(lease=order.lease, stage="denoise", fraction=0.5, progress=0.4, engine_ms=50.0)
        )
        at_work.engine.say(Previewed(lease=order.lease, index=0, image=at_work.engine.keep("small")))
        await at_work.engine.heard()
        events = at_work.opened.coordinator.events(job.id)
        present = [await anext(events) for _ in range(4)]
        assert [type(event) for event in present[:3]] == [ProgressMade, PreviewDrawn, PlaceChanged]
        assert states(present) == [JobState.RUNNING]
        assert present[2] == present[2].model_copy(update={"position": 0, "begins_in_s": 0.0})
        at_work.engine.finish(order)
        await at_work.until(job.id, JobState.DELIVERED)
        assert states([event async for event in events])[-1] is JobState.DELIVERED
        assert at_work.spooled() == []


async def test_watcher_of_a_waiting_job_is_told_its_question(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await asked(at_work)
        events = at_work.opened.coordinator.events(job.id)
        question = await anext(events)
        assert isinstance(question, QuestionAsked)
        assert (question.fence, question.question) == (job.fence, job.question)
        await events.aclose()


async def test_watcher_of_a_queued_job_is_told_its_place(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False, settings=config(renders=1)) as at_work:
        first, second, third = [await at_work.submit(key) for key in "abc"]
        events = at_work.opened.coordinator.events(third.id)
        place = await anext(events)
        assert isinstance(place, PlaceChanged)
        assert place.position == 2
        assert 0.0 < place.begins_in_s < place.ends_in_s
        await anext(events)
        at_work.engine.finish(order_of(at_work, first.id))
        await at_work.engine.heard()
        await at_work.tick()
        place = await anext(events)
        assert isinstance(place, PlaceChanged)
        assert place.position == 1
        assert second.id in at_work.engine.working
        await at_work.tick()  # nothing has changed, and nothing is told
        at_work.opened.coordinator._parts.live.close()
        assert [event async for event in events] == []
        await events.aclose()


async def test_watching_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        with pytest.raises(JobNotFoundError):
            await at_work.all_events(3)


async def test_job_that_had_the_engine_to_itself_corrects_the_costs(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        before = at_work.opened.coordinator._parts.schedule.costs
        job = await begun(at_work)
        at_work.engine.finish(order_of(at_work, job.id), engine_ms=100_000.0)
        await at_work.until(job.id, JobState.DELIVERED)
        after = at_work.opened.coordinator._parts.schedule.costs
        assert after.denoise.row_ms > before.denoise.row_ms
        assert after.train == before.train


async def test_health_says_what_the_engine_said(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        await at_work.submit()
        await at_work.tick()
        health = await at_work.opened.coordinator.health()
        assert (health.is_ready, health.model_id, health.in_engine) == (True, "tiny", 1)
        assert health.engine is not None
        at_work.engine.die()
        await at_work.engine.heard()
        assert not (await at_work.opened.coordinator.health()).is_ready


async def test_characters_that_were_made_as_folders_are_adopted(tmp_path: Path) -> None:
    with ProfileStore(tmp_path).put("Nova") as folder:
        (folder / "bank.safetensors").write_bytes(save({"keys": np.ones(4, np.float16)}))
        (folder / "portrait.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        fields = {"name": "Nova", "description": "red hair", "model_hash": "a" * 64}
        (folder / "profile.json").write_text(json.dumps(fields))
    for _ in range(2):
        async with house(tmp_path) as at_work:
            [character] = await at_work.opened.stores.characters.of_owner(0)
            assert (character.name, character.state) == ("Nova", "ready")
