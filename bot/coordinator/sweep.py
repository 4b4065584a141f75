"""What the engine left and nobody holds: removed while the engine works, and without harm to its work.

A file that nobody holds may be of a job that is still at work and has not reported it. So a file goes only
when every lease has ended that was in the engine when the file was found, and if it has not been written
again since.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from bot.coordinator.schedule import Schedule
from bot.coordinator.spool import Spool
from synid_engine.serving.messages import Lease

_LOG = logging.getLogger(__name__)


class Sweep:
    """Finds files, and removes them a while later."""

    def __init__(self, spool: Spool, schedule: Schedule) -> None:
        self._spool = spool
        self._schedule = schedule
        self._found: Mapping[Path, int] = {}
        self._at_work: tuple[Lease, ...] = ()

    async def turn(self) -> None:
        """Remove what was found before, if nobody can need it any more, and look again.

        Raises:
            UnwritableError: The system refuses to remove a file.
        """
        if any(self._schedule.holds(lease) for lease in self._at_work):
            return
        found, self._found = self._found, {}
        removed = await self._spool.remove_unheld(found) if found else 0
        if removed:
            _LOG.info("removed %d files that nobody holds", removed)
        self._found = await self._spool.unheld()
        self._at_work = tuple(lease for lease, _ in self._schedule.leases())
