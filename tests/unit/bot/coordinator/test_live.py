"""What watchers are told, and what the spool folder keeps for them."""

import hashlib
from pathlib import Path

import pytest

from bot.coordinator.client import JobEvent, PreviewDrawn, ProgressMade
from bot.coordinator.live import LiveEvents, Mailbox
from bot.coordinator.spool import Spool
from storage.data_folder import DataFolder
from storage.errors import DamagedFileError, MissingFileError


def progress(fraction: float) -> ProgressMade:
    return ProgressMade(job_id=1, stage="denoise", fraction=fraction, progress=fraction)


def preview(index: int) -> PreviewDrawn:
    return PreviewDrawn(job_id=1, index=index, image="a" * 64)


async def read(mailbox: Mailbox) -> list[JobEvent]:
    mailbox.close()
    found: list[JobEvent] = []
    while (event := await mailbox.take()) is not None:
        found.append(event)
    return found


async def test_slow_watcher_reads_the_newest_of_each_kind() -> None:
    live = LiveEvents()
    with live.mailbox(1) as mailbox, live.mailbox(2) as other:
        for event in (progress(0.1), preview(0), preview(1), progress(0.2)):
            live.publish(1, event)
        assert await read(mailbox) == [preview(0), preview(1), progress(0.2)]
        assert await read(other) == []


async def test_watchers_end_when_the_coordinator_does() -> None:
    live = LiveEvents()
    with live.mailbox(1) as mailbox:
        live.close()
        assert await mailbox.take() is None
        with live.mailbox(1) as late:
            assert await late.take() is None
    assert live.watched == frozenset()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path)
    made.spool.mkdir()
    return made


def left(folder: DataFolder, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    (folder.spool / f"{digest}.png").write_bytes(text.encode())
    return digest


async def test_file_of_two_jobs_goes_when_neither_holds_it(folder: DataFolder) -> None:
    spool, shared, own = Spool(folder), left(folder, "shared"), left(folder, "own")
    await spool.hold("1", [shared, own])
    await spool.hold("2", [shared])
    await spool.hold("1", [])
    assert await spool.has(shared)
    assert not await spool.has(own)
    await spool.hold("2", [])
    assert not await spool.has(shared)


async def test_picture_that_is_kept_already_needs_no_spooled_file(folder: DataFolder) -> None:
    spool = Spool(folder)
    digest = folder.pictures.put(b"a picture")
    assert await spool.read(digest) == b"a picture"
    with pytest.raises(MissingFileError):
        await spool.read("f" * 64)
    damaged = left(folder, "x")
    spool.path_of(damaged).write_bytes(b"y")
    with pytest.raises(DamagedFileError):
        await spool.require([damaged])


async def test_bank_is_taken_once_and_missing_ones_are_noticed(folder: DataFolder) -> None:
    spool, bank = Spool(folder), left(folder, "bank")
    await spool.take_bank(bank)
    spool.path_of(bank).unlink()
    await spool.take_bank(bank)
    assert folder.weights.is_whole(bank)
    with pytest.raises(MissingFileError):
        await spool.take_bank("f" * 64)
