"""Who asks for something in Discord, and where: what an interaction says, as plain data."""

from dataclasses import dataclass, field

import discord

_NO_LIMIT_KNOWN = 10 << 20  # bytes; what Discord allows everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request comes from.

    Attributes:
        request_key: The same request is the same job.
        owner_id: Who asks.
        server_id: The server, if it has added the bot; None in direct messages and for users' own installs.
        channel_id: The channel or thread.
        is_age_restricted: Whether the channel is for adults.
        role_ids: The asker's roles in the server.
        is_admin: Whether the asker manages the server.
        is_moderator: Whether the asker may delete others' messages.
        may_post: Whether the bot may write messages of its own here.
        is_hidden: Whether only the asker sees the reply.
        reply_id: The message that answers; 0 if there is none yet.
        token: Edits that message until `token_until`, seconds since 1970.
        upload_limit: Bytes of the largest file here.
        locale: The language that the asker's client has.
    """

    request_key: str
    owner_id: int
    server_id: int | None
    channel_id: int
    is_age_restricted: bool
    role_ids: frozenset[int]
    is_admin: bool
    is_moderator: bool
    may_post: bool
    is_hidden: bool
    reply_id: int
    token: str = field(repr=False)
    token_until: float
    upload_limit: int
    locale: str = "en"


async def begin(interaction: discord.Interaction, *, hidden: bool = False) -> Place:
    """Acknowledge a request at once, and return where it comes from."""
    answer = await interaction.response.defer(thinking=True, ephemeral=hidden)
    return place_of(interaction, reply_id=(answer.message_id if answer else None) or 0, hidden=hidden)


def place_of(interaction: discord.Interaction, *, reply_id: int = 0, hidden: bool = True) -> Place:
    """Return where an interaction comes from."""
    user = interaction.user
    roles = user.roles if isinstance(user, discord.Member) else []
    is_installed = interaction.is_guild_integration()
    held = interaction.permissions
    return Place(
        request_key=f"discord {interaction.id}",
        owner_id=user.id,
        server_id=interaction.guild_id if is_installed else None,
        channel_id=interaction.channel_id or 0,
        is_age_restricted=_is_age_restricted(interaction),
        role_ids=frozenset(role.id for role in roles),
        is_admin=is_installed and held.manage_guild,
        is_moderator=is_installed and held.manage_messages,
        may_post=_may_post(interaction),
        is_hidden=hidden,
        reply_id=reply_id,
        token=interaction.token,
        token_until=interaction.expires_at.timestamp(),
        upload_limit=interaction.filesize_limit or _NO_LIMIT_KNOWN,
        locale=str(interaction.locale),
    )


def _is_age_restricted(interaction: discord.Interaction) -> bool:
    channel = interaction.channel
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        found = getattr(channel, "is_nsfw", None)
        return bool(found()) if found is not None else False
    return False


def _may_post(interaction: discord.Interaction) -> bool:
    if interaction.guild_id is None:
        return interaction.context.dm_channel
    held = interaction.app_permissions
    is_thread = isinstance(interaction.channel, discord.Thread)
    may_send = held.send_messages_in_threads if is_thread else held.send_messages
    return interaction.is_guild_integration() and held.view_channel and may_send and held.attach_files
