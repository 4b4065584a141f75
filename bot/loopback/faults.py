"""Failure knobs: what a test breaks on purpose.

A fault waits for requests that fit, acts on as many as it was made for, and is gone.
"""

import re
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What goes wrong.

    - `ANSWER`: the request is answered with a status and never carried out (5xx, 413, ...).
    - `ANSWER_AFTER`: it is carried out, then answered with a status, such as 504.
    - `RATE_LIMIT`: it is answered with 429.
    - `SLOW`: it is carried out later.
    - `LOSE_REQUEST`: the line is cut before it is carried out.
    - `LOSE_REPLY`: it is carried out, then the line is cut.

    When a line that was used before is cut, aiohttp repeats GET, PUT and DELETE once by itself, never POST or
    PATCH: to lose the former for good takes two faults.
    """

    ANSWER = "answer"
    ANSWER_AFTER = "answer after"
    RATE_LIMIT = "rate limit"
    SLOW = "slow"
    LOSE_REQUEST = "lose request"
    LOSE_REPLY = "lose reply"


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """One thing that goes wrong.

    Attributes:
        method: HTTP method; None for every one.
        path: Pattern that the path after `/api/v10`, or of the CDN, must contain.
        times: How often; None for always.
        after: Requests that fit and are let through first.
        status: For an answer.
        seconds: For a delay, on the loopback's clock, or a 429's `retry_after`.
        is_global: Whether a 429 is for everything.
    """

    kind: Kind
    path: str
    method: str | None = None
    times: int | None = 1
    after: int = 0
    status: int = 500
    seconds: float = 0.0
    is_global: bool = False
    acted: int = 0

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a request is meant."""
        spent = self.times is not None and self.acted >= self.times
        return not spent and self.method in {None, method} and re.search(self.path, path) is not None


@dataclass(slots=True, eq=False)
class Faults:
    """Everything that is broken at the moment."""

    _faults: list[Fault] = field(default_factory=list[Fault])

    def add(self, fault: Fault) -> Fault:
        """Break something."""
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Mend everything."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault that a request meets now."""
        for fault in self._faults:
            if not fault.fits(method, path):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.acted += 1
            return fault
        return None
