import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import aiosqlite
import pytest

from storage import job_statements
from storage.coordinator_lock import LOCK_FILE, coordinator_pid
from storage.database import DATABASE_FILE, DatabaseConfig, database_errors, open_database
from storage.errors import (
    ConstraintError,
    CoordinatorRunningError,
    DamagedDatabaseError,
    DatabaseBusyError,
    DiskFullError,
    NewerSchemaError,
    UnwritableError,
)
from storage.jobs import SqliteJobStore
from storage.ledger import QueueLimits
from storage.schema import migrate, migrations, schema_version
from synid_engine.errors import SynIDError

from .stores import submission

HOLD = """
import asyncio, sys
from pathlib import Path
from storage.database import open_database

async def hold():
    async with open_database(Path(sys.argv[1])):
        print("open", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


async def test_data_folder_is_made_and_its_database_set_up(tmp_path: Path) -> None:
    async with open_database(tmp_path / "new" / "data") as database:
        for pragma, expected in {
            "journal_mode": "wal",
            "synchronous": 1,
            "foreign_keys": 1,
            "busy_timeout": 5000,
            "user_version": len(migrations()),
        }.items():
            row = await database.fetch_one(f"PRAGMA {pragma}")
            assert row is not None
            assert row[0] == expected, pragma


async def test_synchronous_is_a_setting(tmp_path: Path) -> None:
    async with open_database(tmp_path, DatabaseConfig(synchronous="FULL")) as database:
        row = await database.fetch_one("PRAGMA synchronous")
        assert row is not None
        assert row[0] == 2


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        job = await SqliteJobStore(database).submit(submission(), QueueLimits())
    async with open_database(tmp_path) as database:
        assert await SqliteJobStore(database).queued() == [job]


async def test_second_coordinator_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        with pytest.raises(CoordinatorRunningError) as caught:
            async with open_database(tmp_path):
                pass
        assert caught.value.pid == coordinator_pid(tmp_path) == os.getpid()
        assert await database.fetch_one("SELECT 1") is not None
    assert coordinator_pid(tmp_path) is None
    async with open_database(tmp_path):
        pass


async def test_killed_coordinator_holds_nothing(tmp_path: Path) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"open\n"
        with pytest.raises(CoordinatorRunningError) as caught:
            async with open_database(tmp_path):
                pass
        assert caught.value.pid == holder.pid
    finally:
        holder.kill()
        await holder.communicate()
    async with open_database(tmp_path):
        pass


async def test_lock_whose_owner_has_not_said_its_pid_is_still_a_lock(tmp_path: Path) -> None:
    async with open_database(tmp_path):
        (tmp_path / LOCK_FILE).write_text("")
        with pytest.raises(CoordinatorRunningError) as caught:
            async with open_database(tmp_path):
                pass
        assert caught.value.pid == 0


async def test_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_FILE
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerSchemaError) as caught:
        async with open_database(tmp_path):
            pass
    assert (caught.value.found, caught.value.known) == (999, len(migrations()))
    assert path.read_bytes() == before


async def test_failed_migration_leaves_the_version_before_it(tmp_path: Path) -> None:
    scripts = ("CREATE TABLE a (x);", "CREATE TABLE b (x); CREATE TABLE a (x);")
    async with aiosqlite.connect(tmp_path / "some.sqlite3", isolation_level=None) as connection:
        with pytest.raises(sqlite3.OperationalError):
            await migrate(connection, scripts)
        assert await schema_version(connection) == 1
        tables = await connection.execute_fetchall("SELECT name FROM sqlite_schema")
        assert [row[0] for row in tables] == ["a"]
        await migrate(connection, (scripts[0], "CREATE TABLE b (x);"))
        assert await schema_version(connection) == 2


async def test_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(b"no database at all, but long enough to look like one" * 99)
    with pytest.raises(DamagedDatabaseError):
        async with open_database(tmp_path):
            pass


async def test_damaged_page_is_one_clear_error_and_the_rest_stays_usable(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        await SqliteJobStore(database).submit(submission(), QueueLimits())
        row = await database.fetch_one("SELECT rootpage FROM sqlite_schema WHERE name = 'jobs'")
        size = await database.fetch_one("PRAGMA page_size")
        assert row is not None
        assert size is not None
    with (tmp_path / DATABASE_FILE).open("r+b") as file:
        file.seek((row[0] - 1) * size[0])
        file.write(b"\xff" * size[0])
    async with open_database(tmp_path) as database:
        with pytest.raises(DamagedDatabaseError):
            await SqliteJobStore(database).get(1)
        assert await database.fetch("SELECT * FROM characters") == []


async def test_row_that_cannot_be_understood_is_named(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        jobs = SqliteJobStore(database)
        job = await jobs.submit(submission(), QueueLimits())
        await database.fetch("UPDATE jobs SET work = json_set(work, '$.version', 2)")
        with pytest.raises(DamagedDatabaseError) as caught:
            await jobs.get(job.id)
        assert caught.value.detail == f"job {job.id}"


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("INSERT INTO rosters VALUES (1, 99, 1, 'use', 0)", "foreign key"),
        ("INSERT INTO rosters VALUES (1, 99, 1, 'everything', 0)", "check"),
        ("INSERT INTO rosters VALUES (1, 99, NULL, 'use', 0)", "not null"),
        ("INSERT INTO fair_counters VALUES (1, 0, 0), (1, 0, 0)", "unique"),
        ("INSERT INTO fair_counters VALUES (1, 'x', 0)", "other"),
    ],
)
async def test_broken_rule_is_named_and_changes_nothing(tmp_path: Path, statement: str, kind: str) -> None:
    async with open_database(tmp_path) as database:
        with pytest.raises(ConstraintError) as caught:
            await database.fetch(statement)
        assert caught.value.kind == kind
        assert await database.fetch("SELECT * FROM fair_counters") == []


async def test_database_that_another_program_locks_is_busy(tmp_path: Path) -> None:
    async with open_database(tmp_path, DatabaseConfig(busy_timeout_s=0)) as database:
        other = sqlite3.connect(tmp_path / DATABASE_FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(DatabaseBusyError):
                await SqliteJobStore(database).submit(submission(), QueueLimits())
        finally:
            other.close()
        await SqliteJobStore(database).submit(submission(), QueueLimits())


async def test_full_database_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        pages = await database.fetch_one("PRAGMA page_count")
        assert pages is not None
        jobs = SqliteJobStore(database)
        job = await jobs.submit(submission(), QueueLimits())
        await database.fetch(f"PRAGMA max_page_count = {pages[0]}")
        with pytest.raises(DiskFullError):
            await jobs.submit(submission("b", prompt="long " * 9000), QueueLimits())
        assert await jobs.queued() == [job]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_READONLY, UnwritableError),
        (sqlite3.SQLITE_CANTOPEN, UnwritableError),
        (sqlite3.SQLITE_IOERR_FSYNC, UnwritableError),
        (sqlite3.SQLITE_FULL, DiskFullError),
        (sqlite3.SQLITE_CORRUPT_INDEX, DamagedDatabaseError),
    ],
)
def test_what_the_system_refuses_has_its_own_error(code: int, kind: type[SynIDError]) -> None:
    error = sqlite3.OperationalError("said SQLite")
    error.sqlite_errorcode = code
    with pytest.raises(kind), database_errors(Path("some.sqlite3")):
        raise error


def test_mistake_of_our_own_is_not_disguised() -> None:
    with pytest.raises(sqlite3.ProgrammingError), database_errors(Path("some.sqlite3")):
        raise sqlite3.ProgrammingError


async def test_data_folder_that_is_a_file_is_refused_by_the_database(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UnwritableError):
        async with open_database(tmp_path / "data"):
            pass


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SUBMIT", "jobs_unfinished_by_owner"),
        ("SUBMIT", "jobs_unfinished_by_server"),
        ("SUBMIT", "jobs_unfinished "),
        ("QUEUED", "jobs_unfinished "),
        ("LEASED", "jobs_unfinished "),
        ("UNTOLD", "jobs_untold"),
        ("EXPIRE_QUESTIONS", "jobs_unfinished "),
        ("REQUEUE_STALE", "jobs_unfinished "),
    ],
)
async def test_hot_statement_uses_its_index(
    tmp_path: Path, statement: str, index: str, names_of: Callable[[str], dict[str, None]]
) -> None:
    text: str = getattr(job_statements, statement)
    async with open_database(tmp_path) as database:
        plan = await database.fetch(f"EXPLAIN QUERY PLAN {text}", names_of(text))
    details = [f"{row['detail']} " for row in plan]
    assert any(f"INDEX {index}" in detail for detail in details), details
