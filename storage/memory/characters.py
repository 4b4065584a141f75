"""Characters and rosters in memory; they share one table, for a deleted character leaves every roster."""

from dataclasses import dataclass, field

from storage.characters import CharacterRecord, CharacterState, Made
from storage.clock import Clock, wall_clock
from storage.errors import CharacterExistsError, CharacterNotFoundError, StaleRevisionError
from storage.names import clean_name, name_key
from storage.rosters import Access, RosterEntry


@dataclass(slots=True)
class CharacterTable:
    """What the stores of one memory share."""

    rows: dict[int, CharacterRecord] = field(default_factory=dict[int, CharacterRecord])
    last_id: int = 0


class MemoryCharacterStore:
    """Characters as a dictionary."""

    def __init__(self, table: CharacterTable, *, clock: Clock = wall_clock) -> None:
        self._table = table
        self._clock = clock

    async def add(self, *, owner_id: int, name: str, description: str, style: str = "") -> CharacterRecord:
        """See `CharacterStore`."""
        cleaned, now = clean_name(name), self._clock()
        if await self.find(owner_id=owner_id, name=name) is not None:
            raise CharacterExistsError(name=cleaned)
        self._table.last_id += 1
        return self._keep(
            CharacterRecord(
                id=self._table.last_id,
                owner_id=owner_id,
                name=cleaned,
                description=description,
                style=style,
                state=CharacterState.DRAFT,
                created_at=now,
                updated_at=now,
            )
        )

    async def get(self, character_id: int) -> CharacterRecord:
        """See `CharacterStore`."""
        if character_id not in self._table.rows:
            raise CharacterNotFoundError(character_id=character_id)
        return self._table.rows[character_id]

    async def find(self, *, owner_id: int, name: str) -> CharacterRecord | None:
        """See `CharacterStore`."""
        key = name_key(name)
        named = (one for one in self._table.rows.values() if name_key(one.name) == key)
        return next((one for one in named if one.owner_id == owner_id), None)

    async def of_owner(self, owner_id: int) -> list[CharacterRecord]:
        """See `CharacterStore`."""
        return [one for _, one in sorted(self._table.rows.items()) if one.owner_id == owner_id]

    async def complete(
        self,
        character_id: int,
        made: Made,
        *,
        revision: int,
        description: str | None = None,
        style: str | None = None,
    ) -> CharacterRecord:
        """See `CharacterStore`."""
        seen = await self._seen(character_id, revision)
        return self._change(
            seen,
            state=CharacterState.READY,
            made=made,
            description=seen.description if description is None else description,
            style=seen.style if style is None else style,
        )

    async def fail(self, character_id: int, *, revision: int) -> CharacterRecord:
        """See `CharacterStore`."""
        return self._change(await self._seen(character_id, revision), state=CharacterState.FAILED)

    async def rename(self, character_id: int, name: str, *, revision: int) -> CharacterRecord:
        """See `CharacterStore`."""
        cleaned = clean_name(name)
        seen = await self._seen(character_id, revision)
        namesake = await self.find(owner_id=seen.owner_id, name=name)
        if namesake is not None and namesake.id != character_id:
            raise CharacterExistsError(name=cleaned)
        return self._change(seen, name=cleaned)

    async def delete(self, character_id: int) -> None:
        """See `CharacterStore`."""
        await self.get(character_id)
        del self._table.rows[character_id]

    async def _seen(self, character_id: int, revision: int) -> CharacterRecord:
        present = await self.get(character_id)
        if present.revision != revision:
            raise StaleRevisionError(character_id=character_id, revision=revision, present=present.revision)
        return present

    def _change(self, character: CharacterRecord, **changed: object) -> CharacterRecord:
        stamp = {"revision": character.revision + 1, "updated_at": self._clock()}
        return self._keep(character.model_copy(update={**changed, **stamp}))

    def _keep(self, character: CharacterRecord) -> CharacterRecord:
        self._table.rows[character.id] = character
        return character


class MemoryRosterStore:
    """Rosters as a dictionary."""

    def __init__(self, table: CharacterTable, *, clock: Clock = wall_clock) -> None:
        self._table = table
        self._clock = clock
        self._shared: dict[tuple[int, int], tuple[int, Access, float]] = {}

    async def share(self, character_id: int, *, server_id: int, shared_by: int, access: Access) -> None:
        """See `RosterStore`."""
        if character_id not in self._table.rows:
            raise CharacterNotFoundError(character_id=character_id)
        self._shared[server_id, character_id] = (shared_by, access, self._clock())

    async def withdraw(self, character_id: int, *, server_id: int) -> bool:
        """See `RosterStore`."""
        was_there = await self.access(character_id, server_id=server_id) is not None
        self._shared.pop((server_id, character_id), None)
        return was_there

    async def of_server(self, server_id: int) -> list[RosterEntry]:
        """See `RosterStore`."""
        entries = [
            RosterEntry(character=self._table.rows[character_id], shared_by=by, access=access, shared_at=at)
            for (server, character_id), (by, access, at) in self._shared.items()
            if server == server_id and character_id in self._table.rows
        ]
        return sorted(entries, key=lambda entry: (name_key(entry.character.name), entry.character.id))

    async def access(self, character_id: int, *, server_id: int) -> Access | None:
        """See `RosterStore`."""
        found = self._shared.get((server_id, character_id))
        return found[1] if found is not None and character_id in self._table.rows else None

    async def forget_server(self, server_id: int) -> None:
        """See `RosterStore`."""
        self._shared = {key: value for key, value in self._shared.items() if key[0] != server_id}
