"""Fill in a command's options as the user's client does: typed, bounded, files uploaded.

It knows nothing about what becomes of them.
"""

from dataclasses import dataclass, field
from typing import Any

from bot.loopback.cdn import content_type, keep
from bot.loopback.command_rules import (
    ATTACHMENT,
    BOOLEAN,
    CHANNEL,
    GROUP,
    INTEGER,
    MENTIONABLE,
    NUMBER,
    ROLE,
    STRING,
    SUBCOMMAND,
    USER_OPTION,
)
from bot.loopback.form import Json, parts
from bot.loopback.message_payloads import attachment_payload
from bot.loopback.models import Channel, Role, Upload, User
from bot.loopback.payloads import channel_payload, member_payload, role_payload, user_payload
from bot.loopback.people import NotOfferedError
from bot.loopback.world import World

_LONGEST_TEXT = 6000


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that a user picks."""

    name: str
    data: bytes


@dataclass(slots=True)
class Resolved:
    """What ids in an interaction stand for, as Discord sends it along."""

    world: World
    channel: Channel
    kinds: dict[str, Json] = field(default_factory=dict[str, Json])

    def _add(self, kind: str, key: int, told: Json) -> str:
        self.kinds.setdefault(kind, {})[str(key)] = told
        return str(key)

    def user(self, user: User) -> str:
        """Add a user, and their membership if they are in this guild."""
        guild = self.world.guild_of(self.channel)
        if guild is not None and user.id in guild.members:
            member = member_payload(self.world, guild.members[user.id], with_user=False)
            self._add(
                "members",
                user.id,
                member | {"permissions": str(self.world.permissions(self.channel, user.id))},
            )
        return self._add("users", user.id, user_payload(user))

    def role(self, role: Role) -> str:
        """Add a role."""
        return self._add("roles", role.id, role_payload(role))

    def place(self, channel: Channel) -> str:
        """Add a channel."""
        told = channel_payload(self.world, channel)
        return self._add("channels", channel.id, told | {"permissions": "0"})

    def message(self, message_id: int, told: Json) -> str:
        """Add a message."""
        return self._add("messages", message_id, told)

    def file(self, file: LocalFile) -> str:
        """Upload a file, and add it."""
        if len(file.data) > self.world.upload_limit(self.channel):
            raise NotOfferedError(f"{file.name} is too large")
        upload = Upload(key=0, filename=file.name, data=file.data, content_type=content_type(file.name))
        attachment = keep(self.world, upload, self.channel.id, ephemeral=True)
        return self._add("attachments", attachment.id, attachment_payload(self.world, attachment))

    def anything(self, value: Any) -> str:  # noqa: ANN401 - whatever a select or an option can hold
        """Add whatever it is."""
        if isinstance(value, User):
            return self.user(value)
        if isinstance(value, Role):
            return self.role(value)
        if isinstance(value, Channel):
            return self.place(value)
        raise NotOfferedError(f"{value!r} is neither user, role nor channel")


def split_name(body: Json, name: str) -> list[Json]:
    """Return the chain of subcommands that a full name such as `character create` stands for.

    Raises:
        NotOfferedError: There is no such subcommand, or the name stops before one.
    """
    chain: list[Json] = []
    here = body
    for word in name.split()[1:]:
        found = [
            one
            for one in parts(here, "options")
            if one["name"] == word and one["type"] in {SUBCOMMAND, GROUP}
        ]
        if not found:
            raise NotOfferedError(f"there is no subcommand {word}")
        here = found[0]
        chain.append(here)
    if any(one["type"] in {SUBCOMMAND, GROUP} for one in parts(here, "options")):
        raise NotOfferedError(f"{name} needs a subcommand")
    return chain


def nest(chain: list[Json], values: list[Json]) -> list[Json]:
    """Wrap options into their subcommands."""
    for part in reversed(chain):
        values = [{"name": part["name"], "type": part["type"], "options": values}]
    return values


def fill(
    declared: list[Json], given: dict[str, Any], resolved: Resolved, *, typing: str | None = None
) -> list[Json]:
    """Return the options as the interaction carries them.

    Args:
        declared: What the command takes.
        given: Name -> value; users, roles, channels and `LocalFile` as they are.
        resolved: Where what they stand for is noted.
        typing: The option that is being typed, whose value is not checked; required ones may be missing then.

    Raises:
        NotOfferedError: The user's client would not send it.
    """
    known = {option["name"]: option for option in declared}
    unknown = given.keys() - known.keys()
    if unknown:
        raise NotOfferedError(f"there is no option {', '.join(sorted(unknown))}")
    missing = [name for name, option in known.items() if option.get("required") and name not in given]
    if missing and typing is None:
        raise NotOfferedError(f"the option {', '.join(missing)} is required")
    told: list[Json] = []
    for name, value in given.items():
        option = known[name]
        if name == typing:
            told.append({"name": name, "type": option["type"], "value": str(value), "focused": True})
        else:
            told.append({"name": name, "type": option["type"], "value": _value(option, value, resolved)})
    return told


def _value(option: Json, value: Any, resolved: Resolved) -> str | int | float | bool:  # noqa: ANN401
    kind = option["type"]
    choices: list[Json] = option.get("choices") or []
    if choices and value not in [choice["value"] for choice in choices]:
        raise NotOfferedError(f"{value!r} is not among the choices of {option['name']}")
    if kind in {USER_OPTION, ROLE, CHANNEL, MENTIONABLE}:
        return _entity(option, value, resolved)
    if kind == ATTACHMENT:
        if not isinstance(value, LocalFile):
            raise NotOfferedError(f"{option['name']} takes a file")
        return resolved.file(value)
    return _plain(option, value)


def _entity(option: Json, value: Any, resolved: Resolved) -> str:  # noqa: ANN401
    fitting = {USER_OPTION: User, ROLE: Role, CHANNEL: Channel, MENTIONABLE: (User, Role)}[option["type"]]
    if not isinstance(value, fitting):
        raise NotOfferedError(f"{option['name']} takes something else")
    kinds = option.get("channel_types")
    if isinstance(value, Channel) and kinds and int(value.kind) not in kinds:
        raise NotOfferedError(f"{option['name']} takes another kind of channel")
    return resolved.anything(value)


def _plain(option: Json, value: Any) -> str | int | float | bool:  # noqa: ANN401
    kind, name = option["type"], option["name"]
    fitting = {STRING: str, BOOLEAN: bool, INTEGER: int, NUMBER: (int, float)}[kind]
    if not isinstance(value, fitting) or (kind != BOOLEAN and isinstance(value, bool)):
        raise NotOfferedError(f"{name} takes something else")
    size = len(value) if isinstance(value, str) else value
    bounds = ("min_length", "max_length") if kind == STRING else ("min_value", "max_value")
    least, most = option.get(bounds[0]), option.get(bounds[1])
    if kind == STRING and not value:
        raise NotOfferedError(f"{name} is empty")
    if kind == STRING:
        most = min(most or _LONGEST_TEXT, _LONGEST_TEXT)
    if kind != BOOLEAN and ((least is not None and size < least) or (most is not None and size > most)):
        raise NotOfferedError(f"{name} is out of range")
    return value
