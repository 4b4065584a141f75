"""A coordinator over a data folder: the lock, the database, the ledger of the last life, then the engine."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.coordinator.changes import Changes
from bot.coordinator.coordinator import Coordinator
from bot.coordinator.deliveries import Delivery, StoredIsDelivered
from bot.coordinator.desk import Desk
from bot.coordinator.parts import CoordinatorConfig, Parts
from bot.coordinator.recovery import recover
from bot.coordinator.schedule import Schedule
from bot.coordinator.spool import Spool
from bot.coordinator.stores import Stores, sqlite_stores
from storage.clock import Clock, wall_clock
from storage.data_folder import DataFolder
from storage.database import open_database
from storage.erasure import PersonalData
from synid_engine.serving.link import EngineLink
from synid_engine.synid.repertoire import Repertoire


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A coordinator at work, the desk before it, and what belongs to it alone: stores and personal data."""

    coordinator: Coordinator
    desk: Desk
    stores: Stores
    personal: PersonalData


@asynccontextmanager
async def open_coordinator(
    path: Path,
    link: EngineLink,
    *,
    config: CoordinatorConfig | None = None,
    delivery: Delivery | None = None,
    repertoire: Repertoire | None = None,
    clock: Clock = wall_clock,
) -> AsyncGenerator[Opened]:
    """Own a data folder and serve its queue while the block lasts.

    Args:
        path: The data folder; made if absent.
        link: To the engine, not started yet.
        config: Limits and times.
        delivery: How outcomes reach people; storing them is enough if None.
        repertoire: What the base model declares; nothing if None.
        clock: Tells the time.

    Raises:
        CoordinatorRunningError: Another process serves the folder.
        StoreError: The folder cannot be read or written.
    """
    folder = DataFolder(path)
    chosen = config or CoordinatorConfig()
    async with open_database(path) as database:
        stores = sqlite_stores(database, folder, clock=clock)
        parts = Parts(
            config=chosen,
            stores=stores,
            spool=Spool(folder),
            link=link,
            clock=clock,
            schedule=Schedule(chosen.capacity),
        )
        changes = Changes(parts)
        await recover(parts, changes, database, folder)
        coordinator = Coordinator(parts, changes, delivery or StoredIsDelivered())
        try:
            await coordinator.start()
            yield Opened(
                coordinator=coordinator,
                desk=Desk(stores, coordinator, repertoire or Repertoire()),
                stores=stores,
                personal=PersonalData(database, folder),
            )
        finally:
            await coordinator.close()
