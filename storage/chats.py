"""Chats: where a job was asked for, what reaches that place, and where its outcome was told."""

from enum import StrEnum
from typing import Protocol

from pydantic import Field

from storage.clock import Clock, wall_clock
from storage.database import Database, Row
from synid_engine.serving.messages import Identifier, Message

_ADD = """
INSERT INTO chats (
    owner_id, request_key, server_id, channel_id, reply_id, token, token_until, may_post, is_hidden,
    is_spoiler, upload_limit, locale, created_at
)
VALUES (
    :owner_id, :request_key, :server_id, :channel_id, :reply_id, :token, :token_until, :may_post, :is_hidden,
    :is_spoiler, :upload_limit, :locale, :now
)
ON CONFLICT (owner_id, request_key) DO NOTHING
"""
_OF_REQUEST = "SELECT * FROM chats WHERE owner_id = :owner_id AND request_key = :request_key"
_ATTEMPT = """
UPDATE chats SET attempted_at = coalesce(attempted_at, :now)
WHERE owner_id = :owner_id AND request_key = :request_key
"""
_TELL = """
UPDATE chats SET told = :told, told_channel_id = :channel_id, told_message_id = :message_id, token = ''
WHERE owner_id = :owner_id AND request_key = :request_key
"""
_MARK = "UPDATE chats SET is_spoiler = :is_spoiler WHERE owner_id = :owner_id AND request_key = :request_key"
_KEPT = """
SELECT * FROM chats WHERE owner_id = :owner_id AND told = 'kept' ORDER BY created_at DESC, request_key DESC
LIMIT :limit
"""
_FORGET = "DELETE FROM chats WHERE owner_id = :owner_id AND request_key = :request_key"
_FORGET_OWNER = "DELETE FROM chats WHERE owner_id = :owner_id"
_FORGET_ABANDONED = """
DELETE FROM chats WHERE NOT EXISTS (
    SELECT 1 FROM jobs WHERE jobs.owner_id = chats.owner_id AND jobs.request_key = chats.request_key
)
"""


class Told(StrEnum):
    """How an outcome reached its person: as the reply, beside it, or not yet."""

    REPLY = "reply"
    CHANNEL = "channel"
    DIRECT = "direct"
    KEPT = "kept"
    FETCHED = "fetched"


class Chat(Message):
    """Where a job was asked for.

    Attributes:
        request_key: Of the job.
        server_id: None outside of servers that have the bot.
        reply_id: The message that answers the request.
        token: Edits that message until `token_until`, seconds since 1970; empty once the outcome is told.
        may_post: Whether the bot may write messages of its own there.
        is_hidden: Whether only the owner sees the reply.
        is_spoiler: Whether the pictures are covered.
        upload_limit: Bytes of the largest file there.
        locale: The language that the owner's client has.
    """

    owner_id: Identifier
    request_key: str
    server_id: Identifier | None = None
    channel_id: Identifier
    reply_id: Identifier
    token: str = Field(repr=False)
    token_until: float
    may_post: bool
    is_hidden: bool = False
    is_spoiler: bool = False
    upload_limit: int
    locale: str = "en"


class ChatRecord(Chat):
    """A chat as stored.

    Attributes:
        attempted_at: When a new message for the outcome was first tried; None if never.
        told: How the outcome reached its person; None while it has not.
        told_channel_id: Where the outcome is, likewise `told_message_id`.
    """

    attempted_at: float | None = None
    told: Told | None = None
    told_channel_id: Identifier | None = None
    told_message_id: Identifier | None = None
    created_at: float


class ChatStore(Protocol):
    """The contract. Changing what is not there changes nothing."""

    async def add(self, chat: Chat) -> None:
        """Note where a job is about to be asked for; a second time changes nothing."""
        ...

    async def of_request(self, owner_id: int, request_key: str) -> ChatRecord | None:
        """Return where a job was asked for; None if that was in no chat."""
        ...

    async def attempt(self, owner_id: int, request_key: str) -> None:
        """Note that a new message for the outcome is about to be sent."""
        ...

    async def tell(
        self,
        owner_id: int,
        request_key: str,
        told: Told,
        *,
        channel_id: int | None = None,
        message_id: int | None = None,
    ) -> None:
        """Note how the outcome reached its person, and forget the token."""
        ...

    async def mark_spoiler(self, owner_id: int, request_key: str, *, is_spoiler: bool) -> None:
        """Note whether the pictures are covered."""
        ...

    async def kept(self, owner_id: int, *, limit: int) -> list[ChatRecord]:
        """Return the chats whose outcome reached nobody, newest first."""
        ...

    async def forget(self, owner_id: int, request_key: str) -> None:
        """Remove one."""
        ...

    async def forget_owner(self, owner_id: int) -> None:
        """Remove all of an owner."""
        ...


class SqliteChatStore:
    """Chats as a table."""

    def __init__(self, database: Database, *, clock: Clock = wall_clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, chat: Chat) -> None:
        """See `ChatStore`."""
        await self._database.fetch(_ADD, {**chat.model_dump(exclude={"version"}), "now": self._clock()})

    async def of_request(self, owner_id: int, request_key: str) -> ChatRecord | None:
        """See `ChatStore`."""
        row = await self._database.fetch_one(_OF_REQUEST, {"owner_id": owner_id, "request_key": request_key})
        return None if row is None else _chat_of(row)

    async def attempt(self, owner_id: int, request_key: str) -> None:
        """See `ChatStore`."""
        await self._database.fetch(
            _ATTEMPT, {"owner_id": owner_id, "request_key": request_key, "now": self._clock()}
        )

    async def tell(
        self,
        owner_id: int,
        request_key: str,
        told: Told,
        *,
        channel_id: int | None = None,
        message_id: int | None = None,
    ) -> None:
        """See `ChatStore`."""
        await self._database.fetch(
            _TELL,
            {
                "owner_id": owner_id,
                "request_key": request_key,
                "told": told,
                "channel_id": channel_id,
                "message_id": message_id,
            },
        )

    async def mark_spoiler(self, owner_id: int, request_key: str, *, is_spoiler: bool) -> None:
        """See `ChatStore`."""
        await self._database.fetch(
            _MARK, {"owner_id": owner_id, "request_key": request_key, "is_spoiler": is_spoiler}
        )

    async def kept(self, owner_id: int, *, limit: int) -> list[ChatRecord]:
        """See `ChatStore`."""
        rows = await self._database.fetch(_KEPT, {"owner_id": owner_id, "limit": limit})
        return [_chat_of(row) for row in rows]

    async def forget(self, owner_id: int, request_key: str) -> None:
        """See `ChatStore`."""
        await self._database.fetch(_FORGET, {"owner_id": owner_id, "request_key": request_key})

    async def forget_owner(self, owner_id: int) -> None:
        """See `ChatStore`."""
        await self._database.fetch(_FORGET_OWNER, {"owner_id": owner_id})

    async def forget_abandoned(self) -> None:
        """Remove those whose job was never made or has been removed; call it when the coordinator starts."""
        await self._database.fetch(_FORGET_ABANDONED)


def _chat_of(row: Row) -> ChatRecord:
    fields = {key: row[key] for key in row.keys()}  # noqa: SIM118 - iterating over a row yields its values
    return ChatRecord.model_validate(fields)
