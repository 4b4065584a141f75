"""Which changes a gateway session is told of, by its intents and by what the bot can see.

Source: discord-api-docs, events/gateway, "List of Intents".
"""

from bot.loopback.changes import INTERACTION, Change
from bot.loopback.form import Json
from bot.loopback.world import World

GUILDS = 1 << 0
GUILD_MEMBERS = 1 << 1
GUILD_PRESENCES = 1 << 8
GUILD_MESSAGES = 1 << 9
GUILD_MESSAGE_TYPING = 1 << 11
DIRECT_MESSAGES = 1 << 12
DIRECT_MESSAGE_TYPING = 1 << 14
MESSAGE_CONTENT = 1 << 15
PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT
KNOWN = (1 << 26) - 1
_CONTENT_FIELDS: dict[str, str | list[Json]] = {
    "content": "",
    "embeds": [],
    "attachments": [],
    "components": [],
}
_FOR_WHO_SEES = ("MESSAGE_", "THREAD_", "TYPING_")  # channels themselves are told to every bot in the guild
_WITHOUT_INTENT = frozenset({"INTERACTION_CREATE"})


def _needed(world: World, change: Change) -> int:
    if change.event in _WITHOUT_INTENT:
        return 0
    if change.event.startswith("MESSAGE_"):
        return GUILD_MESSAGES if change.guild_id else DIRECT_MESSAGES
    if change.event == "TYPING_START":
        return GUILD_MESSAGE_TYPING if change.guild_id else DIRECT_MESSAGE_TYPING
    if not change.event.startswith("GUILD_MEMBER_"):
        return GUILDS
    return GUILDS if change.data["user"]["id"] == str(world.bot_id) else GUILD_MEMBERS


def for_bot(world: World, change: Change, intents: int) -> Json | None:
    """Return what a session is told of a change; None for nothing.

    Args:
        world: The state.
        change: What happened.
        intents: What the session asked for.

    Returns:
        The payload; without what is written where the bot may not read it.
    """
    needed = _needed(world, change)
    if change.event == INTERACTION or change.only_for is not None or intents & needed != needed:
        return None
    channel = world.channels.get(change.channel_id or 0)
    hidden = channel is not None and not world.bot_sees(channel)
    if hidden and change.event.startswith(_FOR_WHO_SEES):
        return None
    guild = world.guilds.get(change.guild_id or 0)
    if guild is not None and world.bot_id not in guild.members and change.event != "GUILD_DELETE":
        return None
    if change.event in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}:
        return _readable(world, change, intents)
    return change.data


def _readable(world: World, change: Change, intents: int) -> Json:
    own = change.data["author"]["id"] == str(world.bot_id)
    mentioned = any(user["id"] == str(world.bot_id) for user in change.data["mentions"])
    if own or mentioned or change.guild_id is None or intents & MESSAGE_CONTENT:
        return change.data
    return change.data | _CONTENT_FIELDS
