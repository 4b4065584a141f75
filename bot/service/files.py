"""Characters as files that people keep, and bring back."""

import asyncio
from dataclasses import replace

from bot.chat_errors import ModelUnknownError, NotYoursError, WithheldError
from bot.coordinator.opening import Opened
from bot.coordinator.results import NSFW
from bot.place import Place
from bot.service.characters import Characters, CharacterView, view_of
from bot.service.gate import Gate
from bot.uploads import Upload
from storage.data_folder import DataFolder
from storage.errors import CharacterExistsError
from storage.names import clean_name, folder_name
from storage.portable import MOST_BYTES, archive_of, made_of, read_archive


class CharacterFiles:
    """Exports and imports.

    Attributes:
        most_bytes: Of a file.
    """

    most_bytes = MOST_BYTES

    def __init__(self, opened: Opened, folder: DataFolder, characters: Characters, gate: Gate) -> None:
        self._opened = opened
        self._folder = folder
        self._characters = characters
        self._gate = gate

    async def export(self, place: Place, name: str) -> Upload:
        """Return a character as a file.

        Raises:
            ProfileNotFoundError: There is none of this name.
            NotYoursError: It is shared for drawing alone.
            CharacterNotFoundError: It has not been made.
            WithheldError: Its portrait is withheld.
        """
        view = await self._characters.find(place, name)
        if view.owner_id != place.owner_id and view.access != "remix":
            raise NotYoursError(what=f"exporting {view.name}")
        if view.portrait is not None and self._gate.rule.withholds(view.nsfw):
            raise WithheldError
        record = await self._opened.stores.characters.get(view.id)
        data = await asyncio.to_thread(archive_of, record, self._folder)
        return Upload(name=f"{folder_name(view.name)}.character", data=data)

    async def import_(self, place: Place, data: bytes, *, name: str | None) -> CharacterView:
        """Make a character of a file.

        Raises:
            ModelUnknownError: The engine has not said which base model there is.
            ArchiveError: The file is refused.
            CharacterExistsError: One has another that is called so.
            RefusedTextError: The policy refuses its name or its description.
            WithheldError: Its portrait may not be shown.
            CapacityError: The engine cannot look at the portrait now.
        """
        health = await self._opened.coordinator.health()
        if not health.model_hash:
            raise ModelUnknownError
        wanted = None if name is None else clean_name(name)
        profile, files = await asyncio.to_thread(
            read_archive, data, model_hash=health.model_hash, name=wanted
        )
        characters = self._opened.stores.characters
        if await characters.find(owner_id=place.owner_id, name=profile.name) is not None:
            raise CharacterExistsError(name=profile.name)
        await self._gate.together(
            place, profile.name, profile.description, profile.style, field="description"
        )
        nsfw = await self._opened.coordinator.inspection.judge(files[1])
        if nsfw is None or self._gate.rule.withholds(nsfw):
            raise WithheldError
        judged = replace(profile, scores={**profile.scores, NSFW: nsfw})
        made = await asyncio.to_thread(made_of, judged, files, self._folder)
        draft = await characters.add(
            owner_id=place.owner_id,
            name=profile.name,
            description=profile.description,
            style=profile.style,
        )
        record = await characters.complete(draft.id, made, revision=draft.revision)
        self._characters.names.forget()
        return view_of(record)
