"""Characters of the database as `.character` files, and such files as characters."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from storage.archive import LIMITS, export_character, import_character
from storage.characters import CharacterRecord, Made
from storage.data_folder import DataFolder
from storage.errors import ArchiveError, ArchiveTooLargeError, CharacterNotFoundError, DamagedMemberError
from storage.profiles import ProfileStore, StoredProfile
from storage.weights import BANK_FILE, PORTRAIT_FILE, PROFILE_FILE, Profile, seal_profile

MOST_BYTES = LIMITS.archive


def archive_of(record: CharacterRecord, folder: DataFolder) -> bytes:
    """Return a character as one file.

    Raises:
        CharacterNotFoundError: It has not been made.
        StoreError: Its files are missing or damaged.
    """
    made = record.made
    if made is None:
        raise CharacterNotFoundError(character_id=record.id)
    with tempfile.TemporaryDirectory(prefix="synid-") as name:
        scratch = Path(name)
        (scratch / BANK_FILE).write_bytes(folder.weights.read(made.bank))
        (scratch / PORTRAIT_FILE).write_bytes(folder.pictures.read(made.portrait))
        profile = seal_profile(
            scratch,
            Profile(
                name=record.name,
                description=record.description,
                style=record.style,
                created_at=datetime.fromtimestamp(record.created_at, UTC).isoformat(),
                model_id=made.model_id,
                model_hash=made.model_hash,
                scores=made.scores,
            ),
        )
        path = scratch / "whole.character"
        return export_character(StoredProfile(profile=profile, folder=scratch), path).read_bytes()


def read_archive(data: bytes, *, model_hash: str, name: str | None) -> tuple[Profile, tuple[bytes, bytes]]:
    """Check a file that came from a stranger, in a folder that is gone afterwards.

    Args:
        data: The file.
        model_hash: Of the base model at hand.
        name: Another name than the file's; None keeps that one.

    Returns:
        What the file says of the character, and the bytes of its bank and its portrait.

    Raises:
        ArchiveError: The file is refused; its `path` is a word and not a place on this machine.
        InvalidNameError: No character can have the name.
    """
    shown = Path("the file")
    if len(data) > MOST_BYTES:
        raise ArchiveTooLargeError(shown, size=len(data), limit=MOST_BYTES)
    with tempfile.TemporaryDirectory(prefix="synid-") as folder:
        path = Path(folder) / "uploaded.character"
        path.write_bytes(data)
        try:
            stored = import_character(path, ProfileStore(Path(folder)), model_hash=model_hash, name=name)
        except ArchiveError as error:
            error.path = shown
            raise
        return stored.profile, (stored.bank.read_bytes(), stored.portrait.read_bytes())


def made_of(profile: Profile, files: tuple[bytes, bytes], folder: DataFolder) -> Made:
    """Keep what `read_archive` returned in a data folder.

    Raises:
        DamagedMemberError: The profile's figures are none.
        DiskFullError: There is no room.
        UnwritableError: The system refuses to write.
    """
    bank, portrait = files
    try:
        return Made(
            bank=folder.weights.put(bank),
            portrait=folder.pictures.put(portrait),
            model_id=profile.model_id,
            model_hash=profile.model_hash,
            scores=dict(profile.scores),
        )
    except ValidationError as error:
        detail = "its base model's hash or its scores are none"
        raise DamagedMemberError(Path("the file"), member=PROFILE_FILE, detail=detail) from error
