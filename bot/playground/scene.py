"""A small server with people in it, for whoever opens the playground without one."""

from dataclasses import dataclass

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.models import Channel, Guild, User


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

    Args:
        discord: Where to, before the bot logs in.
        bot_name: What the bot is called.
    """
    scenery = discord.scenery
    discord.bot.display_name = bot_name
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
