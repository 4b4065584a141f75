"""Pictures of jobs: previews and choices while they are worked on, and what came of them."""

import asyncio
import logging

from bot.chat_errors import NothingMadeError, NotYoursError, PictureTooLargeError, WithheldError
from bot.coordinator.spool import Spool
from bot.coordinator.stores import Stores
from bot.place import Place
from bot.service.gate import Gate
from bot.sheet import reference_sheet
from bot.tongue import mark
from bot.uploads import Upload, all_fitted
from storage.errors import DamagedFileError, MissingFileError
from synid_engine.serving.messages import CreateWork, Hash, Job, JobState

_LOG = logging.getLogger(__name__)
MOST_SHOWN = 10  # of one job; no gallery has more


class Pictures:
    """Reads and removes them."""

    def __init__(self, stores: Stores, spool: Spool, gate: Gate) -> None:
        self._stores = stores
        self._gate = gate
        self._spool = spool

    async def file(self, digest: Hash) -> bytes:
        """Return a preview, a choice or a picture.

        Raises:
            StoreError: It is not there, or damaged.
        """
        return await self._spool.read(digest)

    async def of(self, job: Job) -> list[bytes]:
        """Return the finished pictures of a job that may be shown.

        Raises:
            NothingMadeError: They have been deleted.
            WithheldError: None may be.
            StoreError: They cannot be read.
        """
        found = await self._stores.images.of_job(job.id)
        if not found:
            raise NothingMadeError(job_id=job.id)
        fit = self._gate.fit(job)
        shown = list(dict.fromkeys(one.image for one in found if one.image in fit))
        if not shown:
            raise WithheldError
        return [await self._stores.images.read(one) for one in shown[:MOST_SHOWN]]

    async def shown(self, job: Job) -> list[bytes]:
        """Return what a card shows: pictures, or a character's reference sheet; errors as in `of`."""
        pictures = await self.of(job)
        if isinstance(job.work, CreateWork):
            return [await asyncio.to_thread(reference_sheet, pictures)]
        return pictures

    async def files(self, job: Job, *, limit: int) -> tuple[Upload, ...]:
        """Return a job's pictures as files.

        Args:
            job: One that is over.
            limit: Bytes of the largest file.

        Returns:
            Nothing if they are gone, withheld, or too large however they are encoded.
        """
        if job.state is JobState.FAILED:
            return ()
        await self._gate.note_pictures(job)
        try:
            return await asyncio.to_thread(all_fitted, f"job-{job.id}", await self.shown(job), limit=limit)
        except (PictureTooLargeError, WithheldError):
            return ()
        except (NothingMadeError, MissingFileError, DamagedFileError):
            _LOG.warning("the pictures of job %d cannot be read", job.id)
            return ()

    async def delete(self, place: Place, job: Job) -> None:
        """Remove a job's pictures.

        Raises:
            NotYoursError: Only their owner and the server's moderators may.
        """
        is_moderated = place.is_moderator and job.server_id is not None and job.server_id == place.server_id
        if job.owner_id != place.owner_id and not is_moderated:
            raise NotYoursError(what=mark("deleting these pictures"))
        for one in await self._stores.images.of_job(job.id):
            await self._stores.images.delete(one.id)
