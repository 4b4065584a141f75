"""The stores of one data folder: those that the coordinator works with, and those of its front end."""

from dataclasses import dataclass

from storage.characters import CharacterStore, SqliteCharacterStore
from storage.chats import ChatStore, SqliteChatStore
from storage.clock import Clock, wall_clock
from storage.data_folder import DataFolder
from storage.database import Database
from storage.images import ImageStore, SqliteImageStore
from storage.jobs import SqliteJobStore
from storage.ledger import JobStore
from storage.moderation import ModerationLog, SqliteModerationLog
from storage.preferences import PreferenceStore, SqlitePreferenceStore
from storage.rosters import RosterStore, SqliteRosterStore
from storage.usage import SqliteUsageStore, UsageStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """One of each."""

    jobs: JobStore
    characters: CharacterStore
    rosters: RosterStore
    images: ImageStore
    usage: UsageStore
    preferences: PreferenceStore
    chats: ChatStore
    moderation: ModerationLog


def sqlite_stores(database: Database, folder: DataFolder, *, clock: Clock = wall_clock) -> Stores:
    """Return the stores over a data folder's database."""
    return Stores(
        jobs=SqliteJobStore(database, clock=clock),
        characters=SqliteCharacterStore(database, clock=clock),
        rosters=SqliteRosterStore(database, clock=clock),
        images=SqliteImageStore(database, folder.pictures, clock=clock),
        usage=SqliteUsageStore(database, clock=clock),
        preferences=SqlitePreferenceStore(database),
        chats=SqliteChatStore(database, clock=clock),
        moderation=SqliteModerationLog(database, clock=clock),
    )
