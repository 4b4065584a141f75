"""The numbered steps from an empty database to the present schema, each applied whole or not at all."""

import re
import sqlite3
from functools import cache
from importlib import resources

import aiosqlite

_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")


@cache
def migrations() -> tuple[str, ...]:
    """Return the scripts in their order; the first one leads to schema version 1."""
    folder = resources.files("storage") / "migrations"
    numbered = sorted(
        (int(found[1]), entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if (found := _NAME.fullmatch(entry.name))
    )
    if [number for number, _ in numbered] != list(range(1, len(numbered) + 1)):
        message = "the migrations are not numbered from 1 without a gap"
        raise RuntimeError(message)
    return tuple(script for _, script in numbered)


async def schema_version(connection: aiosqlite.Connection) -> int:
    """Return the version that a database has; 0 is empty."""
    rows = list(await connection.execute_fetchall("PRAGMA user_version"))
    return int(rows[0][0])


async def migrate(connection: aiosqlite.Connection, scripts: tuple[str, ...]) -> None:
    """Bring a database to the version of the last script, or of the last one that succeeds.

    Args:
        connection: In autocommit mode, at most at the version of the last script.
        scripts: From `migrations`.
    """
    found = await schema_version(connection)
    for number, script in enumerate(scripts[found:], start=found + 1):
        try:
            await connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error:
            await connection.rollback()
            raise
