"""The log of what was refused or withheld, for those who answer for a server; entries go after a while."""

from enum import StrEnum
from typing import Protocol

from storage.clock import Clock, wall_clock
from storage.database import Database
from synid_engine.serving.messages import Identifier, Message

KEPT_S = 90 * 24 * 3600.0

_NOTE = """
INSERT INTO moderation (owner_id, server_id, subject, kind, reason, detail, score, noted_at)
VALUES (:owner_id, :server_id, :subject, :kind, :reason, :detail, :score, :now)
ON CONFLICT (owner_id, subject) DO NOTHING
"""
_OF_SERVER = """
SELECT owner_id, server_id, subject, kind, reason, detail, score, noted_at FROM moderation
WHERE server_id = :server_id AND noted_at > :since ORDER BY noted_at DESC, id DESC LIMIT :limit
"""
_FORGET_OLD = "DELETE FROM moderation WHERE noted_at <= :since"


class Kind(StrEnum):
    """What an entry is about."""

    TEXT = "text"
    PICTURE = "picture"


class Entry(Message):
    """Something that was refused or withheld.

    Attributes:
        owner_id: Who asked for it.
        server_id: Where; None outside of servers that have the bot.
        subject: The request or the picture that it is about.
        kind: What it is.
        reason: The word for why.
        detail: The text, or the SHA-256 of the picture.
        score: Of the picture, where it has one.
    """

    owner_id: Identifier
    server_id: Identifier | None = None
    subject: str
    kind: Kind
    reason: str
    detail: str
    score: float | None = None


class EntryRecord(Entry):
    """An entry as stored; `noted_at` is in seconds since 1970."""

    noted_at: float


class ModerationLog(Protocol):
    """The contract."""

    async def note(self, entry: Entry) -> None:
        """Note something, once; entries older than `KEPT_S` are forgotten."""
        ...

    async def of_server(self, server_id: int, *, limit: int) -> list[EntryRecord]:
        """Return what a server's members were refused, newest first."""
        ...


class SqliteModerationLog:
    """The log as a table."""

    def __init__(self, database: Database, *, clock: Clock = wall_clock) -> None:
        self._database = database
        self._clock = clock

    async def note(self, entry: Entry) -> None:
        """See `ModerationLog`."""
        now = self._clock()
        await self._database.fetch(_FORGET_OLD, {"since": now - KEPT_S})
        await self._database.fetch(_NOTE, {**entry.model_dump(exclude={"version"}), "now": now})

    async def of_server(self, server_id: int, *, limit: int) -> list[EntryRecord]:
        """See `ModerationLog`."""
        given = {"server_id": server_id, "since": self._clock() - KEPT_S, "limit": limit}
        rows = await self._database.fetch(_OF_SERVER, given)
        return [EntryRecord.model_validate(dict(zip(row.keys(), row, strict=True))) for row in rows]
