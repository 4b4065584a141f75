"""Outcomes to the people who asked: told at least once, and noted when they are told."""

import asyncio
import logging
from typing import Protocol, runtime_checkable

from bot.coordinator.changes import Changes
from bot.coordinator.parts import Parts
from bot.errors import sentence
from storage.errors import LeaseLostError
from synid_engine.errors import SynIDError
from synid_engine.serving.messages import Job, JobState

_LOG = logging.getLogger(__name__)


@runtime_checkable
class Delivery(Protocol):
    """How outcomes reach people."""

    async def deliver(self, job: Job) -> None:
        """Tell a person what came of a stored or failed job.

        After a crash it is called again for the same job, and must tell nobody twice.

        Raises:
            SynIDError: It did not work now; it is tried again.
        """
        ...


class StoredIsDelivered:
    """The delivery of a coordinator without a chat: the pictures lie in the data folder, and that is all."""

    async def deliver(self, job: Job) -> None:
        """See `Delivery`."""
        _LOG.info("job %d is in the data folder", job.id)


class Deliveries:
    """Delivers what is untold."""

    def __init__(self, parts: Parts, changes: Changes, delivery: Delivery, turn: asyncio.Lock) -> None:
        self._parts = parts
        self._changes = changes
        self._delivery = delivery
        self._turn = turn
        self._pass = asyncio.Lock()

    async def deliver_all(self) -> None:
        """Tell every outcome that has been told to nobody; one that cannot be told does not keep the others.

        Raises:
            SynIDError: The ledger cannot be read.
        """
        async with self._pass:
            for job in await self._parts.stores.jobs.untold():
                try:
                    await self._tell(job)
                except SynIDError as error:
                    _LOG.warning("job %d cannot be delivered: %s", job.id, sentence(error))

    async def _tell(self, job: Job) -> None:
        if job.state is JobState.FAILED:
            async with self._turn:
                await self._changes.give_up_draft(job)
        await self._delivery.deliver(job)
        async with self._turn:
            try:
                told = await self._parts.stores.jobs.mark_delivered(job.lease)
            except LeaseLostError:  # cancelled meanwhile
                return
            await self._changes.noted(told)
