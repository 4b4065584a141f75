"""A server's rules."""

from bot.features.settings._cog import SettingsCog

__all__ = ["SettingsCog"]
