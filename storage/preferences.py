"""Settings of users and of servers: a name and a plain value each."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from storage.database import Database

Preference = str | int | float | bool

_PUT = """
INSERT INTO preferences (scope, subject_id, name, value) VALUES (:scope, :subject_id, :name, :value)
ON CONFLICT (scope, subject_id, name) DO UPDATE SET value = excluded.value
"""
_ALL = "SELECT name, value FROM preferences WHERE scope = :scope AND subject_id = :subject_id ORDER BY name"
_RESET = "DELETE FROM preferences WHERE scope = :scope AND subject_id = :subject_id AND name = :name"
_FORGET = "DELETE FROM preferences WHERE scope = :scope AND subject_id = :subject_id"


class Scope(StrEnum):
    """Whose settings they are."""

    USER = "user"
    SERVER = "server"


class PreferenceStore(Protocol):
    """The contract. It knows no names and no defaults: those belong to whoever asks."""

    async def put(self, scope: Scope, subject_id: int, name: str, value: Preference) -> None:
        """Set one."""
        ...

    async def of(self, scope: Scope, subject_id: int) -> Mapping[str, Preference]:
        """Return all that are set, by name."""
        ...

    async def reset(self, scope: Scope, subject_id: int, name: str) -> None:
        """Unset one, if it is set."""
        ...

    async def forget(self, scope: Scope, subject_id: int) -> None:
        """Unset all of a user or a server."""
        ...


class SqlitePreferenceStore:
    """Settings as a table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, scope: Scope, subject_id: int, name: str, value: Preference) -> None:
        """See `PreferenceStore`."""
        text = json.dumps(value, allow_nan=False)
        await self._database.fetch(
            _PUT, {"scope": scope, "subject_id": subject_id, "name": name, "value": text}
        )

    async def of(self, scope: Scope, subject_id: int) -> Mapping[str, Preference]:
        """See `PreferenceStore`."""
        rows = await self._database.fetch(_ALL, {"scope": scope, "subject_id": subject_id})
        return {row["name"]: json.loads(row["value"]) for row in rows}

    async def reset(self, scope: Scope, subject_id: int, name: str) -> None:
        """See `PreferenceStore`."""
        await self._database.fetch(_RESET, {"scope": scope, "subject_id": subject_id, "name": name})

    async def forget(self, scope: Scope, subject_id: int) -> None:
        """See `PreferenceStore`."""
        await self._database.fetch(_FORGET, {"scope": scope, "subject_id": subject_id})
