"""What the suites of all stores share: a clock that stands still, and one set of stores of each kind."""

from dataclasses import dataclass
from pathlib import Path

from storage.characters import CharacterStore, SqliteCharacterStore
from storage.chats import ChatStore, SqliteChatStore
from storage.data_folder import DataFolder
from storage.database import Database
from storage.images import ImageStore, SqliteImageStore
from storage.jobs import SqliteJobStore
from storage.ledger import JobStore
from storage.memory.characters import CharacterTable, MemoryCharacterStore, MemoryRosterStore
from storage.memory.chats import MemoryChatStore
from storage.memory.images import MemoryImageStore
from storage.memory.jobs import MemoryJobStore
from storage.memory.preferences import MemoryPreferenceStore
from storage.memory.usage import MemoryUsageStore
from storage.preferences import PreferenceStore, SqlitePreferenceStore
from storage.rosters import RosterStore, SqliteRosterStore
from storage.usage import SqliteUsageStore, UsageStore
from synid_engine.serving.messages import RenderWork, Submission

START = 1_700_000_000.0


class StillClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    jobs: JobStore
    characters: CharacterStore
    rosters: RosterStore
    images: ImageStore
    preferences: PreferenceStore
    usage: UsageStore
    chats: ChatStore


def sqlite_stores(database: Database, folder: Path, clock: StillClock) -> Stores:
    return Stores(
        jobs=SqliteJobStore(database, clock=clock),
        characters=SqliteCharacterStore(database, clock=clock),
        rosters=SqliteRosterStore(database, clock=clock),
        images=SqliteImageStore(database, DataFolder(folder).pictures, clock=clock),
        preferences=SqlitePreferenceStore(database),
        usage=SqliteUsageStore(database, clock=clock),
        chats=SqliteChatStore(database, clock=clock),
    )


def memory_stores(clock: StillClock) -> Stores:
    table = CharacterTable()
    return Stores(
        jobs=MemoryJobStore(clock=clock),
        characters=MemoryCharacterStore(table, clock=clock),
        rosters=MemoryRosterStore(table, clock=clock),
        images=MemoryImageStore(table, clock=clock),
        preferences=MemoryPreferenceStore(),
        usage=MemoryUsageStore(clock=clock),
        chats=MemoryChatStore(clock=clock),
    )


def submission(
    key: str = "a", *, owner: int = 1, server: int | None = 7, prompt: str = "a fox", weight: float = 1.0
) -> Submission:
    work = RenderWork(prompt=prompt)
    return Submission(request_key=key, owner_id=owner, server_id=server, weight=weight, work=work)
