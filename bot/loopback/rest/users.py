"""The bot itself, other users, direct messages, and where the gateway is."""

from bot.loopback.changes import Change
from bot.loopback.form import Json, check_form, record, required, snowflake
from bot.loopback.payloads import (
    application_payload,
    channel_payload,
    own_guild_payload,
    own_user_payload,
    user_payload,
)
from bot.loopback.refusals import refusal
from bot.loopback.rest.access import joined_guild
from bot.loopback.rest.call import Call, Route
from bot.loopback.world import World


def _me(call: Call) -> Json:
    return own_user_payload(call.world.users[call.world.bot_id])


def _user(call: Call) -> Json:
    return user_payload(call.world.user(call.id("user_id")))


def _application(call: Call) -> Json:
    return application_payload(call.world)


def _guilds(call: Call) -> list[Json]:
    world = call.world
    joined = [guild for guild in world.guilds.values() if world.bot_id in guild.members]
    return [own_guild_payload(world, guild) for guild in joined]


def _open_direct(call: Call) -> Json:
    world = call.world
    check_form(call.body, record({"recipient_id": required(snowflake)}))
    other = int(call.fields()["recipient_id"])
    if other not in world.users or other == world.bot_id:
        raise refusal("invalid recipient")
    return channel_payload(world, world.direct_channel(world.bot_id, other))


def _leave(call: Call) -> None:
    guild, world = joined_guild(call), call.world
    del guild.members[world.bot_id]
    guild.has_commands = False
    data: Json = {"id": str(guild.id)}
    world.changes.publish(Change(event="GUILD_DELETE", data=data, guild_id=guild.id))


def _gateway_address(world: World) -> str:
    return f"{world.address.replace('http', 'ws', 1)}/gateway/"


def _gateway(call: Call) -> Json:
    return {"url": _gateway_address(call.world)}


def _gateway_bot(call: Call) -> Json:
    limits = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
    return {"url": _gateway_address(call.world), "shards": 1, "session_start_limit": limits}


ROUTES = (
    Route(method="GET", path="/users/@me", handle=_me),
    Route(method="GET", path="/users/@me/guilds", handle=_guilds),
    Route(method="DELETE", path="/users/@me/guilds/{guild_id}", handle=_leave),
    Route(method="POST", path="/users/@me/channels", handle=_open_direct, bucket="direct message"),
    Route(method="GET", path="/users/{user_id}", handle=_user),
    Route(method="GET", path="/oauth2/applications/@me", handle=_application),
    Route(method="GET", path="/applications/@me", handle=_application),
    Route(method="GET", path="/gateway", handle=_gateway, needs_token=False),
    Route(method="GET", path="/gateway/bot", handle=_gateway_bot),
)
