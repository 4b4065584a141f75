"""Which files the database refers to, and the removal of the others."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from storage.data_folder import DataFolder
from storage.database import Database
from storage.files import disk_errors

_LIVE = "jobs.state IN ('queued', 'leased', 'running', 'waiting', 'stored')"
_WEIGHTS = f"""
SELECT bank AS digest FROM characters WHERE bank IS NOT NULL
UNION SELECT banks.value FROM jobs, json_each(jobs.work, '$.banks') AS banks WHERE {_LIVE}
"""
_PICTURES = f"""
SELECT image AS digest FROM images
UNION SELECT thumbnail FROM images
UNION SELECT portrait FROM characters WHERE portrait IS NOT NULL
UNION SELECT json_extract(work, '$.portrait') FROM jobs
    WHERE json_extract(work, '$.portrait') IS NOT NULL AND {_LIVE}
"""
_SPOOLED = f"""
SELECT checkpoint AS digest FROM jobs WHERE checkpoint IS NOT NULL AND {_LIVE}
UNION SELECT json_extract(result, '$.bank') FROM jobs
    WHERE json_extract(result, '$.bank') IS NOT NULL AND {_LIVE}
UNION SELECT choices.value FROM jobs, json_each(jobs.question, '$.choices') AS choices WHERE {_LIVE}
UNION SELECT json_extract(pictures.value, '$.image')
    FROM jobs, json_each(jobs.result, '$.pictures') AS pictures WHERE {_LIVE}
UNION SELECT json_extract(pictures.value, '$.thumbnail')
    FROM jobs, json_each(jobs.result, '$.pictures') AS pictures WHERE {_LIVE}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The SHA-256 of every file that is in use, by where it lies.

    Attributes:
        weights: Banks of characters and of jobs that have not been delivered.
        pictures: Pictures, their small versions, and portraits.
        spooled: Checkpoints, choices and results of jobs that have not been delivered.
    """

    weights: frozenset[str]
    pictures: frozenset[str]
    spooled: frozenset[str]


async def references(database: Database) -> References:
    """Ask the coordinator's database."""
    weights = frozenset(row["digest"] for row in await database.fetch(_WEIGHTS))
    pictures = frozenset(row["digest"] for row in await database.fetch(_PICTURES))
    spooled = frozenset(row["digest"] for row in await database.fetch(_SPOOLED))
    return References(weights=weights, pictures=pictures, spooled=spooled)


def references_in(connection: sqlite3.Connection) -> References:
    """Ask a database that was opened to look at."""
    found = [frozenset(row[0] for row in connection.execute(one)) for one in (_WEIGHTS, _PICTURES, _SPOOLED)]
    return References(weights=found[0], pictures=found[1], spooled=found[2])


def collect_unreferenced(folder: DataFolder, wanted: References) -> list[str]:
    """Remove every file that nothing refers to, and what a crash left half written.

    Call it while neither the coordinator nor the engine writes: at start-up, before the engine is spawned.

    Returns:
        The names of the removed files.

    Raises:
        UnwritableError: The system refuses to remove one.
    """
    removed = folder.weights.collect(wanted.weights) + folder.pictures.collect(wanted.pictures)
    for path in unreferenced_spool(folder, wanted):
        with disk_errors(path):
            path.unlink()
        removed.append(path.name)
    return removed


def unreferenced_spool(folder: DataFolder, wanted: References) -> list[Path]:
    """Return the files in the spool folder that no job refers to."""
    if not folder.spool.is_dir():
        return []
    files = sorted(path for path in folder.spool.iterdir() if path.is_file())
    return [path for path in files if path.name.partition(".")[0] not in wanted.spooled]
