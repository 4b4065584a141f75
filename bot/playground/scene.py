"""A small server with people in it, for whoever opens the playground without one."""

from dataclasses import dataclass

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.models import Channel, Guild, User
from bot.loopback.scenery import Scenery
from bot.loopback.snowflakes import Snowflakes

_FOUNDED = 1_767_225_600.0  # the first of January 2026


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What there is.

    Attributes:
        mia: Runs the server, and so may use what only administrators may.
        noah: A member.
        lin: A member who is not of age.
    """

    guild: Guild
    general: Channel
    gallery: Channel
    night: Channel
    mia: User
    noah: User
    lin: User


def furnish(discord: LoopbackDiscord, *, bot_name: str = "SynID") -> Scene:
    """Put a server called Studio into a loopback Discord, with three people and the bot.

    People and places are the same each time, so that a data folder's characters are theirs the next time too.

    Args:
        discord: Where to, before the bot logs in.
        bot_name: What the bot is called.
    """
    discord.bot.display_name = bot_name
    ids, discord.world.ids = discord.world.ids, Snowflakes(lambda: _FOUNDED)
    try:
        return _furnish(discord.scenery)
    finally:
        discord.world.ids = ids


def _furnish(scenery: Scenery) -> Scene:
    mia = scenery.add_user("mia", display_name="Mia")
    noah = scenery.add_user("noah", display_name="Noah")
    lin = scenery.add_user("lin", display_name="Lin", is_adult=False)
    guild = scenery.add_guild("Studio", owner=mia)
    scenery.join(guild, noah, lin)
    general = scenery.add_channel(guild, "general", topic="Say hello, and type / to see what the bot can do.")
    return Scene(
        guild=guild,
        general=general,
        gallery=scenery.add_channel(guild, "gallery", topic="Finished pictures."),
        night=scenery.add_channel(guild, "after-dark", topic="For adults.", nsfw=True),
        mia=mia,
        noah=noah,
        lin=lin,
    )
