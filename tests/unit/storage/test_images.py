"""The contract of pictures, for the store in SQLite and the one in memory; and the folder of their files."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from storage.content import ContentFolder
from storage.data_folder import DataFolder
from storage.database import open_database
from storage.errors import (
    DamagedFileError,
    DiskFullError,
    ImageNotFoundError,
    MissingFileError,
    UnwritableError,
)
from storage.images import ImageRecord, ImageStore, NewImage

from .conftest import everything_under
from .stores import StillClock, Stores, sqlite_stores


@pytest.fixture
def images(stores: Stores) -> ImageStore:
    return stores.images


@pytest.fixture
def folder(tmp_path: Path) -> ContentFolder:
    return ContentFolder(tmp_path / "files", suffix=".png")


async def add(
    images: ImageStore, job: int = 1, position: int = 0, *, owner: int = 1, character: int | None = None
) -> ImageRecord:
    new = NewImage(
        job_id=job,
        position=position,
        owner_id=owner,
        character_id=character,
        seed=7,
        prompt="a fox 🦊",
        scores={"likeness": 0.5},
    )
    return await images.add(new, data=f"{job}/{position}".encode(), thumbnail=b"small")


async def test_kept_picture_comes_back_with_what_it_shows(images: ImageStore, clock: StillClock) -> None:
    kept = await add(images)
    assert (kept.prompt, kept.seed, kept.scores) == ("a fox 🦊", 7, {"likeness": 0.5})
    assert (kept.server_id, kept.character_id, kept.created_at) == (None, None, clock.now)
    assert kept.image == hashlib.sha256(b"1/0").hexdigest()
    assert await images.get(kept.id) == kept
    assert await images.read(kept.image) == b"1/0"
    assert await images.read(kept.thumbnail) == b"small"


async def test_picture_recorded_twice_is_one(images: ImageStore, clock: StillClock) -> None:
    kept = await add(images)
    clock.advance(5)
    assert await add(images) == kept
    assert await images.of_job(1) == [kept]


async def test_pictures_are_found_by_job_owner_and_character(images: ImageStore, stores: Stores) -> None:
    nova = await stores.characters.add(owner_id=1, name="Nova", description="a woman")
    second = await add(images, 1, 1, character=nova.id)
    first = await add(images, 1, 0)
    other = await add(images, 2, 0, owner=2, character=nova.id)
    assert await images.of_job(1) == [first, second]
    assert await images.of_owner(1, limit=9) == [first, second]
    assert await images.of_owner(1, limit=1) == [first]
    assert await images.of_character(nova.id, limit=9) == [other, second]


async def test_pictures_outlive_their_character(images: ImageStore, stores: Stores) -> None:
    nova = await stores.characters.add(owner_id=1, name="Nova", description="a woman")
    kept = await add(images, character=nova.id)
    assert kept.character_id == nova.id
    await stores.characters.delete(nova.id)
    assert (await images.get(kept.id)).character_id is None
    assert (await add(images, 2, character=nova.id)).character_id is None


async def test_deleted_picture_is_gone(images: ImageStore) -> None:
    first, second = await add(images, 1), await add(images, 2)
    await images.delete(first.id)
    assert await images.of_owner(1, limit=9) == [second]
    with pytest.raises(ImageNotFoundError):
        await images.delete(first.id)
    with pytest.raises(ImageNotFoundError):
        await images.get(first.id)


async def test_unknown_file_is_missing(images: ImageStore) -> None:
    with pytest.raises(MissingFileError):
        await images.read("0" * 64)


def test_equal_files_are_one(tmp_path: Path, folder: ContentFolder) -> None:
    digest = folder.put(b"red")
    assert folder.put(b"red") == digest
    assert folder.digests() == [digest]
    assert everything_under(tmp_path) == [f"files/{digest[:2]}/{digest}.png"]


def test_damaged_file_is_noticed_and_healed_by_putting_it_again(folder: ContentFolder) -> None:
    digest = folder.put(b"red")
    folder.path_of(digest).write_bytes(b"rod")
    with pytest.raises(DamagedFileError):
        folder.read(digest)
    folder.put(b"red")
    assert folder.read(digest) == b"red"


def test_file_of_another_process_is_taken_once_it_is_checked(tmp_path: Path, folder: ContentFolder) -> None:
    digest = hashlib.sha256(b"red").hexdigest()
    spooled = tmp_path / "spooled"
    with pytest.raises(MissingFileError):
        folder.take(spooled, digest)
    spooled.write_bytes(b"rod")
    with pytest.raises(DamagedFileError):
        folder.take(spooled, digest)
    assert folder.digests() == []
    spooled.write_bytes(b"red")
    folder.take(spooled, digest)
    folder.take(spooled, digest)
    assert folder.read(digest) == b"red"


def test_collector_removes_what_nothing_refers_to(tmp_path: Path, folder: ContentFolder) -> None:
    kept, orphan = folder.put(b"red"), folder.put(b"blue")
    half = folder.path_of(orphan).with_name(".tmp-0123")
    half.write_bytes(b"b")
    stranger = tmp_path / "files" / kept[:2] / "notes.txt"
    stranger.write_text("mine")
    assert folder.collect({kept}) == [".tmp-0123", f"{orphan}.png"]
    assert folder.digests() == [kept]
    assert stranger.exists()
    assert folder.collect({kept}) == []


def test_collector_of_an_empty_folder_finds_nothing(folder: ContentFolder) -> None:
    assert folder.collect(set()) == []


def test_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path, folder: ContentFolder) -> None:
    (tmp_path / "files").write_text("a file")
    with pytest.raises(UnwritableError):
        folder.put(b"red")


async def test_full_disk_records_nothing(
    tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with open_database(tmp_path) as database:
        images = sqlite_stores(database, tmp_path, clock).images
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError):
            await add(images)
        assert await images.of_job(1) == []
    assert DataFolder(tmp_path).pictures.digests() == []


def test_kinds_of_files_lie_apart(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.pictures.path_of("ab" * 32).parts[-3:-1] == ("pictures", "ab")
    assert folder.weights.path_of("ab" * 32).suffix == ".safetensors"
