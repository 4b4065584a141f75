"""Poses of pictures that somebody brought: the pictures are looked at, and not kept."""

import asyncio

from bot.brought import checked_picture
from bot.chat_errors import ModelUnknownError, StillLookingError
from bot.coordinator.inspection import BroughtPose
from bot.coordinator.opening import Opened
from bot.words import Words


class Poses:
    """Reads one picture at a time of each person, and makes one small at a time: both take room and time."""

    def __init__(self, opened: Opened, words: Words) -> None:
        self._coordinator = opened.coordinator
        self._words = words
        self._owners: set[int] = set()
        self._decoding = asyncio.Lock()

    async def read(self, owner_id: int, picture: bytes) -> BroughtPose:
        """Read the pose of the largest person in a picture; further errors as in `Inspection.read_pose`.

        Raises:
            StillLookingError: Another picture of the owner's is being read.
            ModelUnknownError: The engine is not ready.
            InvalidRequestError: The base model reads no poses, or this is no picture.
        """
        self._words.repertoire.require_pose_reading()
        if owner_id in self._owners:
            raise StillLookingError
        self._owners.add(owner_id)
        try:
            if not (await self._coordinator.health()).is_ready:
                raise ModelUnknownError
            async with self._decoding:
                checked = await asyncio.to_thread(checked_picture, picture)
            return await self._coordinator.inspection.read_pose(checked)
        finally:
            self._owners.discard(owner_id)
