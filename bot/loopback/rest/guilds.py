"""Servers: what the bot may read of them."""

from bot.loopback.form import Json
from bot.loopback.payloads import channel_payload, guild_payload, member_payload, role_payload
from bot.loopback.refusals import refusal
from bot.loopback.rest.access import joined_guild
from bot.loopback.rest.call import Call, Route


def _get(call: Call) -> Json:
    return guild_payload(call.world, joined_guild(call))


def _channels(call: Call) -> list[Json]:
    guild, world = joined_guild(call), call.world
    every = [one for one in world.channels.values() if one.guild_id == guild.id and not one.is_thread]
    return [channel_payload(world, channel) for channel in every]


def _roles(call: Call) -> list[Json]:
    return [role_payload(role) for role in joined_guild(call).roles.values()]


def _member(call: Call) -> Json:
    guild, world = joined_guild(call), call.world
    user = world.user(call.id("user_id"))
    if user.id not in guild.members:
        raise refusal("unknown member")
    return member_payload(world, guild.members[user.id])


def _threads(call: Call) -> Json:
    guild, world = joined_guild(call), call.world
    active = [one for one in world.threads(guild.id) if not one.archived and world.bot_sees(one)]
    return {"threads": [channel_payload(world, thread) for thread in active], "members": []}


ROUTES = (
    Route(method="GET", path="/guilds/{guild_id}", handle=_get),
    Route(method="GET", path="/guilds/{guild_id}/channels", handle=_channels),
    Route(method="GET", path="/guilds/{guild_id}/roles", handle=_roles),
    Route(method="GET", path="/guilds/{guild_id}/members/{user_id}", handle=_member),
    Route(method="GET", path="/guilds/{guild_id}/threads/active", handle=_threads),
)
