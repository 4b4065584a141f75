"""Turn what the page sends into what a user's client takes: ids into people and places, parts into files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from bot.loopback.form import Json
from bot.loopback.models import Channel, Role, User
from bot.loopback.options import LocalFile
from bot.loopback.rest.call import Call
from bot.playground.sight import Sight, UnseenError


class StrangeRequestError(Exception):
    """The page sent something that no page sends."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a user at the page.

    Attributes:
        sight: Who asks.
        call: What they ask.
    """

    sight: Sight
    call: Call

    def channel(self) -> Channel:
        """Return the channel in the path."""
        return self.sight.channel(self.call.id("channel_id"))

    def text(self, name: str) -> str:
        """Return a field of the body that must be a string."""
        value = self.call.fields().get(name)
        if not isinstance(value, str):
            raise StrangeRequestError(f"{name} is no text")
        return value

    def number(self, name: str) -> int:
        """Return a field of the body that must be an id."""
        text = self.text(name)
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(1 << 64))):
            raise StrangeRequestError(f"{name} is no id")
        return int(text)

    def files(self) -> list[LocalFile]:
        """Return every file that came along."""
        return [LocalFile(upload.filename, upload.data) for upload in self.call.uploads]

    def things(self, name: str) -> dict[str, Any]:
        """Return a field that maps names to values, its values as a client takes them."""
        value: Any = self.call.fields().get(name) or {}
        if not isinstance(value, dict):
            raise StrangeRequestError(f"{name} is no mapping")
        return {key: self.thing(inner) for key, inner in cast("Json", value).items()}

    def thing(self, value: Any) -> Any:  # noqa: ANN401 - whatever a field can hold
        """Return a value: `{"user": id}`, `role`, `channel` and `file` as what they stand for."""
        if isinstance(value, list):
            return [self.thing(inner) for inner in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        named = cast("Mapping[str, Any]", value)
        ((kind, key),) = named.items() if len(named) == 1 else (("", ""),)
        find = self._finders().get(kind)
        if find is None or not str(key).isdecimal():
            raise StrangeRequestError("a value is neither plain nor a reference")
        return find(int(key))

    def _finders(self) -> dict[str, Callable[[int], User | Role | Channel | LocalFile]]:
        return {
            "user": self.sight.known_user,
            "role": self._role,
            "channel": self.sight.channel,
            "file": self._file,
        }

    def _role(self, role_id: int) -> Role:
        for guild in self.sight.person.guilds():
            if role_id in guild.roles:
                return guild.roles[role_id]
        raise UnseenError

    def _file(self, key: int) -> LocalFile:
        for upload in self.call.uploads:
            if upload.key == key:
                return LocalFile(upload.filename, upload.data)
        raise StrangeRequestError("a file is missing")
