"""What is under way, and what came of it."""

from bot.features.queue._cog import QueueCog

__all__ = ["QueueCog"]
