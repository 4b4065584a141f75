"""Everything that is stored about a person: to hand it out, and to remove it."""

import asyncio
from dataclasses import dataclass

from storage.data_folder import DataFolder
from storage.database import Database
from storage.files import disk_errors
from storage.references import references

_OWNED = {
    "characters": "SELECT * FROM characters WHERE owner_id = :owner_id ORDER BY id",
    "rosters": """
        SELECT * FROM rosters
        WHERE shared_by = :owner_id
            OR character_id IN (SELECT id FROM characters WHERE owner_id = :owner_id)
        ORDER BY server_id, character_id
    """,
    "jobs": "SELECT * FROM jobs WHERE owner_id = :owner_id ORDER BY id",
    "images": "SELECT * FROM images WHERE owner_id = :owner_id ORDER BY id DESC",
    "usage": "SELECT * FROM usage WHERE owner_id = :owner_id ORDER BY job_id, fence",
    "fair_counters": "SELECT * FROM fair_counters WHERE owner_id = :owner_id",
    "preferences": """
        SELECT * FROM preferences WHERE scope = 'user' AND subject_id = :owner_id ORDER BY name
    """,
    "chats": """
        SELECT server_id, channel_id, reply_id, told, told_channel_id, told_message_id, created_at
        FROM chats WHERE owner_id = :owner_id ORDER BY created_at
    """,
    "moderation": "SELECT * FROM moderation WHERE owner_id = :owner_id ORDER BY id",
}
_PICTURES = """
SELECT image AS digest FROM images WHERE owner_id = :owner_id
UNION SELECT thumbnail FROM images WHERE owner_id = :owner_id
UNION SELECT portrait FROM characters WHERE owner_id = :owner_id AND portrait IS NOT NULL
"""
_WEIGHTS = "SELECT bank AS digest FROM characters WHERE owner_id = :owner_id AND bank IS NOT NULL"
_FORGET_WORDS = """
UPDATE jobs SET work = json_set(work, '$.descriptions', json('[]'), '$.styles', json('[]'))
WHERE owner_id <> :owner_id AND state IN ('delivered', 'failed', 'cancelled') AND EXISTS (
    SELECT 1 FROM json_each(jobs.work, '$.character_ids') AS drawn
    JOIN characters ON characters.id = drawn.value WHERE characters.owner_id = :owner_id
)
"""
_ERASE = (
    _FORGET_WORDS,
    "DELETE FROM rosters WHERE shared_by = :owner_id",
    "DELETE FROM images WHERE owner_id = :owner_id",
    "DELETE FROM characters WHERE owner_id = :owner_id",
    "DELETE FROM chats WHERE owner_id = :owner_id",
    "DELETE FROM moderation WHERE owner_id = :owner_id",
    "DELETE FROM jobs WHERE owner_id = :owner_id",
    "DELETE FROM usage WHERE owner_id = :owner_id",
    "DELETE FROM fair_counters WHERE owner_id = :owner_id",
    "DELETE FROM preferences WHERE scope = 'user' AND subject_id = :owner_id",
)

Rows = dict[str, list[dict[str, object]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much was removed."""

    characters: int
    images: int
    files: int


class PersonalData:
    """What one data folder holds about people."""

    def __init__(self, database: Database, folder: DataFolder) -> None:
        self._database = database
        self._folder = folder

    async def rows_of(self, owner_id: int) -> Rows:
        """Return every row about a person, by table."""
        found: Rows = {}
        for table, statement in _OWNED.items():
            rows = await self._database.fetch(statement, {"owner_id": owner_id})
            found[table] = [{key: row[key] for key in row.keys()} for row in rows]  # noqa: SIM118
        return found

    async def picture(self, digest: str) -> bytes:
        """Return a picture's bytes.

        Raises:
            StoreError: It is missing or damaged.
        """
        return await asyncio.to_thread(self._folder.pictures.read, digest)

    async def erase(self, owner_id: int) -> Erased:
        """Remove a person's rows, then the files that nothing else refers to.

        A crash in between leaves files that are collected at the next start. Call it again to go on.

        Raises:
            StoreError: The folder cannot be written.
        """
        owner = {"owner_id": owner_id}
        pictures = {row["digest"] for row in await self._database.fetch(_PICTURES, owner)}
        weights = {row["digest"] for row in await self._database.fetch(_WEIGHTS, owner)}
        rows = await self.rows_of(owner_id)
        for statement in _ERASE:
            await self._database.fetch(statement, owner)
        wanted = await references(self._database)
        files = [self._folder.pictures.path_of(one) for one in pictures - wanted.pictures]
        files += [self._folder.weights.path_of(one) for one in weights - wanted.weights]
        for path in files:
            with disk_errors(path):
                await asyncio.to_thread(path.unlink, missing_ok=True)
        return Erased(characters=len(rows["characters"]), images=len(rows["images"]), files=len(files))
