"""What must hold of a data folder, whatever happened to the processes that served it."""

import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path

from bot.coordinator.opening import open_coordinator
from storage.data_folder import DataFolder
from storage.database import read_only
from storage.diagnosis import diagnose
from synid_engine.serving.link import EngineDownError, LinkEvent
from synid_engine.serving.messages import FINAL, JobState
from synid_engine.serving.orders import Order


class NoEngine:
    """A link on which no engine ever comes."""

    async def start(self) -> None:
        """Start nothing."""

    async def send(self, order: Order) -> None:
        """Refuse."""
        raise EngineDownError(order)

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Tell nothing."""
        for event in ():
            yield event

    async def drain(self, timeout_s: float) -> None:
        """End nothing."""

    async def close(self) -> None:
        """End nothing."""


def states(data: Path) -> dict[int, JobState]:
    """Return every job's state, read beside the coordinator."""
    with read_only(DataFolder(data).database) as connection:
        return {row["id"]: JobState(row["state"]) for row in connection.execute("SELECT id, state FROM jobs")}


def ready_names(data: Path) -> list[str]:
    """Return the characters that are made."""
    with read_only(DataFolder(data).database) as connection:
        return [
            row["name"] for row in connection.execute("SELECT name FROM characters WHERE state = 'ready'")
        ]


async def faults_of(data: Path, promised: Mapping[tuple[int, str], int]) -> list[str]:
    """Return everything that is wrong after the processes are gone: lost, doubled or left over."""
    async with open_coordinator(data, NoEngine()):  # the collector of the start
        pass
    faults = [f"{one.kind}: {one.subject} {one.detail}" for one in diagnose(data)]
    with read_only(DataFolder(data).database) as connection:
        faults += _lost(connection, promised)
        faults += _doubled(connection)
        faults += _without_outcome(connection)
    return faults


def _lost(connection: sqlite3.Connection, promised: Mapping[tuple[int, str], int]) -> list[str]:
    rows = connection.execute("SELECT id, owner_id, request_key, state FROM jobs").fetchall()
    known = {(row["owner_id"], row["request_key"]): row["id"] for row in rows}
    lost = [f"lost: {key}" for key, number in promised.items() if known.get(key) != number]
    doubled = [f"never asked for: {key}" for key in known if key not in promised]
    return (
        lost + doubled + [f"job {row['id']} is {row['state']}" for row in rows if row["state"] not in FINAL]
    )


def _doubled(connection: sqlite3.Connection) -> list[str]:
    statements: Collection[str] = (
        "SELECT job_id AS n FROM images GROUP BY job_id, position HAVING count(*) > 1",
        "SELECT owner_id AS n FROM jobs GROUP BY owner_id, request_key HAVING count(*) > 1",
        "SELECT owner_id AS n FROM characters GROUP BY owner_id, name_key HAVING count(*) > 1",
    )
    return [f"doubled: {row['n']} of {one}" for one in statements for row in connection.execute(one)]


def _without_outcome(connection: sqlite3.Connection) -> list[str]:
    """Return delivered jobs without all of their pictures, failed ones without a reason, others' pictures."""
    statement = """
        SELECT jobs.id, jobs.state, jobs.failure, jobs.told_at, count(images.id) AS kept,
            json_array_length(jobs.result, '$.pictures') AS made
        FROM jobs LEFT JOIN images ON images.job_id = jobs.id GROUP BY jobs.id
    """
    faults: list[str] = []
    for row in connection.execute(statement):
        if row["state"] == JobState.DELIVERED and (not row["made"] or row["kept"] != row["made"]):
            faults.append(f"job {row['id']} is delivered with {row['kept']} of {row['made']} pictures")
        if row["state"] == JobState.FAILED and (row["failure"] is None or row["told_at"] is None):
            faults.append(f"job {row['id']} has failed, and nobody knows why")
        if row["state"] == JobState.CANCELLED and row["kept"]:
            faults.append(f"job {row['id']} is cancelled, and {row['kept']} pictures of it are kept")
    return faults
