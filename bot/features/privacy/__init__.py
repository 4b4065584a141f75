"""A person's own data."""

from bot.features.privacy._cog import PrivacyCog

__all__ = ["PrivacyCog"]
