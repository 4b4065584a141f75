"""What happens to jobs, told to whoever watches: the newest of each kind, and never the past.

Knows neither the ledger nor the engine.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from bot.coordinator.client import JobEvent, PreviewDrawn, ProgressMade

_Kind = tuple[str, int]


def _kind(event: JobEvent) -> _Kind:
    return event.type, event.index if isinstance(event, PreviewDrawn) else 0


class Mailbox:
    """What one watcher has not read yet; a newer event takes an older one's place, so it cannot grow."""

    def __init__(self) -> None:
        self._events: dict[_Kind, JobEvent] = {}
        self._arrived = asyncio.Event()
        self._is_closed = False

    def put(self, event: JobEvent) -> None:
        """Leave an event."""
        self._events.pop(_kind(event), None)
        self._events[_kind(event)] = event
        self._arrived.set()

    def close(self) -> None:
        """Let the watcher read what is there, and then end."""
        self._is_closed = True
        self._arrived.set()

    async def take(self) -> JobEvent | None:
        """Wait for the oldest event that has not been read; None when there will be no more."""
        while not self._events:
            if self._is_closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.pop(next(iter(self._events)))


class LiveEvents:
    """The watchers of all jobs, and what a new one is told first."""

    def __init__(self) -> None:
        self._mailboxes: dict[int, set[Mailbox]] = {}
        self._newest: dict[int, dict[_Kind, JobEvent]] = {}
        self._is_closed = False

    def publish(self, job_id: int, event: JobEvent) -> None:
        """Tell everyone who watches a job."""
        if isinstance(event, ProgressMade | PreviewDrawn):
            self._newest.setdefault(job_id, {})[_kind(event)] = event
        for mailbox in self._mailboxes.get(job_id, ()):
            mailbox.put(event)

    def forget(self, job_id: int) -> None:
        """Forget the progress and the previews of a job that is not being worked on any more."""
        self._newest.pop(job_id, None)

    def newest(self, job_id: int) -> tuple[JobEvent, ...]:
        """Return the progress and the previews that a job has now."""
        return tuple(self._newest.get(job_id, {}).values())

    @property
    def watched(self) -> frozenset[int]:
        """The jobs that somebody watches."""
        return frozenset(self._mailboxes)

    @contextmanager
    def mailbox(self, job_id: int) -> Generator[Mailbox]:
        """Watch a job while the block lasts."""
        mailbox = Mailbox()
        if self._is_closed:
            mailbox.close()
        self._mailboxes.setdefault(job_id, set()).add(mailbox)
        try:
            yield mailbox
        finally:
            others = self._mailboxes[job_id] - {mailbox}
            if others:
                self._mailboxes[job_id] = others
            else:
                del self._mailboxes[job_id]

    def close(self) -> None:
        """Let every watcher end."""
        self._is_closed = True
        for mailboxes in self._mailboxes.values():
            for mailbox in mailboxes:
                mailbox.close()
