"""The SQLite database of one data folder. Knows how to run one statement, and no table."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiosqlite

from storage.coordinator_lock import coordinator_lock
from storage.errors import (
    ConstraintError,
    DamagedDatabaseError,
    DatabaseBusyError,
    DiskFullError,
    NewerSchemaError,
    UnwritableError,
)
from storage.schema import migrate, migrations, schema_version
from synid_engine.errors import SynIDError

DATABASE_FILE = "synid.sqlite3"
Value = str | int | float | bytes | None
Row = sqlite3.Row

_PRIMARY = 0xFF  # an extended result code holds the primary one in its last byte
_CONSTRAINTS = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: "unique",
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "unique",
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "foreign key",
    sqlite3.SQLITE_CONSTRAINT_CHECK: "check",
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: "not null",
}


def _damaged(path: Path, detail: str) -> SynIDError:
    return DamagedDatabaseError(path=path, detail=detail)


def _unwritable(path: Path, detail: str) -> SynIDError:
    return UnwritableError(path=path, reason=detail)


_MADE: dict[int, Callable[[Path, str], SynIDError]] = {
    sqlite3.SQLITE_CORRUPT: _damaged,
    sqlite3.SQLITE_NOTADB: _damaged,
    sqlite3.SQLITE_BUSY: lambda path, _: DatabaseBusyError(path=path),
    sqlite3.SQLITE_LOCKED: lambda path, _: DatabaseBusyError(path=path),
    sqlite3.SQLITE_FULL: lambda path, _: DiskFullError(path=path),
    sqlite3.SQLITE_READONLY: _unwritable,
    sqlite3.SQLITE_CANTOPEN: _unwritable,
    sqlite3.SQLITE_IOERR: _unwritable,
    sqlite3.SQLITE_PERM: _unwritable,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConfig:
    """How the database is written.

    Attributes:
        synchronous: `NORMAL` survives the death of any process, and a power cut without damage though perhaps
            without the last moments; `FULL` keeps those too, with a sync for every statement.
        busy_timeout_s: How long a statement waits for another program's lock.
    """

    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    busy_timeout_s: float = 5.0


class Database:
    """A connection on which every statement is its own transaction."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path

    async def fetch(self, statement: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """Run one statement, whole or not at all, and return its rows.

        Raises:
            ConstraintError: A row breaks a rule of the schema.
            DamagedDatabaseError: The file is damaged.
            DatabaseBusyError: Another program keeps it locked.
            DiskFullError: There is no room.
            UnwritableError: The system refuses to write.
        """
        with database_errors(self.path):
            return list(await self._connection.execute_fetchall(statement, parameters or {}))

    async def fetch_one(self, statement: str, parameters: Mapping[str, Value] | None = None) -> Row | None:
        """Run one statement and return its first row; errors as in `fetch`."""
        rows = await self.fetch(statement, parameters)
        return rows[0] if rows else None


@asynccontextmanager
async def open_database(folder: Path, config: DatabaseConfig | None = None) -> AsyncGenerator[Database]:
    """Own a data folder and open its database, which is made or brought to the present schema if need be.

    Raises:
        CoordinatorRunningError: Another process owns the folder.
        NewerSchemaError: A newer program wrote the database; nothing has been changed.
        DamagedDatabaseError: The file is damaged, or no database.
        DatabaseBusyError: Another program keeps it locked.
        DiskFullError: There is no room.
        UnwritableError: The system refuses to write.
    """
    chosen = config or DatabaseConfig()
    path = folder / DATABASE_FILE
    with coordinator_lock(folder):
        with database_errors(path):
            connection = await aiosqlite.connect(
                path, timeout=chosen.busy_timeout_s, isolation_level=None, cached_statements=256
            )
        try:
            with database_errors(path):
                await _prepare(connection, path, chosen)
            yield Database(connection, path)
        finally:
            await connection.close()


@contextmanager
def read_only(path: Path) -> Generator[sqlite3.Connection]:
    """Open a database beside its owner, to look at; errors are translated within the block.

    Raises:
        DamagedDatabaseError: The file is damaged, or no database.
        DatabaseBusyError: Another program keeps it locked.
        UnwritableError: It cannot be opened.
    """
    with database_errors(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            yield connection
        finally:
            connection.close()


async def _prepare(connection: aiosqlite.Connection, path: Path, config: DatabaseConfig) -> None:
    connection.row_factory = sqlite3.Row
    scripts = migrations()
    found = await schema_version(connection)
    if found > len(scripts):
        raise NewerSchemaError(path=path, found=found, known=len(scripts))
    mode = list(await connection.execute_fetchall("PRAGMA journal_mode = WAL"))
    if mode[0][0] != "wal":
        raise UnwritableError(path=path, reason="its disk cannot keep a write-ahead log")
    await connection.execute_fetchall(f"PRAGMA synchronous = {config.synchronous}")
    await migrate(connection, scripts)
    await connection.execute_fetchall("PRAGMA foreign_keys = ON")


@contextmanager
def database_errors(path: Path) -> Generator[None]:
    """Translate what SQLite says about the database at `path` into this project's errors."""
    try:
        yield
    except sqlite3.Error as error:
        translated = _translated(error, path)
        if translated is None:
            raise
        raise translated from error


def _translated(error: sqlite3.Error, path: Path) -> SynIDError | None:
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    if extended is None:  # a mistake in our own code
        return None
    if extended & _PRIMARY == sqlite3.SQLITE_CONSTRAINT:
        return ConstraintError(kind=_CONSTRAINTS.get(extended, "other"), detail=str(error))
    make = _MADE.get(extended & _PRIMARY)
    return None if make is None else make(path, str(error))
