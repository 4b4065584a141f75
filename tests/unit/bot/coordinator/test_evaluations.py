"""Evaluations: asked for by name, done by the engine, kept, and never lost."""

from pathlib import Path

import pytest

from bot.coordinator.desk import CreateRequest, EvaluateRequest
from bot.coordinator_errors import CharacterNotReadyError
from storage.errors import ProfileNotFoundError, RequestKeyTakenError
from synid_engine.serving.messages import EvaluateWork, Job, JobState, Result

from .engine import FIGURES, JOB_MS, LOOKS
from .support import House, house


def evaluation(key: str = "b", *, owner: int = 1) -> EvaluateRequest:
    return EvaluateRequest(request_key=key, owner_id=owner, name="NOVA")


async def made(at_work: House) -> None:
    """Have Nova made."""
    request = CreateRequest(request_key="a", owner_id=1, name="Nova", description="red hair")
    job = await at_work.opened.desk.create(request)
    await at_work.engine.heard()
    if not at_work.engine.at_once:
        at_work.engine.do(at_work.engine.working[job.id])
    await at_work.until(job.id, JobState.DELIVERED)


async def begun(at_work: House) -> Job:
    await made(at_work)
    job = await at_work.opened.desk.evaluate(evaluation())
    await at_work.engine.heard()
    return job


def portrait(at_work: House, job: Job) -> Path:
    assert isinstance(job.work, EvaluateWork)
    return at_work.engine.spool / f"{job.work.portrait}.png"


def removed(folder: Path, digest: str) -> int:
    """Remove every copy of a file, and count them."""
    found = [path for path in folder.rglob(f"{digest}*") if path.is_file()]
    for path in found:
        path.unlink()
    return len(found)


async def test_evaluation_is_of_the_character_and_brings_its_figures(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        job = await begun(at_work)
        done = await at_work.until(job.id, JobState.DELIVERED)
        [nova] = await at_work.opened.stores.characters.of_owner(1)
        assert nova.made is not None
        assert isinstance(done.work, EvaluateWork)
        assert (done.work.portrait, done.work.banks) == (nova.made.portrait, (nova.made.bank,))
        assert (done.work.character_ids, done.work.descriptions) == ((nova.id,), ("red hair",))
        assert done.result is not None
        assert (done.result.figures, done.result.looks) == (FIGURES, LOOKS)
        [sheet] = await at_work.opened.stores.images.of_job(job.id)
        assert (sheet.image, sheet.character_id) == (done.result.pictures[0].image, nova.id)
        assert done.engine_ms == JOB_MS
        assert (await at_work.opened.desk.evaluate(evaluation())).id == job.id
        with pytest.raises(RequestKeyTakenError):
            await at_work.submit("b")


async def test_engine_finds_the_portrait_while_it_has_the_job_and_no_longer(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        assert portrait(at_work, job).is_file()
        at_work.engine.do(at_work.engine.working[job.id])
        await at_work.until(job.id, JobState.DELIVERED)
        assert at_work.spooled() == []


async def test_cancelled_evaluation_leaves_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        cancelled = await at_work.opened.coordinator.cancel(job.id)
        assert cancelled.state is JobState.CANCELLED
        assert at_work.engine.stopped == [cancelled.lease]
        assert at_work.spooled() == []


async def test_evaluation_survives_a_restart_even_of_a_deleted_character(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        [nova] = await at_work.opened.stores.characters.of_owner(1)
        [drawn] = await at_work.opened.stores.images.of_owner(1, limit=9)
        await at_work.opened.stores.images.delete(drawn.id)
        await at_work.opened.stores.characters.delete(nova.id)
    async with house(tmp_path) as at_work:
        done = await at_work.until(job.id, JobState.DELIVERED)
        assert done.attempts == 1


async def test_evaluation_whose_portrait_is_gone_fails_with_a_reason(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        assert isinstance(job.work, EvaluateWork)
        digest = job.work.portrait
    assert removed(tmp_path, digest) > 0
    async with house(tmp_path) as at_work:
        while (await at_work.get(job.id)).state is JobState.QUEUED:
            await at_work.tick()
        failure = (await at_work.get(job.id)).failure
        assert failure is not None
        assert failure.reason == "MissingFileError"


@pytest.mark.parametrize("part", ["sheet", "figures"])
async def test_evaluation_that_is_not_whole_is_not_kept(tmp_path: Path, part: str) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        job = await begun(at_work)
        order = at_work.engine.working[job.id]
        whole = at_work.engine.result_of(order)
        left = Result(figures=FIGURES) if part == "sheet" else Result(pictures=whole.pictures)
        at_work.engine.finish(order, left)
        await at_work.engine.heard()
        lost = await at_work.get(job.id)
        assert lost.attempts == 1
        assert lost.failure is not None
        assert lost.failure.detail.endswith(f"it has no {part}")


async def test_costs_do_not_learn_from_an_evaluation(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        await made(at_work)
        schedule = at_work.opened.coordinator._parts.schedule
        before = schedule.costs
        job = await at_work.opened.desk.evaluate(evaluation())
        await at_work.until(job.id, JobState.DELIVERED)
        assert schedule.costs == before


async def test_nobody_elses_and_no_unfinished_character_is_evaluated(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        request = CreateRequest(request_key="a", owner_id=1, name="Nova", description="red hair")
        await at_work.opened.desk.create(request)
        with pytest.raises(CharacterNotReadyError):
            await at_work.opened.desk.evaluate(evaluation())
        with pytest.raises(ProfileNotFoundError):
            await at_work.opened.desk.evaluate(evaluation(owner=2))
