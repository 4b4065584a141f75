"""Write people, servers, channels and commands as Discord's JSON; messages are in `message_payloads`.

Source: discord-api-docs, resources/*.
"""

from bot.loopback.cdn import avatar_number
from bot.loopback.form import Json
from bot.loopback.models import (
    Channel,
    ChannelKind,
    Command,
    Guild,
    Member,
    Role,
    User,
)
from bot.loopback.permissions import guild_permissions
from bot.loopback.snowflakes import timestamp
from bot.loopback.world import APPLICATION_FLAGS, World

_ARCHIVE_AFTER_MIN = 1440


def user_payload(user: User) -> Json:
    """Write a user as everybody sees them."""
    return {
        "id": str(user.id),
        "username": user.name,
        "global_name": user.display_name,
        "discriminator": "0",
        "avatar": None,
        "bot": user.bot,
        "system": False,
        "public_flags": 0,
    }


def own_user_payload(user: User) -> Json:
    """Write the bot's user as the bot sees it."""
    return user_payload(user) | {
        "mfa_enabled": True,
        "verified": True,
        "email": None,
        "flags": 0,
        "locale": "en-US",
    }


def avatar_link(world: World, user: User) -> str:
    """Return where a user's picture is."""
    return f"{world.address}/embed/avatars/{avatar_number(user.id)}.png"


def member_payload(world: World, member: Member, *, with_user: bool = True) -> Json:
    """Write a member; messages carry the user beside it."""
    told: Json = {
        "roles": [str(role_id) for role_id in sorted(member.role_ids)],
        "nick": member.nick,
        "avatar": None,
        "joined_at": timestamp(member.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }
    return told | {"user": user_payload(world.users[member.user_id])} if with_user else told


def role_payload(role: Role) -> Json:
    """Write a role."""
    return {
        "id": str(role.id),
        "name": role.name,
        "color": role.colour,
        "colors": {"primary_color": role.colour, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": role.position,
        "permissions": str(role.permissions),
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def channel_payload(world: World, channel: Channel) -> Json:
    """Write a channel of any kind."""
    told: Json = {"id": str(channel.id), "type": int(channel.kind), "flags": 0}
    told["last_message_id"] = str(channel.last_message_id) if channel.last_message_id else None
    if channel.guild_id is None:
        others = [world.users[user_id] for user_id in channel.recipient_ids if user_id != world.bot_id]
        told["recipients"] = [user_payload(user) for user in others]
        if channel.kind == ChannelKind.GROUP:
            told |= {"name": channel.name, "icon": None, "owner_id": str(channel.owner_id)}
        return told
    told |= {
        "guild_id": str(channel.guild_id),
        "name": channel.name,
        "parent_id": str(channel.parent_id) if channel.parent_id else None,
        "rate_limit_per_user": 0,
    }
    return told | (_thread_fields(world, channel) if channel.is_thread else _channel_fields(channel))


def _channel_fields(channel: Channel) -> Json:
    return {
        "topic": channel.topic,
        "nsfw": channel.nsfw,
        "position": channel.position,
        "permission_overwrites": [
            {"id": str(one.target_id), "type": one.kind, "allow": str(one.allow), "deny": str(one.deny)}
            for one in channel.overwrites.values()
        ],
    }


def _thread_fields(world: World, thread: Channel) -> Json:
    return {
        "owner_id": str(thread.owner_id),
        "message_count": len(world.messages.get(thread.id, {})),
        "total_message_sent": len(world.messages.get(thread.id, {})),
        "member_count": len(thread.thread_member_ids),
        "thread_metadata": {
            "archived": thread.archived,
            "locked": thread.locked,
            "auto_archive_duration": _ARCHIVE_AFTER_MIN,
            "archive_timestamp": timestamp(thread.created_at),
            "create_timestamp": timestamp(thread.created_at),
        },
    }


def guild_payload(world: World, guild: Guild) -> Json:
    """Write a guild as `GET /guilds/{id}` does."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "owner_id": str(guild.owner_id),
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [role_payload(role) for role in guild.roles.values()],
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "vanity_url_code": None,
        "description": None,
        "premium_tier": guild.premium_tier,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": guild.locale,
        "nsfw_level": 0,
    }


def guild_create_payload(world: World, guild: Guild) -> Json:
    """Write a guild as the gateway does to a bot without the members intent: only itself is in the list.

    Channels that the bot cannot see are told, threads in them are not.
    """
    own = guild.members[world.bot_id]
    channels = [one for one in world.channels.values() if one.guild_id == guild.id and not one.is_thread]
    return guild_payload(world, guild) | {
        "joined_at": timestamp(own.joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(guild.members),
        "members": [member_payload(world, own)],
        "channels": [channel_payload(world, one) for one in channels],
        "threads": [channel_payload(world, one) for one in world.threads(guild.id) if world.bot_sees(one)],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def own_guild_payload(world: World, guild: Guild) -> Json:
    """Write a guild as `GET /users/@me/guilds` does."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "banner": None,
        "owner": guild.owner_id == world.bot_id,
        "permissions": str(guild_permissions(guild, world.bot_id)),
        "features": [],
    }


def command_payload(world: World, command: Command) -> Json:
    """Write a command as it is registered."""
    body = command.body
    told: Json = {
        "id": str(command.id),
        "application_id": str(world.bot_id),
        "version": str(command.version),
        "type": command.kind,
        "name": command.name,
        "name_localizations": body.get("name_localizations"),
        "description": body.get("description") or "",
        "description_localizations": body.get("description_localizations"),
        "options": body.get("options") or [],
        "default_member_permissions": _bits(body.get("default_member_permissions")),
        "dm_permission": body.get("dm_permission", True),
        "contexts": body.get("contexts"),
        "integration_types": body.get("integration_types") or [0],
        "nsfw": bool(body.get("nsfw")),
    }
    return told | ({"guild_id": str(command.guild_id)} if command.guild_id else {})


def _bits(value: int | str | None) -> str | None:
    return None if value is None else str(value)


def application_payload(world: World) -> Json:
    """Write the bot's application."""
    bot = world.users[world.bot_id]
    return {
        "id": str(world.bot_id),
        "name": bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": APPLICATION_FLAGS,
        "owner": user_payload(world.users[world.owner_id]),
        "team": None,
        "bot": user_payload(bot),
        "integration_types_config": {"0": {}, "1": {}},
        "approximate_guild_count": sum(world.bot_id in guild.members for guild in world.guilds.values()),
        "approximate_user_install_count": len(world.installs),
    }
