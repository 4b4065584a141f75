"""What a coordinator finds when it starts: the ledger and the files of a former life, put in order."""

import asyncio
import logging

from bot.coordinator.changes import Changes
from bot.coordinator.parts import Parts, failure_of
from bot.coordinator_errors import CoordinatorLostError
from storage.adoption import adopt_profiles
from storage.chats import SqliteChatStore
from storage.data_folder import DataFolder
from storage.database import Database
from storage.references import collect_unreferenced, references

_LOG = logging.getLogger(__name__)


async def recover(parts: Parts, changes: Changes, database: Database, folder: DataFolder) -> None:
    """Take up where the last coordinator was, before there is an engine.

    Leases of that life are lost attempts. Files that nothing refers to are removed. Characters that were made
    as folders become rows. The fair queue is rebuilt from the ledger and the saved counters.

    Raises:
        StoreError: The data folder cannot be read or written.
    """
    stores = parts.stores
    parts.schedule.begin(await stores.usage.counters())
    await stores.usage.forget_level_counters()
    failure = failure_of(CoordinatorLostError())
    for job in await stores.jobs.leased():
        await stores.usage.record(job)
        await stores.jobs.requeue(job.lease, failure)
    await stores.jobs.expire_questions()
    await SqliteChatStore(database).forget_abandoned()
    removed = await asyncio.to_thread(collect_unreferenced, folder, await references(database))
    if removed:
        _LOG.info("removed %d files that nothing refers to", len(removed))
    adoption = await adopt_profiles(folder, stores.characters, owner_id=parts.config.adopted_owner_id)
    for name in adoption.adopted:
        _LOG.info("adopted the character %s", name)
    for name in adoption.damaged:
        _LOG.warning("the character %s is damaged and was not adopted", name)
    for job in [*await stores.jobs.queued(), *await stores.jobs.waiting(), *await stores.jobs.untold()]:
        await changes.noted(job)
