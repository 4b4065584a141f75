"""What the bot may do where, as errors: 50001 for what it cannot see, 50013 for what it may not do."""

from bot.loopback.models import Channel, Guild
from bot.loopback.permissions import guild_permissions
from bot.loopback.refusals import refusal
from bot.loopback.rest.call import Call
from bot.loopback.world import World


def seen_channel(call: Call) -> Channel:
    """Return the channel of the path."""
    channel = call.world.channel(call.id("channel_id"))
    if not call.world.bot_sees(channel):
        raise refusal("missing access")
    return channel


def joined_guild(call: Call) -> Guild:
    """Return the guild of the path."""
    guild = call.world.guilds.get(call.id("guild_id"))
    if guild is None:
        raise refusal("unknown guild")
    if call.world.bot_id not in guild.members:
        raise refusal("missing access")
    return guild


def need(world: World, channel: Channel, bits: int) -> None:
    """Raise unless the bot has permissions in a channel."""
    if world.permissions(channel, world.bot_id) & bits != bits:
        raise refusal("missing permissions")


def need_in_guild(world: World, guild: Guild, bits: int) -> None:
    """Raise unless the bot has permissions in a guild."""
    if guild_permissions(guild, world.bot_id) & bits != bits:
        raise refusal("missing permissions")
