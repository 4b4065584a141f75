"""The time of a loopback Discord: real seconds, and jumps that a test orders.

It knows nothing about what waits for it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Alarm:
    """A call that is due at a moment.

    Attributes:
        when: The moment, in seconds of the clock.
        ring: What to call, once.
        handle: The event loop's own timer; None on a clock that stands still.
    """

    when: float
    ring: Callable[[], None]
    handle: asyncio.TimerHandle | None = None


@dataclass(slots=True, eq=False)
class Clock:
    """Tell the time, jump ahead and ring alarms.

    Attributes:
        still: Whether `now` moves only by `advance`: no deadline then depends on the machine's speed.
    """

    still: bool = False
    _began: float = field(default_factory=time.time)
    _started: float = field(default_factory=time.monotonic)
    _jumped: float = 0.0
    _alarms: set[Alarm] = field(default_factory=set[Alarm])

    def now(self) -> float:
        """Return the seconds since 1970 that deadlines, ids and timestamps are made of."""
        passed = 0.0 if self.still else time.monotonic() - self._started
        return self._began + passed + self._jumped

    def elapsed(self) -> float:
        """Return seconds that pass on a still clock too: clients sleep off rate limits in real time."""
        return time.monotonic() - self._started + self._jumped

    def advance(self, seconds: float) -> None:
        """Jump ahead, and ring what has become due, in order."""
        self._jumped += seconds
        for alarm in sorted(self._alarms, key=lambda waiting: waiting.when):
            if alarm not in self._alarms:
                continue
            if alarm.when <= self.now():
                self._ring(alarm)
            else:
                self._set(alarm)

    def call_at(self, when: float, ring: Callable[[], None]) -> Alarm:
        """Set an alarm."""
        alarm = Alarm(when, ring)
        self._alarms.add(alarm)
        self._set(alarm)
        return alarm

    def cancel(self, alarm: Alarm) -> None:
        """Take an alarm back; one that rang already is no error."""
        self._alarms.discard(alarm)
        if alarm.handle is not None:
            alarm.handle.cancel()

    def cancel_all(self) -> None:
        """Take every alarm back."""
        for alarm in tuple(self._alarms):
            self.cancel(alarm)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on by `seconds`."""
        done = asyncio.get_running_loop().create_future()
        alarm = self.call_at(self.now() + seconds, lambda: None if done.done() else done.set_result(None))
        try:
            await done
        finally:
            self.cancel(alarm)

    def _set(self, alarm: Alarm) -> None:
        if alarm.handle is not None:
            alarm.handle.cancel()
        if not self.still:
            delay = max(0.0, alarm.when - self.now())
            alarm.handle = asyncio.get_running_loop().call_later(delay, self._ring, alarm)

    def _ring(self, alarm: Alarm) -> None:
        self.cancel(alarm)
        alarm.ring()
