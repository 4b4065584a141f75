"""Chats in memory."""

from collections.abc import Mapping

from storage.chats import Chat, ChatRecord, Told
from storage.clock import Clock, wall_clock


class MemoryChatStore:
    """Chats as a dictionary."""

    def __init__(self, *, clock: Clock = wall_clock) -> None:
        self._chats: dict[tuple[int, str], ChatRecord] = {}
        self._clock = clock

    async def add(self, chat: Chat) -> None:
        """See `ChatStore`."""
        record = ChatRecord(**chat.model_dump(), created_at=self._clock())
        self._chats.setdefault((chat.owner_id, chat.request_key), record)

    async def of_request(self, owner_id: int, request_key: str) -> ChatRecord | None:
        """See `ChatStore`."""
        return self._chats.get((owner_id, request_key))

    async def attempt(self, owner_id: int, request_key: str) -> None:
        """See `ChatStore`."""
        found = self._chats.get((owner_id, request_key))
        if found is not None and found.attempted_at is None:
            self._change(owner_id, request_key, {"attempted_at": self._clock()})

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
        place = {"told_channel_id": channel_id, "told_message_id": message_id}
        self._change(owner_id, request_key, {"told": told, "token": "", **place})

    async def mark_spoiler(self, owner_id: int, request_key: str, *, is_spoiler: bool) -> None:
        """See `ChatStore`."""
        self._change(owner_id, request_key, {"is_spoiler": is_spoiler})

    async def kept(self, owner_id: int, *, limit: int) -> list[ChatRecord]:
        """See `ChatStore`."""
        found = [one for one in self._chats.values() if one.owner_id == owner_id and one.told is Told.KEPT]
        found.sort(key=lambda one: (one.created_at, one.request_key), reverse=True)
        return found[:limit]

    async def forget(self, owner_id: int, request_key: str) -> None:
        """See `ChatStore`."""
        self._chats.pop((owner_id, request_key), None)

    async def forget_owner(self, owner_id: int) -> None:
        """See `ChatStore`."""
        self._chats = {key: chat for key, chat in self._chats.items() if chat.owner_id != owner_id}

    def _change(self, owner_id: int, request_key: str, changes: Mapping[str, object]) -> None:
        found = self._chats.get((owner_id, request_key))
        if found is not None:
            self._chats[owner_id, request_key] = found.model_copy(update=dict(changes))
