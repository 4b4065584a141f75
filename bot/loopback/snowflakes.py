"""Discord's ids: milliseconds since 2015, then a number that tells apart what came within one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000
_TIME_SHIFT = 22


@dataclass(slots=True, eq=False)
class Snowflakes:
    """Hand out ids that rise strictly, also when the clock stands still.

    Attributes:
        now: The time, in seconds since 1970.
    """

    now: Callable[[], float]
    _last: int = 0

    def next(self) -> int:
        """Return an id that was never handed out before."""
        wanted = (int(self.now() * 1000) - EPOCH_MS) << _TIME_SHIFT
        self._last = max(wanted, self._last + 1)
        return self._last


def created_at(snowflake: int) -> float:
    """Return the seconds since 1970 at which an id was made."""
    return ((snowflake >> _TIME_SHIFT) + EPOCH_MS) / 1000


def timestamp(seconds: float) -> str:
    """Write a moment as Discord does: ISO 8601, with its zone."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
