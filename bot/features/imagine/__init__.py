"""Drawing a character."""

from bot.features.imagine._cog import ImagineCog

__all__ = ["ImagineCog"]
