"""Pictures: their bytes as files named by content, and a row for each that says what it shows."""

import asyncio
import json
from typing import Annotated, Protocol

from pydantic import Field

from storage.clock import Clock, wall_clock
from storage.content import ContentFolder
from storage.database import Database, Row
from storage.errors import ImageNotFoundError
from synid_engine.serving.messages import Hash, Identifier, Message

_ADD = """
INSERT INTO images (
    image, thumbnail, owner_id, server_id, character_id, job_id, position, seed, prompt, scores, created_at
)
VALUES (
    :image, :thumbnail, :owner_id, :server_id,
    (SELECT id FROM characters WHERE id = :character_id),  -- NULL if it has been deleted meanwhile
    :job_id, :position, :seed, :prompt, :scores, :now
)
ON CONFLICT (job_id, position) DO UPDATE SET position = excluded.position
RETURNING *
"""
_GET = "SELECT * FROM images WHERE id = :image_id"
_OF_JOB = "SELECT * FROM images WHERE job_id = :job_id ORDER BY position"
_OF_OWNER = "SELECT * FROM images WHERE owner_id = :owner_id ORDER BY id DESC LIMIT :limit"
_OF_CHARACTER = "SELECT * FROM images WHERE character_id = :character_id ORDER BY id DESC LIMIT :limit"
_DELETE = "DELETE FROM images WHERE id = :image_id RETURNING id"


class NewImage(Message):
    """A picture that a job drew.

    Attributes:
        job_id: The job; with `position` it makes recording a picture twice record it once.
        position: Place among the job's pictures, from 0.
        character_id: The character that it shows; None for none or several.
        seed: Seed that drew it.
        scores: Measured figures.
    """

    job_id: Identifier
    position: Annotated[int, Field(ge=0)]
    owner_id: Identifier
    server_id: Identifier | None = None
    character_id: Identifier | None = None
    seed: Identifier
    prompt: str
    scores: dict[str, float] = Field(default_factory=dict[str, float])


class ImageRecord(NewImage):
    """A stored picture.

    Attributes:
        image: Its file.
        thumbnail: The file of its small version.
    """

    id: Identifier
    image: Hash
    thumbnail: Hash
    created_at: float


class ImageStore(Protocol):
    """The contract."""

    async def add(self, new: NewImage, *, data: bytes, thumbnail: bytes) -> ImageRecord:
        """Keep a picture, or return the record of the same place in the same job.

        Raises:
            DiskFullError: There is no room; nothing is recorded.
            UnwritableError: The system refuses to write; nothing is recorded.
        """
        ...

    async def get(self, image_id: int) -> ImageRecord:
        """Return a record.

        Raises:
            ImageNotFoundError: There is none of this number.
        """
        ...

    async def read(self, digest: Hash) -> bytes:
        """Return a file's bytes, checked.

        Raises:
            MissingFileError: It is not there.
            DamagedFileError: It is not what it was.
        """
        ...

    async def of_job(self, job_id: int) -> list[ImageRecord]:
        """Return a job's pictures in their order."""
        ...

    async def of_owner(self, owner_id: int, *, limit: int) -> list[ImageRecord]:
        """Return an owner's pictures, newest first."""
        ...

    async def of_character(self, character_id: int, *, limit: int) -> list[ImageRecord]:
        """Return the pictures of a character, newest first."""
        ...

    async def delete(self, image_id: int) -> None:
        """Remove a record; the files go with the next collection, if nothing else refers to them.

        Raises:
            ImageNotFoundError: There is none of this number.
        """
        ...


class SqliteImageStore:
    """Pictures as files, and a table of what they show."""

    def __init__(self, database: Database, files: ContentFolder, *, clock: Clock = wall_clock) -> None:
        self._database = database
        self._files = files
        self._clock = clock

    async def add(self, new: NewImage, *, data: bytes, thumbnail: bytes) -> ImageRecord:
        """See `ImageStore`."""
        digest = await asyncio.to_thread(self._files.put, data)
        small_digest = await asyncio.to_thread(self._files.put, thumbnail)
        [row] = await self._database.fetch(
            _ADD,
            {
                "image": digest,
                "thumbnail": small_digest,
                "owner_id": new.owner_id,
                "server_id": new.server_id,
                "character_id": new.character_id,
                "job_id": new.job_id,
                "position": new.position,
                "seed": new.seed,
                "prompt": new.prompt,
                "scores": json.dumps(new.scores),
                "now": self._clock(),
            },
        )
        return _image_of(row)

    async def get(self, image_id: int) -> ImageRecord:
        """See `ImageStore`."""
        row = await self._database.fetch_one(_GET, {"image_id": image_id})
        if row is None:
            raise ImageNotFoundError(image_id=image_id)
        return _image_of(row)

    async def read(self, digest: Hash) -> bytes:
        """See `ImageStore`."""
        return await asyncio.to_thread(self._files.read, digest)

    async def of_job(self, job_id: int) -> list[ImageRecord]:
        """See `ImageStore`."""
        return [_image_of(row) for row in await self._database.fetch(_OF_JOB, {"job_id": job_id})]

    async def of_owner(self, owner_id: int, *, limit: int) -> list[ImageRecord]:
        """See `ImageStore`."""
        rows = await self._database.fetch(_OF_OWNER, {"owner_id": owner_id, "limit": limit})
        return [_image_of(row) for row in rows]

    async def of_character(self, character_id: int, *, limit: int) -> list[ImageRecord]:
        """See `ImageStore`."""
        rows = await self._database.fetch(_OF_CHARACTER, {"character_id": character_id, "limit": limit})
        return [_image_of(row) for row in rows]

    async def delete(self, image_id: int) -> None:
        """See `ImageStore`."""
        if await self._database.fetch_one(_DELETE, {"image_id": image_id}) is None:
            raise ImageNotFoundError(image_id=image_id)


def _image_of(row: Row) -> ImageRecord:
    fields = {key: row[key] for key in row.keys()}  # noqa: SIM118 - iterating over a row yields its values
    return ImageRecord.model_validate(fields | {"scores": json.loads(row["scores"])})
