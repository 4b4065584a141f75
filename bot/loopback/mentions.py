"""Whom a message pings: what is written in it, as far as its author and `allowed_mentions` permit."""

import re
from dataclasses import dataclass

from bot.loopback.component_rules import TEXT_DISPLAY, walk
from bot.loopback.form import Json
from bot.loopback.models import Channel, Message
from bot.loopback.permissions import MENTION_EVERYONE
from bot.loopback.world import World

_USER = re.compile(r"<@!?(\d{1,20})>")
_ROLE = re.compile(r"<@&(\d{1,20})>")
_EVERYONE = re.compile(r"@(?:everyone|here)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What `allowed_mentions` permits: None is everything of a kind."""

    users: frozenset[int] | None
    roles: frozenset[int] | None
    everyone: bool


def allowed_mentions(body: Json) -> Allowed:
    """Read `allowed_mentions`; without it, everything is permitted."""
    given: Json | None = body.get("allowed_mentions")
    if given is None:
        return Allowed(users=None, roles=None, everyone=True)
    kinds: list[str] = given.get("parse") or []
    users = None if "users" in kinds else _ids(given, "users")
    roles = None if "roles" in kinds else _ids(given, "roles")
    return Allowed(users=users, roles=roles, everyone="everyone" in kinds)


def _ids(given: Json, kind: str) -> frozenset[int]:
    named: list[str] = given.get(kind) or []
    return frozenset(int(name) for name in named)


def written(message: Message) -> str:
    """Return everything in a message that can hold a mention."""
    texts = [part["content"] for _, part in walk(message.components) if part["type"] == TEXT_DISPLAY]
    return "\n".join([message.content, *texts])


def note_mentions(world: World, channel: Channel, message: Message, body: Json) -> None:
    """Fill in whom a message pings."""
    allowed, words = allowed_mentions(body), written(message)
    users = dict.fromkeys(int(found) for found in _USER.findall(words))
    roles = dict.fromkeys(int(found) for found in _ROLE.findall(words))
    guild = world.guild_of(channel)
    message.mentioned_user_ids = [
        user for user in users if user in world.users and (allowed.users is None or user in allowed.users)
    ]
    message.mentioned_role_ids = [
        role
        for role in roles
        if guild and role in guild.roles and (allowed.roles is None or role in allowed.roles)
    ]
    may = bool(world.permissions(channel, message.author_id) & MENTION_EVERYONE)
    message.mentions_everyone = bool(may and allowed.everyone and guild and _EVERYONE.search(words))
