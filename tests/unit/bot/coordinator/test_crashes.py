"""The coordinator is stopped before every single statement and every file that it writes or removes."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

import storage.content
from bot.coordinator.desk import CreateRequest
from bot.coordinator.spool import Spool
from storage.characters import CharacterState
from storage.database import Database, Row, Value
from storage.diagnosis import diagnose
from synid_engine.serving.messages import JobKind, JobState

from .support import House, house


class CrashError(BaseException):
    """The process is gone."""


class Fuse:
    """Burns through at one operation; from then on nothing is written any more."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.spent = 0

    def __call__(self) -> None:
        self.spent += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise CrashError


@pytest.fixture
def fuse(monkeypatch: pytest.MonkeyPatch) -> Fuse:
    made = Fuse()
    fetch, write, remove = Database.fetch, storage.content.write_whole, Spool._remove

    async def fetch_or_crash(
        self: Database, statement: str, parameters: dict[str, Value] | None = None
    ) -> list[Row]:
        made()
        return await fetch(self, statement, parameters)

    def write_or_crash(path: Path, data: bytes) -> None:
        made()
        write(path, data)

    def remove_or_crash(self: Spool, digests: Iterable[str]) -> None:
        made()
        remove(self, list(digests))

    monkeypatch.setattr(Database, "fetch", fetch_or_crash)
    monkeypatch.setattr(storage.content, "write_whole", write_or_crash)
    monkeypatch.setattr(Spool, "_remove", remove_or_crash)
    return made


async def ask_for_everything(at_work: House) -> None:
    """Ask again for what was asked for before, answer what is asked, and wait until all of it is told."""
    request = CreateRequest(request_key="nova", owner_id=1, name="Nova", description="red hair", ask=True)
    creation = await at_work.opened.desk.create(request)
    renders = [await at_work.submit(key, owner=owner, pictures=2) for key, owner in (("a", 1), ("b", 2))]
    for job in renders:
        await at_work.until(job.id, JobState.DELIVERED)
    present = await at_work.until(creation.id, JobState.WAITING, JobState.DELIVERED)
    if present.state is JobState.WAITING:
        await at_work.opened.coordinator.answer(creation.id, 1)
        await at_work.until(creation.id, JobState.DELIVERED)


async def live(folder: Path) -> bool:
    """Live until everything is told, or until the crash; tell whether it came to that."""
    try:
        async with house(folder) as at_work:
            tasks = [
                asyncio.create_task(ask_for_everything(at_work)),
                asyncio.create_task(at_work.opened.coordinator.ended()),
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()
    except CrashError:
        return False
    return True


async def assert_nothing_is_lost_or_doubled(folder: Path) -> None:
    async with house(folder) as at_work:
        stores = at_work.opened.stores
        jobs = [*await stores.jobs.of_owner(1, limit=10), *await stores.jobs.of_owner(2, limit=10)]
        assert sorted((job.work.kind, job.owner_id, job.state) for job in jobs) == [
            (JobKind.CREATE, 1, JobState.DELIVERED),
            (JobKind.RENDER, 1, JobState.DELIVERED),
            (JobKind.RENDER, 2, JobState.DELIVERED),
        ]
        [character] = await stores.characters.of_owner(1)
        assert (character.state, character.name) == (CharacterState.READY, "Nova")
        for job in jobs:
            assert job.result is not None
            pictures = await stores.images.of_job(job.id)
            assert [(one.image, one.thumbnail) for one in pictures] == [
                (one.image, one.thumbnail) for one in job.result.pictures
            ]
        assert len(await stores.images.of_owner(1, limit=99)) == 3
        assert len(await stores.images.of_owner(2, limit=99)) == 2
        assert [(one.kind, one.jobs) for one in await stores.usage.of_owner(1, since=0.0)] == [
            (JobKind.CREATE, 1),
            (JobKind.RENDER, 1),
        ]
        assert at_work.engine.assigned == []
    assert diagnose(folder) == ()


async def test_nothing_is_lost_doubled_or_left_over_wherever_it_crashes(tmp_path: Path, fuse: Fuse) -> None:
    assert await live(tmp_path / "whole")
    operations = fuse.spent
    await assert_nothing_is_lost_or_doubled(tmp_path / "whole")
    for number in range(operations):
        folder = tmp_path / str(number)
        fuse.left = number
        await live(folder)
        fuse.left = None
        assert await live(folder)
        await assert_nothing_is_lost_or_doubled(folder)
