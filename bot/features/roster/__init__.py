"""A server's shared characters."""

from bot.features.roster._cog import RosterCog

__all__ = ["RosterCog"]
