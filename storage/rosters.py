"""Rosters: which characters a server may use, and how."""

from enum import StrEnum
from typing import Protocol

from storage.characters import CharacterRecord, character_of
from storage.clock import Clock, wall_clock
from storage.database import Database
from storage.errors import CharacterNotFoundError
from synid_engine.serving.messages import Identifier, Message

_SHARE = """
INSERT INTO rosters (server_id, character_id, shared_by, access, shared_at)
SELECT :server_id, id, :shared_by, :access, :now FROM characters WHERE id = :character_id
ON CONFLICT (server_id, character_id) DO UPDATE
    SET shared_by = excluded.shared_by, access = excluded.access, shared_at = excluded.shared_at
RETURNING character_id
"""
_WITHDRAW = """
DELETE FROM rosters WHERE server_id = :server_id AND character_id = :character_id RETURNING character_id
"""
_OF_SERVER = """
SELECT characters.*, rosters.shared_by, rosters.access, rosters.shared_at
FROM rosters JOIN characters ON characters.id = rosters.character_id
WHERE rosters.server_id = :server_id
ORDER BY characters.name_key, characters.id
"""
_ACCESS = "SELECT access FROM rosters WHERE server_id = :server_id AND character_id = :character_id"
_FORGET = "DELETE FROM rosters WHERE server_id = :server_id"


class Access(StrEnum):
    """What a server's members may do with a character: draw it, or also make another from it."""

    USE = "use"
    REMIX = "remix"


class RosterEntry(Message):
    """A character in a server, and who shared it when."""

    character: CharacterRecord
    shared_by: Identifier
    access: Access
    shared_at: float


class RosterStore(Protocol):
    """The contract."""

    async def share(self, character_id: int, *, server_id: int, shared_by: int, access: Access) -> None:
        """Put a character in a server's roster, or change what may be done with it there.

        Raises:
            CharacterNotFoundError: There is none of this number.
        """
        ...

    async def withdraw(self, character_id: int, *, server_id: int) -> bool:
        """Take a character out of a roster, and tell whether it was there."""
        ...

    async def of_server(self, server_id: int) -> list[RosterEntry]:
        """Return a server's roster by name."""
        ...

    async def access(self, character_id: int, *, server_id: int) -> Access | None:
        """Return what a server may do with a character; None if it is not in the roster."""
        ...

    async def forget_server(self, server_id: int) -> None:
        """Empty a server's roster."""
        ...


class SqliteRosterStore:
    """Rosters as a table."""

    def __init__(self, database: Database, *, clock: Clock = wall_clock) -> None:
        self._database = database
        self._clock = clock

    async def share(self, character_id: int, *, server_id: int, shared_by: int, access: Access) -> None:
        """See `RosterStore`."""
        row = await self._database.fetch_one(
            _SHARE,
            {
                "character_id": character_id,
                "server_id": server_id,
                "shared_by": shared_by,
                "access": access,
                "now": self._clock(),
            },
        )
        if row is None:
            raise CharacterNotFoundError(character_id=character_id)

    async def withdraw(self, character_id: int, *, server_id: int) -> bool:
        """See `RosterStore`."""
        found = await self._database.fetch_one(
            _WITHDRAW, {"character_id": character_id, "server_id": server_id}
        )
        return found is not None

    async def of_server(self, server_id: int) -> list[RosterEntry]:
        """See `RosterStore`."""
        return [
            RosterEntry(
                character=character_of(row),
                shared_by=row["shared_by"],
                access=row["access"],
                shared_at=row["shared_at"],
            )
            for row in await self._database.fetch(_OF_SERVER, {"server_id": server_id})
        ]

    async def access(self, character_id: int, *, server_id: int) -> Access | None:
        """See `RosterStore`."""
        row = await self._database.fetch_one(_ACCESS, {"character_id": character_id, "server_id": server_id})
        return None if row is None else Access(row["access"])

    async def forget_server(self, server_id: int) -> None:
        """See `RosterStore`."""
        await self._database.fetch(_FORGET, {"server_id": server_id})
