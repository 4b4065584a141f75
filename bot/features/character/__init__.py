"""Making characters and looking after them."""

from bot.features.character._cog import CharacterCog
from bot.features.character._views import CharacterHandlers

__all__ = ["CharacterCog", "CharacterHandlers"]
