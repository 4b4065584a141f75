"""The names that people may choose from, in memory: autocomplete never waits for a disk or an engine."""

from dataclasses import dataclass

from storage.characters import CharacterRecord, CharacterState, CharacterStore
from storage.names import name_key
from storage.rosters import RosterStore
from synid_engine.errors import SynIDError

MOST_OFFERED = 25
_MOST_REMEMBERED = 2000
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A name to choose: what is shown, and what is sent."""

    label: str
    value: str


class Names:
    """Names by owner and by server, read once and forgotten whenever a character changes."""

    def __init__(self, characters: CharacterStore, rosters: RosterStore) -> None:
        self._characters = characters
        self._rosters = rosters
        self._of_owner: dict[int, tuple[CharacterRecord, ...]] = {}
        self._of_server: dict[int, tuple[CharacterRecord, ...]] = {}
        self._changes = 0

    def forget(self) -> None:
        """Read everything anew when it is asked for."""
        self._changes += 1
        self._of_owner.clear()
        self._of_server.clear()

    async def own(self, owner_id: int, typed: str) -> list[Offered]:
        """Return the owner's names that fit what is typed."""
        found = await self._owned(owner_id)
        return _fitting([Offered(label=one.name, value=one.name) for one in found], typed)

    async def drawable(self, owner_id: int, server_id: int | None, typed: str) -> list[Offered]:
        """Return the names of characters that can be drawn here: one's own, then the server's."""
        own = [one for one in await self._owned(owner_id) if one.made is not None]
        taken = {name_key(one.name) for one in own}
        offered = [Offered(label=one.name, value=one.name) for one in own]
        for one in () if server_id is None else await self._shared(server_id):
            if one.owner_id == owner_id or one.state is not CharacterState.READY:
                continue
            value = f"#{one.id}" if name_key(one.name) in taken else one.name
            offered.append(Offered(label=f"{one.name} (shared)", value=value))
        return _fitting(offered, typed)

    async def _owned(self, owner_id: int) -> tuple[CharacterRecord, ...]:
        if owner_id in self._of_owner:
            return self._of_owner[owner_id]
        seen = self._changes
        found = tuple(await self._characters.of_owner(owner_id))
        self._remember(self._of_owner, owner_id, found, seen=seen)
        return found

    async def _shared(self, server_id: int) -> tuple[CharacterRecord, ...]:
        if server_id in self._of_server:
            return self._of_server[server_id]
        seen = self._changes
        found = tuple(entry.character for entry in await self._rosters.of_server(server_id))
        self._remember(self._of_server, server_id, found, seen=seen)
        return found

    def _remember(
        self,
        memory: dict[int, tuple[CharacterRecord, ...]],
        key: int,
        found: tuple[CharacterRecord, ...],
        *,
        seen: int,
    ) -> None:
        if self._changes == seen:  # else somebody changed a character while it was read
            if len(memory) >= _MOST_REMEMBERED:
                memory.clear()
            memory[key] = found


def _fitting(offered: list[Offered], typed: str) -> list[Offered]:
    """Return what fits: names that begin with what is typed, then names that hold it."""
    try:
        wanted = name_key(typed)
    except SynIDError:
        return offered[:MOST_OFFERED]
    keys = {id(one): name_key(one.label) for one in offered}
    holding = [one for one in offered if wanted in keys[id(one)]]
    return sorted(holding, key=lambda one: not keys[id(one)].startswith(wanted))[:MOST_OFFERED]


def number_in(name: str) -> int | None:
    """Return the number in `#123`, as autocomplete sends it; None of a name."""
    digits = name.removeprefix("#") if name.startswith("#") else ""
    return int(digits) if digits.isdecimal() and len(digits) <= _LONGEST_NUMBER else None
