"""A person's own data: all of it as one file, and its removal."""

import asyncio
import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress

from bot.coordinator.opening import Opened
from bot.coordinator.results import NSFW
from bot.place import Place
from bot.service.gate import Gate
from bot.service.names import Names
from bot.uploads import Upload
from storage.erasure import Erased
from synid_engine.errors import SynIDError
from synid_engine.serving.messages import FINAL

_ROOM = 64 << 10  # bytes that a zip needs besides its pictures
_MOST_JOBS = 100_000


class Privacy:
    """Hands out and removes."""

    def __init__(self, opened: Opened, names: Names, gate: Gate) -> None:
        self._gate = gate
        self._opened = opened
        self._names = names

    async def export(self, place: Place) -> Upload:
        """Return everything about a person; of the pictures that may be shown, the newest that fit."""
        personal = self._opened.personal
        rows = await personal.rows_of(place.owner_id)
        text = json.dumps(rows, ensure_ascii=False, indent=2).encode()
        room = place.upload_limit - len(text) - _ROOM
        pictures: dict[str, bytes] = {}
        for digest in dict.fromkeys(str(row["image"]) for row in rows["images"] if self._is_fit(row)):
            with suppress(SynIDError):  # what is damaged cannot be handed out
                data = await personal.picture(digest)
                if len(data) > room:
                    break
                room -= len(data)
                pictures[digest] = data
        return Upload(name="your-data.zip", data=await asyncio.to_thread(_zipped, text, pictures))

    def _is_fit(self, row: Mapping[str, object]) -> bool:
        scores: dict[str, float] = json.loads(str(row["scores"]))
        return not self._gate.rule.withholds(scores.get(NSFW))

    async def delete(self, owner_id: int) -> Erased:
        """End a person's requests, and remove everything about them."""
        for job in await self._opened.stores.jobs.of_owner(owner_id, limit=_MOST_JOBS):
            if job.state not in FINAL:
                await self._opened.coordinator.cancel(job.id)
        erased = await self._opened.personal.erase(owner_id)
        self._names.forget()
        return erased


def _zipped(text: bytes, pictures: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", text)
        for digest, data in pictures.items():
            archive.writestr(f"pictures/{digest}.png", data, zipfile.ZIP_STORED)
    return buffer.getvalue()
