"""What a user did, and what came of it: to be awaited and looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.loopback.form import Json
from bot.loopback.message_rules import LOADING
from bot.loopback.models import Interaction, Message, Progress
from bot.loopback.world import World

TIMEOUT_S = 10.0
Found = TypeVar("Found")


class DidNotRespondError(Exception):
    """The user is told that the application did not respond.

    Attributes:
        name: What they did.
    """

    def __init__(self, name: str | None) -> None:
        super().__init__(f"{name or 'the component'}: the application did not respond")
        self.name = name


@dataclass(frozen=True, slots=True)
class Invocation:
    """One action of a user.

    Attributes:
        interaction: What Discord holds of it.
    """

    world: World
    interaction: Interaction

    @property
    def message(self) -> Message | None:
        """The original answer as it is now."""
        return self._message(self.interaction.original_id)

    @property
    def follow_ups(self) -> list[Message]:
        """The follow-ups that are still there."""
        found = [self._message(message_id) for message_id in self.interaction.follow_up_ids]
        return [message for message in found if message is not None]

    @property
    def modal(self) -> Json | None:
        """The dialog that it opened."""
        return self.interaction.modal

    def _message(self, message_id: int | None) -> Message | None:
        return self.world.messages.get(self.interaction.channel_id, {}).get(message_id or 0)

    async def until(self, look: Callable[[], Found | None], *, timeout_s: float = TIMEOUT_S) -> Found:
        """Look now and after every change until there is something to see.

        Raises:
            DidNotRespondError: The bot missed the deadline.
            TimeoutError: Nothing came in that many real seconds.
        """

        def watch() -> tuple[Found] | None:
            if self.interaction.progress is Progress.FAILED:
                raise DidNotRespondError(self.interaction.name)
            found = look()
            return None if found is None or found is False else (found,)

        return (await self.world.changes.until(watch, timeout_s=timeout_s))[0]

    async def acknowledged(self, *, timeout_s: float = TIMEOUT_S) -> "Invocation":
        """Wait for the bot's first answer, of any kind."""
        await self.until(lambda: self.interaction.progress is Progress.ACKNOWLEDGED, timeout_s=timeout_s)
        return self

    async def reply(self, *, timeout_s: float = TIMEOUT_S) -> Message:
        """Wait for the original answer, and for it to be more than that the bot is thinking."""

        def look() -> Message | None:
            message = self.message
            return None if message is None or message.flags & LOADING else message

        return await self.until(look, timeout_s=timeout_s)

    async def follow_up(self, number: int = 1, *, timeout_s: float = TIMEOUT_S) -> Message:
        """Wait for a follow-up, counted from one."""

        def look() -> Message | None:
            return self.follow_ups[number - 1] if len(self.follow_ups) >= number else None

        return await self.until(look, timeout_s=timeout_s)

    async def dialog(self, *, timeout_s: float = TIMEOUT_S) -> Json:
        """Wait for a modal."""
        return await self.until(lambda: self.interaction.modal, timeout_s=timeout_s)

    async def choices(self, *, timeout_s: float = TIMEOUT_S) -> list[Json]:
        """Wait for what autocomplete offers, perhaps nothing."""
        await self.acknowledged(timeout_s=timeout_s)
        return self.interaction.choices or []
