"""What the bot is, and what it can do."""

from bot.features.about._cog import AboutCog

__all__ = ["AboutCog"]
