"""What the coordinator sees of an engine: orders go in, reports come out, and engines come and go.

Knows neither processes nor sockets nor torch: whatever keeps these promises is an engine to the coordinator.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from synid_engine.errors import CapacityError
from synid_engine.serving.orders import Order
from synid_engine.serving.reports import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStarted:
    """An engine is connected; its models are not loaded yet, and `Ready` says when they are.

    Attributes:
        generation: Number of this engine, from 1; the next engine has the next number.
    """

    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLost:
    """An engine is gone, and whatever it was working on with it; nothing of it is reported after this.

    Attributes:
        generation: Number of this engine; one that never connected has a number too.
        exit_code: Of its process; negative is the signal that ended it, None is unknown.
        reason: For people.
    """

    generation: int
    exit_code: int | None
    reason: str


LinkEvent = Report | EngineStarted | EngineLost


class EngineDownError(CapacityError):
    """There is no engine to give an order to; another one may come."""


@runtime_checkable
class EngineLink(Protocol):
    """One engine at a time, started again when it is lost."""

    async def start(self) -> None:
        """Begin to keep an engine running; returns before it is ready."""
        ...

    async def send(self, order: Order) -> None:
        """Give an order to the engine of the moment.

        Raises:
            EngineDownError: There is none.
        """
        ...

    def events(self) -> AsyncIterator[LinkEvent]:
        """Return everything that happens, in order, until the link is closed; for one reader."""
        ...

    async def drain(self, timeout_s: float) -> None:
        """Let the engine hand back what it has and end; it is killed when the time is over."""
        ...

    async def close(self) -> None:
        """End the engine at once, and with it the events; may be called twice."""
        ...
