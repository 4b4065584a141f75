"""Characters that were made as folders, before there was a database, become rows of it."""

import asyncio
from dataclasses import dataclass

from pydantic import ValidationError

from storage.characters import CharacterStore, Made
from storage.data_folder import DataFolder
from storage.errors import DamagedProfileError
from storage.profiles import ProfileStore, StoredProfile
from storage.weights import BANK_FILE, PROFILE_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What came of it.

    Attributes:
        adopted: Names of the characters that are new in the database.
        damaged: Names of those that cannot be adopted as they are.
    """

    adopted: tuple[str, ...]
    damaged: tuple[str, ...]


async def adopt_profiles(folder: DataFolder, characters: CharacterStore, *, owner_id: int) -> Adoption:
    """Give an owner every profile whose name the owner has not yet; the folders stay where they are.

    A crash between two steps leaves a draft, which the next call completes.

    Raises:
        DiskFullError: There is no room.
        UnwritableError: The system refuses to write.
    """
    profiles = await asyncio.to_thread(ProfileStore, folder.path)
    adopted: list[str] = []
    damaged = await asyncio.to_thread(profiles.damaged)
    for name in [stored.profile.name for stored in await asyncio.to_thread(profiles.profiles)]:
        present = await characters.find(owner_id=owner_id, name=name)
        if present is not None and present.made is not None:
            continue
        try:
            stored = await asyncio.to_thread(profiles.get, name)
            made = await asyncio.to_thread(_kept, folder, stored)
        except DamagedProfileError:
            damaged.append(name)
            continue
        draft = present or await characters.add(
            owner_id=owner_id,
            name=name,
            description=stored.profile.description,
            style=stored.profile.style,
        )
        await characters.complete(draft.id, made, revision=draft.revision)
        adopted.append(name)
    return Adoption(adopted=tuple(adopted), damaged=tuple(damaged))


def _kept(folder: DataFolder, stored: StoredProfile) -> Made:
    profile = stored.profile
    try:
        return Made(
            bank=folder.weights.put(stored.bank.read_bytes()),
            portrait=folder.pictures.put(stored.portrait.read_bytes()),
            model_id=profile.model_id,
            model_hash=profile.model_hash,
            scores=dict(profile.scores),
        )
    except ValidationError as error:
        detail = "its base model's hash or its scores are none"
        raise DamagedProfileError(name=profile.name, part=PROFILE_FILE, detail=detail) from error
    except FileNotFoundError as error:
        raise DamagedProfileError(name=profile.name, part=BANK_FILE, detail="it is missing") from error
