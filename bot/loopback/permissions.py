"""Discord's permission bits, and what somebody may do in a channel.

Source: discord-api-docs, topics/permissions, "Permission Overwrites" and "Implicit Permissions".
"""

from bot.loopback.models import Channel, ChannelKind, Guild

ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
SEND_TTS_MESSAGES = 1 << 12
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
USE_EXTERNAL_EMOJIS = 1 << 18
MANAGE_ROLES = 1 << 28
USE_APPLICATION_COMMANDS = 1 << 31
MANAGE_THREADS = 1 << 34
CREATE_PUBLIC_THREADS = 1 << 35
CREATE_PRIVATE_THREADS = 1 << 36
SEND_MESSAGES_IN_THREADS = 1 << 38
USE_EXTERNAL_APPS = 1 << 50
EVERYTHING = (1 << 53) - 1

EVERYONE = (
    ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_EXTERNAL_EMOJIS
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS
    | USE_EXTERNAL_APPS
)
IN_DIRECT_MESSAGES = (
    ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | MENTION_EVERYONE
    | USE_EXTERNAL_EMOJIS
    | USE_APPLICATION_COMMANDS
)
OF_EVERY_INTERACTION = EMBED_LINKS | ATTACH_FILES | MENTION_EVERYONE
_NEED_SENDING = MENTION_EVERYONE | SEND_TTS_MESSAGES | ATTACH_FILES | EMBED_LINKS


def guild_permissions(guild: Guild, user_id: int) -> int:
    """Return what a user may do in a guild as a whole; nothing for who is not in it."""
    member = guild.members.get(user_id)
    if member is None:
        return 0
    if guild.owner_id == user_id:
        return EVERYTHING
    held = guild.roles[guild.id].permissions
    for role_id in member.role_ids:
        held |= guild.roles[role_id].permissions
    return EVERYTHING if held & ADMINISTRATOR else held


def channel_permissions(guild: Guild, channel: Channel, user_id: int) -> int:
    """Return what a user may do in a guild's channel.

    Args:
        guild: The guild.
        channel: The channel that holds the overwrites: for a thread its parent.
        user_id: Whose permissions.

    Returns:
        Bits, with those gone that others imply: who cannot see a channel can do nothing in it.
    """
    held = guild_permissions(guild, user_id)
    if held == EVERYTHING or not held:
        return held
    held = _overwritten(guild, channel, user_id, held)
    if not held & VIEW_CHANNEL:
        return 0
    return held if held & SEND_MESSAGES else held & ~_NEED_SENDING


def _overwritten(guild: Guild, channel: Channel, user_id: int, held: int) -> int:
    role_ids = guild.members[user_id].role_ids
    deny = allow = 0
    for overwrite in channel.overwrites.values():
        if overwrite.target_id == guild.id:
            held = held & ~overwrite.deny | overwrite.allow
        elif overwrite.kind == 0 and overwrite.target_id in role_ids:
            deny |= overwrite.deny
            allow |= overwrite.allow
    held = held & ~deny | allow
    own = channel.overwrites.get(user_id)
    return held if own is None else held & ~own.deny | own.allow


def sending_needs(channel: Channel) -> int:
    """Return the bit that writing in a channel takes."""
    return SEND_MESSAGES_IN_THREADS if channel.is_thread else SEND_MESSAGES


def is_private(channel: Channel) -> bool:
    """Tell whether a channel belongs to no guild."""
    return channel.kind in {ChannelKind.DIRECT, ChannelKind.GROUP}
