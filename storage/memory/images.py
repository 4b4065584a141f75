"""Pictures in memory."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from storage.clock import Clock, wall_clock
from storage.errors import ImageNotFoundError, MissingFileError
from storage.images import ImageRecord, NewImage
from storage.memory.characters import CharacterTable
from synid_engine.serving.messages import Hash


class MemoryImageStore:
    """Pictures as dictionaries."""

    def __init__(self, characters: CharacterTable, *, clock: Clock = wall_clock) -> None:
        self._characters = characters
        self._clock = clock
        self._rows: dict[int, ImageRecord] = {}
        self._files: dict[str, bytes] = {}
        self._last_id = 0

    async def add(self, new: NewImage, *, data: bytes, thumbnail: bytes) -> ImageRecord:
        """See `ImageStore`."""
        for row in await self.of_job(new.job_id):
            if row.position == new.position:
                return row
        self._last_id += 1
        row = ImageRecord.model_validate(
            new.model_dump()
            | {
                "id": self._last_id,
                "character_id": self._living(new.character_id),
                "image": self._put(data),
                "thumbnail": self._put(thumbnail),
                "created_at": self._clock(),
            }
        )
        self._rows[row.id] = row
        return row

    async def get(self, image_id: int) -> ImageRecord:
        """See `ImageStore`."""
        if image_id not in self._rows:
            raise ImageNotFoundError(image_id=image_id)
        return self._present(self._rows[image_id])

    async def read(self, digest: Hash) -> bytes:
        """See `ImageStore`."""
        if digest not in self._files:
            raise MissingFileError(path=Path(digest))
        return self._files[digest]

    async def of_job(self, job_id: int) -> list[ImageRecord]:
        """See `ImageStore`."""
        return sorted(self._where(lambda row: row.job_id == job_id), key=lambda row: row.position)

    async def of_owner(self, owner_id: int, *, limit: int) -> list[ImageRecord]:
        """See `ImageStore`."""
        return self._where(lambda row: row.owner_id == owner_id)[:limit]

    async def of_character(self, character_id: int, *, limit: int) -> list[ImageRecord]:
        """See `ImageStore`."""
        return self._where(lambda row: row.character_id == character_id)[:limit]

    async def delete(self, image_id: int) -> None:
        """See `ImageStore`."""
        await self.get(image_id)
        del self._rows[image_id]

    def _put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self._files[digest] = data
        return digest

    def _where(self, wanted: Callable[[ImageRecord], bool]) -> list[ImageRecord]:
        newest_first = (self._present(row) for _, row in sorted(self._rows.items(), reverse=True))
        return [row for row in newest_first if wanted(row)]

    def _present(self, row: ImageRecord) -> ImageRecord:
        return row.model_copy(update={"character_id": self._living(row.character_id)})

    def _living(self, character_id: int | None) -> int | None:
        return character_id if character_id in self._characters.rows else None
