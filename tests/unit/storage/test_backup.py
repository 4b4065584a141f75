import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.adoption import adopt_profiles
from storage.backup import backup, restore
from storage.characters import Made
from storage.data_folder import DataFolder
from storage.database import DATABASE_FILE, open_database
from storage.diagnosis import Finding, FindingKind, diagnose
from storage.errors import (
    DamagedDatabaseError,
    FolderInUseError,
    NewerSchemaError,
    NoDatabaseError,
    NotABackupError,
)
from storage.images import ImageRecord, NewImage
from storage.ledger import QueueLimits
from storage.references import collect_unreferenced, references
from synid_engine.serving.messages import Picture, Question, RenderWork, Result, Submission

from .conftest import everything_under
from .stores import StillClock, Stores, sqlite_stores, submission

LIMITS = QueueLimits()
Put = Callable[..., None]


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


async def fill(stores: Stores, data: DataFolder) -> ImageRecord:
    """Make a character with its bank, a picture of it, and a job that waits at a checkpoint in the spool."""
    nova = await stores.characters.add(owner_id=1, name="Nova", description="a woman")
    made = Made(
        bank=data.weights.put(b"bank"),
        portrait=data.pictures.put(b"portrait"),
        model_id="tiny",
        model_hash="c" * 64,
    )
    await stores.characters.complete(nova.id, made, revision=1)
    job = await stores.jobs.submit(submission(), LIMITS)
    held = await stores.jobs.lease(job.id, engine="e1")
    assert held is not None
    for digest in ("1" * 64, "2" * 64):
        data.spool.mkdir(exist_ok=True)
        (data.spool / f"{digest}.png").write_bytes(b"spooled")
    question = Question(choices=("1" * 64,), checkpoint="3" * 64)
    await stores.jobs.park(held.lease, question, deadline_at=0, engine_ms=0)
    new = NewImage(job_id=9, position=0, owner_id=1, character_id=nova.id, seed=7, prompt="a fox")
    return await stores.images.add(new, data=b"picture", thumbnail=b"small")


async def test_backup_of_a_running_coordinator_is_restored_equal(
    tmp_path: Path, data: DataFolder, clock: StillClock, put: Put
) -> None:
    put("Rex")
    async with open_database(data.path) as database:
        stores = sqlite_stores(database, data.path, clock)
        kept = await fill(stores, data)
        jobs = await stores.jobs.of_owner(1, limit=9)
        done = backup(data.path, tmp_path / "all.backup")
        await stores.images.delete(kept.id)
    assert (done.members, done.left_out) == (12, ("spool/" + "1" * 64 + ".png",))
    again = tmp_path / "again"
    assert restore(tmp_path / "all.backup", again).members == done.members
    async with open_database(again) as database:
        stores = sqlite_stores(database, again, clock)
        assert await stores.images.get(kept.id) == kept
        assert await stores.images.read(kept.image) == b"picture"
        assert await stores.jobs.of_owner(1, limit=9) == jobs
    copied = {*everything_under(data.profiles)}
    assert copied
    assert {*everything_under(again / "characters")} == copied


async def test_backup_leaves_nothing_beside_itself(tmp_path: Path, data: DataFolder) -> None:
    async with open_database(data.path):
        backup(data.path, tmp_path / "backups" / "all.backup")
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["all.backup"]


async def test_damaged_file_is_left_out_and_named(
    tmp_path: Path, data: DataFolder, clock: StillClock
) -> None:
    async with open_database(data.path) as database:
        kept = await fill(sqlite_stores(database, data.path, clock), data)
    data.pictures.path_of(kept.image).write_bytes(b"other")
    (data.spool / ("1" * 64 + ".png")).unlink()
    done = backup(data.path, tmp_path / "all.backup")
    assert done.left_out == (f"pictures/{kept.image[:2]}/{kept.image}.png",)


def test_folder_without_a_database_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(NoDatabaseError):
        backup(tmp_path, tmp_path / "all.backup")


def test_damaged_database_has_no_backup(tmp_path: Path, data: DataFolder) -> None:
    data.path.mkdir()
    data.database.write_bytes(b"no database at all, but long enough to look like one" * 99)
    with pytest.raises(DamagedDatabaseError):
        backup(data.path, tmp_path / "all.backup")
    assert everything_under(tmp_path) == [f"data/{DATABASE_FILE}"]


async def test_backup_is_restored_only_where_nothing_is(tmp_path: Path, data: DataFolder) -> None:
    async with open_database(data.path):
        backup(data.path, tmp_path / "all.backup")
    with pytest.raises(FolderInUseError):
        restore(tmp_path / "all.backup", data.path)
    empty = tmp_path / "empty"
    empty.mkdir()
    restore(tmp_path / "all.backup", empty)
    assert everything_under(empty) == [DATABASE_FILE]


def rewritten(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files | members).items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "members",
    [
        {DATABASE_FILE: b"other"},
        {"pictures/extra.png": b"unlisted"},
        {"manifest.json": b"[]"},
        {"manifest.json": b"no json"},
        {"manifest.json": b'{"version": 2, "members": {}}'},
        {"manifest.json": b'{"version": 1, "members": {}}'},
    ],
)
async def test_changed_backup_is_refused_and_leaves_nothing(
    tmp_path: Path, data: DataFolder, members: dict[str, bytes]
) -> None:
    async with open_database(data.path):
        backup(data.path, tmp_path / "all.backup")
    rewritten(tmp_path / "all.backup", members)
    with pytest.raises(NotABackupError):
        restore(tmp_path / "all.backup", tmp_path / "new" / "again")
    assert not (tmp_path / "new" / "again").exists()
    assert everything_under(tmp_path / "new") == []


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "pictures/../../evil", "run.py", "pictures/.hidden"]
)
async def test_member_that_leads_outside_is_refused(tmp_path: Path, data: DataFolder, name: str) -> None:
    async with open_database(data.path):
        backup(data.path, tmp_path / "all.backup")
    path = tmp_path / "all.backup"
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    manifest["members"][name] = {"size": 1, "sha256": "0" * 64}
    rewritten(path, {name: b"x", "manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(NotABackupError):
        restore(path, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04"])
def test_something_else_is_no_backup(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "all.backup").write_bytes(content)
    with pytest.raises(NotABackupError):
        restore(tmp_path / "all.backup", tmp_path / "again")


async def test_backup_of_a_newer_program_is_refused(tmp_path: Path, data: DataFolder) -> None:
    async with open_database(data.path) as database:
        await database.fetch("PRAGMA user_version = 999")
    backup(data.path, tmp_path / "all.backup")
    with pytest.raises(NewerSchemaError):
        restore(tmp_path / "all.backup", tmp_path / "again")
    assert not (tmp_path / "again").exists()


async def test_collector_keeps_what_is_referred_to_and_removes_the_rest(
    data: DataFolder, clock: StillClock
) -> None:
    async with open_database(data.path) as database:
        kept = await fill(sqlite_stores(database, data.path, clock), data)
        orphans = [data.pictures.put(b"orphan picture"), data.weights.put(b"orphan bank")]
        removed = collect_unreferenced(data, await references(database))
    assert removed == [f"{orphans[1]}.safetensors", f"{orphans[0]}.png", "2" * 64 + ".png"]
    assert {kept.image, kept.thumbnail} < {*data.pictures.digests()}
    assert [path.name for path in data.spool.iterdir()] == ["1" * 64 + ".png"]


async def test_files_of_an_undelivered_job_are_kept_until_it_is_delivered(
    data: DataFolder, clock: StillClock
) -> None:
    bank = data.weights.put(b"bank of a character that is deleted meanwhile")
    asked = Submission(request_key="a", owner_id=1, work=RenderWork(prompt="a fox", banks=(bank,)))
    picture = Picture(image="5" * 64, thumbnail="6" * 64, seed=1)
    async with open_database(data.path) as database:
        jobs = sqlite_stores(database, data.path, clock).jobs
        held = await jobs.lease((await jobs.submit(asked, LIMITS)).id, engine="e1")
        assert held is not None
        assert (await references(database)).weights == {bank}
        await jobs.finish(held.lease, Result(pictures=(picture,), bank="7" * 64), engine_ms=1)
        assert (await references(database)).spooled == {"5" * 64, "6" * 64, "7" * 64}
        await jobs.mark_delivered(held.lease)
        left = await references(database)
    assert left.weights == left.spooled == frozenset()


async def test_profiles_made_before_are_adopted_once(data: DataFolder, clock: StillClock, put: Put) -> None:
    put("Nova")
    put("Rex")
    damaged = next(path for path in data.profiles.iterdir() if path.name.startswith("rex"))
    (damaged / "portrait.png").unlink()
    async with open_database(data.path) as database:
        characters = sqlite_stores(database, data.path, clock).characters
        first = await adopt_profiles(data, characters, owner_id=1)
        assert (first.adopted, first.damaged) == (("Nova",), ("Rex",))
        nova = await characters.find(owner_id=1, name="nova")
        assert nova is not None
        assert nova.made is not None
        assert (nova.description, nova.style) == ("a woman with red hair", "flat")
        assert nova.made.scores == {"identity": 0.93}
        assert data.weights.read(nova.made.bank)
        assert data.pictures.read(nova.made.portrait)
        assert (await adopt_profiles(data, characters, owner_id=1)).adopted == ()


async def test_adoption_that_a_crash_stopped_is_completed(
    data: DataFolder, clock: StillClock, put: Put
) -> None:
    put("Nova")
    async with open_database(data.path) as database:
        characters = sqlite_stores(database, data.path, clock).characters
        draft = await characters.add(owner_id=1, name="Nova", description="a woman")
        assert (await adopt_profiles(data, characters, owner_id=1)).adopted == ("Nova",)
        assert (await characters.get(draft.id)).made is not None


async def test_sound_folder_has_no_fault(data: DataFolder, clock: StillClock, put: Put) -> None:
    put("Nova")
    async with open_database(data.path) as database:
        stores = sqlite_stores(database, data.path, clock)
        await stores.characters.add(owner_id=1, name="Nova", description="a woman")
        data.pictures.put(b"orphan")
        found = diagnose(data.path)
    assert {one.kind for one in found} == {FindingKind.COORDINATOR, FindingKind.UNREFERENCED_FILE}
    assert not any(one.is_fault for one in found)
    assert FindingKind.COORDINATOR not in {one.kind for one in diagnose(data.path)}


def kinds(found: tuple[Finding, ...]) -> list[FindingKind]:
    return [one.kind for one in found if one.is_fault]


async def test_every_fault_is_found(data: DataFolder, clock: StillClock, put: Put) -> None:
    put("Nova")
    (next(data.profiles.iterdir()) / "portrait.png").unlink()
    async with open_database(data.path) as database:
        kept = await fill(sqlite_stores(database, data.path, clock), data)
        await database.fetch("PRAGMA foreign_keys = OFF")
        await database.fetch("INSERT INTO rosters VALUES (7, 99, 1, 'use', 0)")
    data.pictures.path_of(kept.image).write_bytes(b"other")
    data.pictures.path_of(kept.thumbnail).unlink()
    assert sorted(kinds(diagnose(data.path))) == [
        FindingKind.BROKEN_REFERENCE,
        FindingKind.DAMAGED_FILE,
        FindingKind.DAMAGED_PROFILE,
        FindingKind.MISSING_FILE,
        FindingKind.MISSING_FILE,  # the checkpoint, which nobody wrote
    ]


async def test_damaged_database_is_found(data: DataFolder) -> None:
    async with open_database(data.path):
        pass
    with data.database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    assert FindingKind.DAMAGED_DATABASE in kinds(diagnose(data.path))
    data.database.write_bytes(b"no database at all, but long enough to look like one" * 99)
    assert kinds(diagnose(data.path)) == [FindingKind.DAMAGED_DATABASE]


def test_foreign_and_newer_databases_are_found(data: DataFolder) -> None:
    assert [one.kind for one in diagnose(data.path)] == [FindingKind.NO_DATABASE]
    data.path.mkdir()
    connection = sqlite3.connect(data.database)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert kinds(diagnose(data.path)) == [FindingKind.NEWER_SCHEMA, FindingKind.DAMAGED_DATABASE]
    shutil.rmtree(data.path)
