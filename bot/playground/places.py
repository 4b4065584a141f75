"""Where a user can go and whom they meet there, as the page is told of it."""

from bot.loopback.form import Json
from bot.loopback.models import Channel, Guild, Member, User
from bot.loopback.payloads import command_payload, role_payload, user_payload
from bot.loopback.permissions import ATTACH_FILES, MANAGE_MESSAGES, USE_APPLICATION_COMMANDS, sending_needs
from bot.loopback.world import World
from bot.playground.sight import Sight


def people(world: World) -> list[Json]:
    """Return everybody whom the person at the page can be."""
    return [
        user_payload(user) for user in world.users.values() if not user.bot and _is_somewhere(world, user)
    ]


def _is_somewhere(world: World, user: User) -> bool:
    """Leave out the owner of the application, who is there in name only."""
    if user.id != world.owner_id:
        return True
    return any(guild.owner_id != user.id and user.id in guild.members for guild in world.guilds.values())


def home(sight: Sight) -> Json:
    """Return everything beside the messages that a user's client shows."""
    world, user = sight.world, sight.user
    private = [one for one in world.channels.values() if one.guild_id is None and sight.sees(one)]
    return {
        "me": user_payload(user) | {"locale": user.locale},
        "bot": user_payload(world.users[world.bot_id]) | {"is_reachable": _reaches_bot(sight)},
        "guilds": [_guild(sight, guild) for guild in sight.person.guilds()],
        "direct": [_channel(sight, channel) for channel in private],
    }


def _reaches_bot(sight: Sight) -> bool:
    return sight.knows(sight.world.users[sight.world.bot_id])


def _guild(sight: Sight, guild: Guild) -> Json:
    world = sight.world
    inside = [one for one in world.channels.values() if one.guild_id == guild.id and sight.sees(one)]
    members = [member for member in guild.members.values() if not _is_absent(world, guild, member)]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "roles": [role_payload(role) for role in guild.roles.values()],
        "members": [_member(world, member) for member in members],
        "channels": [_channel(sight, channel) for channel in inside],
    }


def _is_absent(world: World, guild: Guild, member: Member) -> bool:
    return member.user_id == world.owner_id == guild.owner_id


def _member(world: World, member: Member) -> Json:
    return {
        "user": user_payload(world.users[member.user_id]),
        "nick": member.nick,
        "roles": [str(role_id) for role_id in sorted(member.role_ids)],
    }


def _channel(sight: Sight, channel: Channel) -> Json:
    world, held = sight.world, sight.world.permissions(channel, sight.user.id)
    others = [world.users[one] for one in channel.recipient_ids if one != sight.user.id]
    sending = sending_needs(channel)
    return {
        "id": str(channel.id),
        "type": int(channel.kind),
        "name": channel.name,
        "guild_id": str(channel.guild_id) if channel.guild_id else None,
        "parent_id": str(channel.parent_id) if channel.parent_id else None,
        "topic": channel.topic,
        "nsfw": world.is_age_restricted(channel),
        "position": channel.position,
        "archived": channel.archived,
        "last_message_id": str(channel.last_message_id) if channel.last_message_id else None,
        "recipients": [user_payload(user) for user in others],
        "may_send": bool(held & sending),
        "may_attach": bool(held & ATTACH_FILES and held & sending),
        "may_use_commands": bool(held & USE_APPLICATION_COMMANDS),
        "may_manage": bool(held & MANAGE_MESSAGES),
        "upload_limit": world.upload_limit(channel),
    }


def commands(sight: Sight, channel: Channel) -> list[Json]:
    """Return the commands that a user is shown in a channel."""
    return [command_payload(sight.world, command) for command in sight.person.commands(channel)]
