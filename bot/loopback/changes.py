"""Everything that happens, in order, for whoever listens: gateway, page, tests.

It knows nothing about who listens.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from bot.loopback.form import Json

INTERACTION = "LOOPBACK_INTERACTION"
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that happened.

    Attributes:
        event: The name that the gateway gives it; `INTERACTION` for the progress of an interaction, which
            Discord tells nobody but the user's own client.
        data: The payload, as Discord writes it.
        channel_id: Where, if in a channel.
        guild_id: Where, if in a guild.
        only_for: The only user who may know of it.
    """

    event: str
    data: Json
    channel_id: int | None = None
    guild_id: int | None = None
    only_for: int | None = None


Listener = Callable[[Change], None]


@dataclass(slots=True, eq=False)
class Changes:
    """Tell every listener of every change, in the order in which they came."""

    _listeners: list[Listener] = field(default_factory=list[Listener])

    def publish(self, change: Change) -> None:
        """Tell everybody."""
        for listener in tuple(self._listeners):
            listener(change)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every change from now on, until the function that is returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @contextmanager
    def subscribed(self) -> Generator[asyncio.Queue[Change]]:
        """Hold a queue of the changes from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        leave = self.listen(queue.put_nowait)
        try:
            yield queue
        finally:
            leave()

    async def until(self, look: Callable[[], Found | None], *, timeout_s: float) -> Found:
        """Look now and after every change, until there is something to see.

        Args:
            look: Returns what was awaited; None or False for not yet.
            timeout_s: Real seconds before the wait ends in `TimeoutError`.

        Returns:
            What `look` returned.
        """
        with self.subscribed() as queue:
            async with asyncio.timeout(timeout_s):
                while True:
                    found = look()
                    if found is not None and found is not False:
                        return found
                    await queue.get()
