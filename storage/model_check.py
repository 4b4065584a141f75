"""Reading a pulled model's file again: whether it still is what it was when it came."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from storage.files import reason_of, sha256_of
from storage.weights import FileRecord

DAMAGED = ".damaged"
"""How the name of a file ends that was set aside."""


class FileState(StrEnum):
    """What became of a file of a model."""

    SOUND = "sound"
    MISSING = "missing"
    OUTDATED = "outdated"
    DAMAGED = "damaged"
    CHANGED = "changed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """A file of a model that was read again; one that was damaged now has another name and is not used.

    Attributes:
        place: Where in the model's folder.
        state: What became of it.
        detail: Why it could not be read, or not be given another name; or empty.
    """

    place: str
    state: FileState
    detail: str = ""


def check_file(path: Path, place: str, known: FileRecord) -> CheckedFile:
    """Read a file again; a damaged one is set aside, so that nothing loads it."""
    try:
        if sha256_of(path) == known.sha256:
            return CheckedFile(place=place, state=FileState.SOUND)
    except OSError as error:
        return CheckedFile(place=place, state=FileState.UNREADABLE, detail=reason_of(error))
    try:
        path.replace(path.with_name(f"{path.name}{DAMAGED}"))
    except OSError as error:
        detail = f"it stays in its place: {reason_of(error)}"
        return CheckedFile(place=place, state=FileState.DAMAGED, detail=detail)
    return CheckedFile(place=place, state=FileState.DAMAGED)
