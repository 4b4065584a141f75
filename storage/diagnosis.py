"""What is wrong with a data folder: looks at everything, changes nothing."""

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from storage.content import ContentFolder
from storage.coordinator_lock import coordinator_pid
from storage.data_folder import DataFolder
from storage.database import read_only
from storage.errors import DamagedDatabaseError, DamagedProfileError, DatabaseBusyError, UnwritableError
from storage.references import References, references_in, unreferenced_spool
from storage.schema import migrations
from storage.weights import verify_profile


class FindingKind(StrEnum):
    """What was found; the last three are no faults."""

    DAMAGED_DATABASE = "damaged database"
    UNREADABLE_DATABASE = "unreadable database"
    NEWER_SCHEMA = "newer schema"
    BROKEN_REFERENCE = "broken reference"
    MISSING_FILE = "missing file"
    DAMAGED_FILE = "damaged file"
    DAMAGED_PROFILE = "damaged profile"
    NO_DATABASE = "no database"
    UNREFERENCED_FILE = "unreferenced file"
    COORDINATOR = "coordinator"


_HARMLESS = frozenset({FindingKind.NO_DATABASE, FindingKind.UNREFERENCED_FILE, FindingKind.COORDINATOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth saying.

    Attributes:
        kind: What it is.
        subject: The file, the table or the process that it is about.
        detail: What the reading library says.
    """

    kind: FindingKind
    subject: str
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether something must be done about it."""
        return self.kind not in _HARMLESS


def diagnose(folder: Path) -> tuple[Finding, ...]:
    """Check a data folder's database and every file; the coordinator may be running, and is then mentioned.

    While it runs, a file that has just been written and not yet recorded counts as unreferenced.
    """
    data = DataFolder(folder)
    return tuple(_findings(data))


def _findings(data: DataFolder) -> Iterator[Finding]:
    if (pid := coordinator_pid(data.path)) is not None:
        yield Finding(kind=FindingKind.COORDINATOR, subject=str(pid))
    yield from _profile_findings(data)
    if not data.database.is_file():
        yield Finding(kind=FindingKind.NO_DATABASE, subject=str(data.database))
        return
    subject = str(data.database)
    try:
        with read_only(data.database) as connection:
            yield from _database_findings(connection, subject)
            wanted = references_in(connection)
    except DamagedDatabaseError as error:
        yield Finding(kind=FindingKind.DAMAGED_DATABASE, subject=subject, detail=error.detail)
        return
    except (UnwritableError, DatabaseBusyError) as error:
        yield Finding(kind=FindingKind.UNREADABLE_DATABASE, subject=subject, detail=str(error.__cause__))
        return
    except sqlite3.OperationalError as error:  # a table that this program needs is not there
        yield Finding(kind=FindingKind.DAMAGED_DATABASE, subject=subject, detail=str(error))
        return
    yield from _file_findings(data, wanted)


def _database_findings(connection: sqlite3.Connection, subject: str) -> Iterator[Finding]:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > len(migrations()):
        detail = f"{found}, and {len(migrations())} is known here"
        yield Finding(kind=FindingKind.NEWER_SCHEMA, subject=subject, detail=detail)
    for row in connection.execute("PRAGMA integrity_check"):
        if row[0] != "ok":
            yield Finding(kind=FindingKind.DAMAGED_DATABASE, subject=subject, detail=str(row[0]))
    for row in connection.execute("PRAGMA foreign_key_check"):
        detail = f"row {row['rowid']} refers to no {row['parent']}"
        yield Finding(kind=FindingKind.BROKEN_REFERENCE, subject=str(row["table"]), detail=detail)


def _file_findings(data: DataFolder, wanted: References) -> Iterator[Finding]:
    yield from _content_findings(data.weights, wanted.weights)
    yield from _content_findings(data.pictures, wanted.pictures)
    for path in unreferenced_spool(data, wanted):
        yield Finding(kind=FindingKind.UNREFERENCED_FILE, subject=str(path))
    spooled = {path.name.partition(".")[0] for path in data.spool.glob("*")}
    for digest in sorted(wanted.spooled - spooled):
        yield Finding(kind=FindingKind.MISSING_FILE, subject=str(data.spool / digest))


def _content_findings(content: ContentFolder, wanted: Collection[str]) -> Iterator[Finding]:
    for digest in sorted({*wanted, *content.digests()}):
        path = content.path_of(digest)
        if not path.is_file():
            yield Finding(kind=FindingKind.MISSING_FILE, subject=str(path))
        elif digest not in wanted:
            yield Finding(kind=FindingKind.UNREFERENCED_FILE, subject=str(path))
        elif not content.is_whole(digest):
            yield Finding(kind=FindingKind.DAMAGED_FILE, subject=str(path))


def _profile_findings(data: DataFolder) -> Iterator[Finding]:
    for folder in sorted(data.profiles.iterdir()) if data.profiles.is_dir() else ():
        try:
            verify_profile(folder)
        except DamagedProfileError as error:
            detail = f"{error.part}: {error.detail}"
            yield Finding(kind=FindingKind.DAMAGED_PROFILE, subject=str(folder), detail=detail)
