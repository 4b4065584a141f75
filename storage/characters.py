"""Characters: whose they are, what they are called, and which weight file they are."""

import json
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from storage.clock import Clock, wall_clock
from storage.database import Database, Row
from storage.errors import CharacterExistsError, CharacterNotFoundError, StaleRevisionError
from storage.names import clean_name, name_key
from synid_engine.serving.messages import Hash, Identifier, Message

_ADD = """
INSERT INTO characters (owner_id, name, name_key, description, style, state, created_at, updated_at)
VALUES (:owner_id, :name, :name_key, :description, :style, 'draft', :now, :now)
ON CONFLICT (owner_id, name_key) DO NOTHING
RETURNING *
"""
_GET = "SELECT * FROM characters WHERE id = :character_id"
_FIND = "SELECT * FROM characters WHERE owner_id = :owner_id AND name_key = :name_key"
_OF_OWNER = "SELECT * FROM characters WHERE owner_id = :owner_id ORDER BY id"
_COMPLETE = """
UPDATE characters SET state = 'ready', bank = :bank, portrait = :portrait, model_id = :model_id,
    model_hash = :model_hash, scores = :scores, description = coalesce(:description, description),
    style = coalesce(:style, style), revision = revision + 1, updated_at = :now
WHERE id = :character_id AND revision = :revision
RETURNING *
"""
_FAIL = """
UPDATE characters SET state = 'failed', revision = revision + 1, updated_at = :now
WHERE id = :character_id AND revision = :revision
RETURNING *
"""
_RENAME = """
UPDATE OR IGNORE characters SET name = :name, name_key = :name_key, revision = revision + 1, updated_at = :now
WHERE id = :character_id AND revision = :revision
RETURNING *
"""
_DELETE = "DELETE FROM characters WHERE id = :character_id RETURNING id"


class CharacterState(StrEnum):
    """Whether a character can be drawn."""

    DRAFT = "draft"
    READY = "ready"
    FAILED = "failed"


class Made(Message):
    """What the making of a character gave.

    Attributes:
        bank: The weight file.
        portrait: The canonical picture.
        model_id: Name of the base model.
        model_hash: SHA-256 of the base model; the bank works with no other.
        scores: Measured figures.
    """

    bank: Hash
    portrait: Hash
    model_id: str
    model_hash: Hash
    scores: dict[str, float] = Field(default_factory=dict[str, float])


class CharacterRecord(Message):
    """A character as stored; times are seconds since 1970.

    Attributes:
        revision: Goes up with every change; whoever changes a character names the one that was seen.
        made: What can be drawn; None for a draft that has never been completed.
    """

    id: Identifier
    owner_id: Identifier
    name: str
    description: str
    style: str
    state: CharacterState
    revision: Annotated[int, Field(ge=1)] = 1
    made: Made | None = None
    created_at: float
    updated_at: float


class CharacterStore(Protocol):
    """The contract. A method that takes a revision refuses another than the present: `StaleRevisionError`."""

    async def add(self, *, owner_id: int, name: str, description: str, style: str = "") -> CharacterRecord:
        """Begin a character as a draft.

        Raises:
            InvalidNameError: No character can have this name.
            CharacterExistsError: One of the owner's already has it, whatever its case.
        """
        ...

    async def get(self, character_id: int) -> CharacterRecord:
        """Return a character.

        Raises:
            CharacterNotFoundError: There is none of this number.
        """
        ...

    async def find(self, *, owner_id: int, name: str) -> CharacterRecord | None:
        """Return the owner's character of this name, whatever its case."""
        ...

    async def of_owner(self, owner_id: int) -> list[CharacterRecord]:
        """Return an owner's characters, oldest first."""
        ...

    async def complete(
        self,
        character_id: int,
        made: Made,
        *,
        revision: int,
        description: str | None = None,
        style: str | None = None,
    ) -> CharacterRecord:
        """Make a character ready to be drawn; the words it was made from replace those it has."""
        ...

    async def fail(self, character_id: int, *, revision: int) -> CharacterRecord:
        """Note that a character could not be made."""
        ...

    async def rename(self, character_id: int, name: str, *, revision: int) -> CharacterRecord:
        """Give a character another name; errors as in `add`."""
        ...

    async def delete(self, character_id: int) -> None:
        """Remove a character, from every roster too; its pictures stay.

        Raises:
            CharacterNotFoundError: There is none of this number.
        """
        ...


class SqliteCharacterStore:
    """Characters as a table."""

    def __init__(self, database: Database, *, clock: Clock = wall_clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, *, owner_id: int, name: str, description: str, style: str = "") -> CharacterRecord:
        """See `CharacterStore`."""
        row = await self._database.fetch_one(
            _ADD,
            {
                "owner_id": owner_id,
                "name": clean_name(name),
                "name_key": name_key(name),
                "description": description,
                "style": style,
                "now": self._clock(),
            },
        )
        if row is None:
            raise CharacterExistsError(name=clean_name(name))
        return character_of(row)

    async def get(self, character_id: int) -> CharacterRecord:
        """See `CharacterStore`."""
        row = await self._database.fetch_one(_GET, {"character_id": character_id})
        if row is None:
            raise CharacterNotFoundError(character_id=character_id)
        return character_of(row)

    async def find(self, *, owner_id: int, name: str) -> CharacterRecord | None:
        """See `CharacterStore`."""
        row = await self._database.fetch_one(_FIND, {"owner_id": owner_id, "name_key": name_key(name)})
        return None if row is None else character_of(row)

    async def of_owner(self, owner_id: int) -> list[CharacterRecord]:
        """See `CharacterStore`."""
        return [character_of(row) for row in await self._database.fetch(_OF_OWNER, {"owner_id": owner_id})]

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
        return await self._change(
            _COMPLETE,
            character_id,
            revision,
            bank=made.bank,
            portrait=made.portrait,
            model_id=made.model_id,
            model_hash=made.model_hash,
            scores=json.dumps(made.scores),
            description=description,
            style=style,
        )

    async def fail(self, character_id: int, *, revision: int) -> CharacterRecord:
        """See `CharacterStore`."""
        return await self._change(_FAIL, character_id, revision)

    async def rename(self, character_id: int, name: str, *, revision: int) -> CharacterRecord:
        """See `CharacterStore`."""
        cleaned, key = clean_name(name), name_key(name)
        try:
            return await self._change(_RENAME, character_id, revision, name=cleaned, name_key=key)
        except StaleRevisionError as error:
            if error.revision == error.present:  # the statement met another character of this name
                raise CharacterExistsError(name=cleaned) from error
            raise

    async def delete(self, character_id: int) -> None:
        """See `CharacterStore`."""
        if await self._database.fetch_one(_DELETE, {"character_id": character_id}) is None:
            raise CharacterNotFoundError(character_id=character_id)

    async def _change(
        self, statement: str, character_id: int, revision: int, **fields: str | None
    ) -> CharacterRecord:
        row = await self._database.fetch_one(
            statement, {"character_id": character_id, "revision": revision, "now": self._clock(), **fields}
        )
        if row is None:
            present = await self.get(character_id)
            raise StaleRevisionError(character_id=character_id, revision=revision, present=present.revision)
        return character_of(row)


def character_of(row: Row) -> CharacterRecord:
    """Return the character that a row of the table holds."""
    made = None
    if row["bank"] is not None:
        made = Made(
            bank=row["bank"],
            portrait=row["portrait"],
            model_id=row["model_id"],
            model_hash=row["model_hash"],
            scores=json.loads(row["scores"]),
        )
    return CharacterRecord(
        id=row["id"],
        owner_id=row["owner_id"],
        name=row["name"],
        description=row["description"],
        style=row["style"],
        state=row["state"],
        revision=row["revision"],
        made=made,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
