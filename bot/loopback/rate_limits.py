"""Count requests as Discord does: per route and place, over everything, and those that were refused.

Source: discord-api-docs, topics/rate-limits.
"""

import hashlib
import time
from collections import deque
from dataclasses import dataclass, field
from math import ceil

from bot.loopback.clock import Clock
from bot.loopback.config import LoopbackConfig
from bot.loopback.form import Json

_COUNTED_AS_INVALID = frozenset({401, 403, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """A request that came too soon.

    Attributes:
        scope: `user` for the route's own limit, `global` for that over everything, `shared` for a resource.
    """

    retry_after: float
    scope: str

    def body(self) -> Json:
        """Return what goes with the 429."""
        return {
            "message": "You are being rate limited.",
            "retry_after": round(self.retry_after, 3),
            "global": self.scope == "global",
        }

    def headers(self) -> dict[str, str]:
        """Return the headers that only a 429 has; `Via` tells the client that no firewall wrote it."""
        told = {
            "Retry-After": str(ceil(self.retry_after)),
            "X-RateLimit-Scope": self.scope,
            "Via": "1.1 loopback",
        }
        return told | ({"X-RateLimit-Global": "true"} if self.scope == "global" else {})


@dataclass(slots=True)
class _Window:
    limit: int
    length_s: float
    began: float
    used: int = 0

    def remaining_s(self, now: float) -> float:
        return self.began + self.length_s - now


@dataclass(slots=True, eq=False)
class RateLimits:
    """Every window that is open."""

    config: LoopbackConfig
    clock: Clock
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict[tuple[str, str], _Window])
    _invalid: deque[float] = field(default_factory=deque[float])

    def _window(self, bucket: str, place: str, limit: tuple[int, float]) -> _Window:
        now = self.clock.elapsed()
        window = self._windows.get((bucket, place))
        if window is None or window.remaining_s(now) <= 0:
            window = self._windows[bucket, place] = _Window(*limit, began=now)
        return window

    def count(self, bucket: str, place: str, *, counts_globally: bool) -> Limited | None:
        """Count a request, or say for how long it has to wait."""
        if not self.config.rate_limits:
            return None
        now = self.clock.elapsed()
        everything = self._window("global", "", self.config.global_limit)
        if counts_globally and everything.used >= everything.limit:
            return Limited(retry_after=everything.remaining_s(now), scope="global")
        window = self._window(bucket, place, self.config.buckets.get(bucket, self.config.default_bucket))
        if window.used >= window.limit:
            return Limited(retry_after=window.remaining_s(now), scope="user")
        window.used += 1
        everything.used += counts_globally
        return None

    def headers(self, bucket: str, place: str) -> dict[str, str]:
        """Return the headers that every answer of a counted route has."""
        if not self.config.rate_limits:
            return {}
        window = self._window(bucket, place, self.config.buckets.get(bucket, self.config.default_bucket))
        remaining_s = max(0.0, window.remaining_s(self.clock.elapsed()))
        return {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(window.limit - window.used),
            "X-RateLimit-Reset": f"{time.time() + remaining_s:.3f}",
            "X-RateLimit-Reset-After": f"{remaining_s:.3f}",
            "X-RateLimit-Bucket": hashlib.blake2b(bucket.encode(), digest_size=16).hexdigest(),
        }

    def note_answer(self, status: int) -> None:
        """Count an answer that Discord calls invalid."""
        if status in _COUNTED_AS_INVALID:
            self._invalid.append(self.clock.elapsed())

    def is_banned(self) -> bool:
        """Tell whether so many requests were invalid that the edge lets nothing through."""
        most, seconds = self.config.invalid_limit
        while self._invalid and self._invalid[0] <= self.clock.elapsed() - seconds:
            self._invalid.popleft()
        return len(self._invalid) >= most
