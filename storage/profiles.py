"""The characters of one data folder: list, get, put, delete, by name."""

import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from storage.errors import DamagedProfileError, ProfileExistsError, ProfileNotFoundError
from storage.files import disk_errors, move_folder, require_room, scratch_folder
from storage.names import clean_name, folder_name
from storage.weights import BANK_FILE, PORTRAIT_FILE, Profile, read_profile, seal_profile, verify_profile

_CHARACTERS = "characters"
_UNFINISHED = "unfinished"
_SCRATCH = ".scratch"
_OLD = "old-"
_ROOM = 8 << 20  # bytes; several characters
_FOLDER = re.compile("[a-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile:
    """A profile and where its files lie."""

    profile: Profile
    folder: Path

    @property
    def bank(self) -> Path:
        """The identity bank."""
        return self.folder / BANK_FILE

    @property
    def portrait(self) -> Path:
        """The canonical portrait."""
        return self.folder / PORTRAIT_FILE


class ProfileStore:
    """Characters under a data folder, which is made when the first one is put.

    A character is a folder whose name follows from its own, so two names that read as one cannot both exist.
    It appears and disappears by one rename: a crash leaves the old one, the new one, or none, never a part.
    """

    def __init__(self, data: Path) -> None:
        self._characters = data / _CHARACTERS
        self._scratch = data / _SCRATCH
        self._unfinished = data / _UNFINISHED
        self._put_back()

    def folder_of(self, name: str) -> Path:
        """Return the folder that a character of this name has or would have.

        Raises:
            InvalidNameError: No character can have this name.
        """
        return self._characters / folder_name(name)

    def exists(self, name: str) -> bool:
        """Tell whether a character has this name, whatever its case."""
        return self.folder_of(name).is_dir()

    def profiles(self) -> list[StoredProfile]:
        """Return every readable character, oldest first; a damaged one is left out."""
        found: list[StoredProfile] = []
        for folder in self._folders():
            try:
                found.append(StoredProfile(profile=read_profile(folder), folder=folder))
            except DamagedProfileError:
                continue
        return sorted(found, key=lambda stored: (stored.profile.created_at, stored.profile.name))

    def damaged(self) -> list[str]:
        """Return the folder names of the characters that cannot be read."""
        readable = {stored.folder for stored in self.profiles()}
        return [folder.name for folder in self._folders() if folder not in readable]

    def get(self, name: str) -> StoredProfile:
        """Return a character after checking all of its files.

        Raises:
            InvalidNameError: No character can have this name.
            ProfileNotFoundError: No character has it.
            DamagedProfileError: Its files are not what they were.
        """
        folder = self._existing(name)
        return StoredProfile(profile=verify_profile(folder), folder=folder)

    def require_room(self, name: str) -> None:
        """Find out before slow work whether a new character could be put.

        Raises:
            InvalidNameError: No character can have this name.
            ProfileExistsError: A character has it.
            DiskFullError: There is no room for a character.
            UnwritableError: The data folder may not be written.
        """
        if self.exists(name):
            raise ProfileExistsError(name=clean_name(name))
        require_room(self._characters, size=_ROOM)

    def unfinished_file(self, name: str) -> Path:
        """Return where the making of this character may keep its finished stages; the folder may be absent.

        Raises:
            InvalidNameError: No character can have this name.
        """
        return self._unfinished / f"{folder_name(name)}.safetensors"

    @contextmanager
    def put(self, name: str, *, replace_existing: bool = False) -> Generator[Path]:
        """Lend an empty folder to be filled, and keep it as this character when the block ends well.

        The block writes `bank.safetensors`, `profile.json` and pictures. If it raises, nothing is kept.

        Raises:
            InvalidNameError: No character can have this name.
            ProfileExistsError: A character has it and may not be replaced.
            DamagedProfileError: The block left no readable profile and bank.
            DiskFullError: There is no room.
            UnwritableError: The system refuses to write.
        """
        cleaned = clean_name(name)
        target = self.folder_of(cleaned)
        if target.exists() and not replace_existing:
            raise ProfileExistsError(name=cleaned)
        with scratch_folder(self._scratch) as folder:
            with disk_errors(target):
                yield folder
            seal_profile(folder, replace(read_profile(folder), name=cleaned))
            verify_profile(folder)
            self._swap(folder, target, name=cleaned, replace_existing=replace_existing)

    def delete(self, name: str) -> None:
        """Remove a character, damaged or not.

        Raises:
            InvalidNameError: No character can have this name.
            ProfileNotFoundError: No character has it.
        """
        folder = self._existing(name)
        with scratch_folder(self._scratch) as grave, disk_errors(folder):
            folder.rename(grave / folder.name)

    def _swap(self, folder: Path, target: Path, *, name: str, replace_existing: bool) -> None:
        old = self._scratch / f"{_OLD}{target.name}"
        if target.exists():
            if not replace_existing:
                raise ProfileExistsError(name=name)
            with disk_errors(target):
                shutil.rmtree(old, ignore_errors=True)
                target.rename(old)
        try:
            move_folder(folder, target)
        except BaseException:
            if old.exists() and not target.exists():
                old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _put_back(self) -> None:
        """Undo a replacement that a crash stopped between its two renames."""
        if not self._scratch.is_dir():
            return
        for old in self._scratch.glob(f"{_OLD}*"):
            target = self._characters / old.name.removeprefix(_OLD)
            if not target.exists():
                with disk_errors(target):
                    old.rename(target)

    def _existing(self, name: str) -> Path:
        folder = self.folder_of(name)
        if not folder.is_dir():
            known = tuple(stored.profile.name for stored in self.profiles())
            raise ProfileNotFoundError(name=clean_name(name), known=known)
        return folder

    def _folders(self) -> list[Path]:
        if not self._characters.is_dir():
            return []
        return sorted(
            path for path in self._characters.iterdir() if path.is_dir() and _FOLDER.fullmatch(path.name)
        )
