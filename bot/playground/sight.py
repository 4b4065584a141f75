"""What a user may see of a loopback Discord, and how the page is told of it.

Source: discord-api-docs, topics/permissions; topics/threads, "Private Threads".
"""

from dataclasses import dataclass
from typing import Any, cast

from bot.loopback.changes import INTERACTION, Change
from bot.loopback.form import Json
from bot.loopback.message_payloads import message_payload
from bot.loopback.message_rules import EPHEMERAL
from bot.loopback.models import Channel, ChannelKind, Message, User
from bot.loopback.people import NotOfferedError, may_act
from bot.loopback.permissions import MANAGE_THREADS, READ_MESSAGE_HISTORY
from bot.loopback.person import Person
from bot.loopback.world import World

_LINKS = frozenset({"url", "proxy_url", "icon_url"})
_FOLDERS = ("/attachments/", "/ephemeral-attachments/", "/embed/avatars/")
_PLACES = ("CHANNEL_", "THREAD_", "GUILD_")


class UnseenError(Exception):
    """The user asked for something that is not there, or not for them: they are told the same of both."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The eyes of one user.

    Attributes:
        world: The state.
        user: Whose eyes.
    """

    world: World
    user: User

    @property
    def person(self) -> Person:
        """The user at their client."""
        return Person(self.world, self.user)

    def sees(self, channel: Channel) -> bool:
        """Tell whether a channel is shown: its permissions, its age limit, a private thread's members."""
        try:
            may_act(self.world, self.user, channel)
        except NotOfferedError:
            return False
        if channel.kind != ChannelKind.PRIVATE_THREAD or self.user.id in channel.thread_member_ids:
            return True
        return bool(self.world.permissions(channel, self.user.id) & MANAGE_THREADS)

    def knows(self, user: User) -> bool:
        """Tell whether the user can look somebody up: they share a server, messages, or the app."""
        if user.id == self.user.id or self.world.shares_a_guild(self.user.id, user.id):
            return True
        if user.id == self.world.bot_id and self.user.id in self.world.installs:
            return True
        private = (one for one in self.world.channels.values() if one.guild_id is None)
        return any({self.user.id, user.id} <= set(one.recipient_ids) for one in private)

    def channel(self, channel_id: int) -> Channel:
        """Find a channel that the user sees."""
        channel = self.world.channels.get(channel_id)
        if channel is None or not self.sees(channel):
            raise UnseenError
        return channel

    def message(self, channel: Channel, message_id: int) -> Message:
        """Find a message that the user sees."""
        found = self.world.messages.get(channel.id, {}).get(message_id)
        if found is None or found.ephemeral_to not in {None, self.user.id}:
            raise UnseenError
        return found

    def known_user(self, user_id: int) -> User:
        """Find a user whom this one can look up."""
        user = self.world.users.get(user_id)
        if user is None or not self.knows(user):
            raise UnseenError
        return user

    def history(self, channel: Channel) -> list[Json]:
        """Return the messages of a channel, oldest first, as the page is told of them."""
        if not self.world.permissions(channel, self.user.id) & READ_MESSAGE_HISTORY:
            return []
        return [self.written(message_payload(self.world, one)) for one in self.person.sees(channel)]

    def told(self, change: Change) -> Json | None:
        """Return what the page is told of a change; None for nothing."""
        if change.event.startswith(_PLACES):  # what is no longer seen has changed too: no word of what it was
            return {"event": "places"}
        channel = self.world.channels.get(change.channel_id or 0)
        if channel is None or not self.sees(channel) or not self.person.hears(change):
            return None
        return self._in_channel(change, channel)

    def _in_channel(self, change: Change, channel: Channel) -> Json | None:
        """Return what the page is told of a change within a channel that the user sees."""
        if change.event in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}:
            is_new = change.event == "MESSAGE_CREATE"
            return {"event": "message", "is_new": is_new, "message": self.written(change.data)}
        if change.event == "MESSAGE_DELETE":
            return {"event": "gone", "channel_id": change.data["channel_id"], "id": change.data["id"]}
        if change.event == INTERACTION:
            return {"event": "interaction", "channel_id": str(channel.id)} | change.data
        if change.event == "TYPING_START":
            return {"event": "typing", "channel_id": str(channel.id), "user": change.data["user"]}
        return None

    def written(self, told: Json) -> Json:
        """Return a message's payload without what others alone see, its files as links within this page."""
        kept = {name: value for name, value in told.items() if name != "nonce"}
        referred: Json | None = told.get("referenced_message")
        if referred is not None and not self._may_read(referred):
            kept["referenced_message"] = None
        return self.linked(kept)

    def _may_read(self, told: Json) -> bool:
        if not told["flags"] & EPHEMERAL:
            return True
        message = self.world.messages.get(int(told["channel_id"]), {}).get(int(told["id"]))
        return message is not None and message.ephemeral_to == self.user.id

    def linked(self, told: Json) -> Json:
        """Return a payload whose links to the loopback's own files start at the page's own address."""
        return cast("Json", _relative(told, self.world.address, is_link=False))


def _relative(value: Any, address: str, *, is_link: bool) -> Any:  # noqa: ANN401 - any piece of JSON
    if isinstance(value, dict):
        items = cast("Json", value).items()
        return {name: _relative(inner, address, is_link=name in _LINKS) for name, inner in items}
    if isinstance(value, list):
        return [_relative(inner, address, is_link=False) for inner in cast("list[Any]", value)]
    if is_link and isinstance(value, str):
        path = value.removeprefix(address)
        return path if path.startswith(_FOLDERS) else value
    return value
