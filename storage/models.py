"""The published models on this machine: a folder each, with a record of what was checked and accepted.

Knows files, not tensors, and nothing about networks.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import cast

from safetensors import SafetensorError, safe_open

from storage.files import disk_errors, sha256_of, sync_folder, write_whole
from storage.model_errors import WrongHashError
from storage.part_file import PartFile
from storage.weights import FileRecord
from synid_engine.errors import DamagedModelError
from synid_engine.runtime.model_spec import ModelFile, ModelSpec

RECORD_FILE = ".synid.json"
DAMAGED = ".damaged"
_SHA256 = re.compile("[0-9a-f]{64}")
_GIT_HASH = re.compile("[0-9a-f]{40}")


class FileState(StrEnum):
    """What became of a file of a model."""

    SOUND = "sound"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """A file of a model that was read again; one that was damaged now has another name and is not used."""

    place: str
    state: FileState


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """What is known about a model on this machine.

    Attributes:
        accepted: The licence that somebody accepted by name, or empty.
        commit: What the hub called the version, or empty.
        files: Place in the model's folder -> what was there once it had been checked.
    """

    accepted: str = ""
    commit: str = ""
    files: Mapping[str, FileRecord] = field(default_factory=dict[str, FileRecord])


class ModelStore:
    """Models under one folder, which is made when the first one is kept."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder_of(self, name: str) -> Path:
        """Return the folder that a model of this name has or would have."""
        return self.root / name

    def record_of(self, name: str) -> ModelRecord:
        """Return what is known about a model; a record that cannot be read knows nothing."""
        try:
            fields = json.loads((self.folder_of(name) / RECORD_FILE).read_text("utf-8"))
            listed = cast("Mapping[str, Mapping[str, str]]", fields["files"])
            files = {
                place: FileRecord(size=int(one["size"]), sha256=str(one["sha256"]))
                for place, one in listed.items()
            }
            return ModelRecord(accepted=str(fields["accepted"]), commit=str(fields["commit"]), files=files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ModelRecord()

    def accept(self, spec: ModelSpec) -> None:
        """Remember that somebody accepted a model's licence by name.

        Raises:
            DiskFullError: There is no room.
            UnwritableError: The folder may not be written.
        """
        before = self.record_of(spec.name)
        self._write(spec, ModelRecord(accepted=spec.licence, commit=before.commit, files=before.files))

    def is_accepted(self, spec: ModelSpec) -> bool:
        """Tell whether a model may be used here as far as its licence goes."""
        return not spec.needs_acceptance or self.record_of(spec.name).accepted == spec.licence

    def lacking(self, spec: ModelSpec) -> tuple[ModelFile, ...]:
        """Return the files that are not here, or whose size is not what it was."""
        record, folder = self.record_of(spec.name), self.folder_of(spec.name)
        return tuple(
            file
            for file in spec.files
            if not any(_is_there(folder / place, record.files.get(place)) for place in file.places)
        )

    def is_whole(self, spec: ModelSpec) -> bool:
        """Tell whether every file of a model is here and it may be used."""
        return self.is_accepted(spec) and not self.lacking(spec)

    def keep(
        self, spec: ModelSpec, file: ModelFile, place: str, part: PartFile, *, tag: str, commit: str
    ) -> None:
        """Put a fetched file into its place, if it is what it should be; else nothing of it is left.

        Args:
            spec: Its model.
            file: What it should be.
            place: Where in the model's folder.
            part: What was fetched.
            tag: What the hub says of it: a SHA-256, git's hash, or anything else, which says nothing.
            commit: What the hub calls the version, or empty.

        Raises:
            WrongHashError: It is something else than the table says, than it was here at the same commit, or
                than the hub says.
            DamagedModelError: It is not whole, or not of the format that its name says.
            DiskFullError: There is no room.
            UnwritableError: The folder may not be written.
        """
        part.sync()
        folder, before = self.folder_of(spec.name), self.record_of(spec.name)
        expected = file.sha256 if file.path == _source_of(file, place) else None
        known = before.files.get(place)
        if expected is None and known is not None and before.commit == commit != "":
            expected = known.sha256
        try:
            _require_content(folder, place, part, expected=expected, tag=tag)
        except (WrongHashError, DamagedModelError):
            part.path.unlink(missing_ok=True)
            raise
        target = folder / place
        with disk_errors(target):
            part.path.replace(target)
            sync_folder(target.parent)
        files = {**before.files, place: FileRecord(size=part.size, sha256=part.sha256)}
        self._write(spec, ModelRecord(accepted=before.accepted, commit=commit or before.commit, files=files))

    def version_of(self, spec: ModelSpec) -> str:
        """Return what to fetch: of a branch the commit that is here already, so that versions never mix."""
        if _GIT_HASH.fullmatch(spec.revision):
            return spec.revision
        return self.record_of(spec.name).commit or spec.revision

    def checked(self, spec: ModelSpec) -> Iterator[CheckedFile]:
        """Read every file of a model again; a damaged one is set aside, so that nothing loads it."""
        record, folder = self.record_of(spec.name), self.folder_of(spec.name)
        for file in spec.files:
            place = next((one for one in file.places if one in record.files), file.places[0])
            yield CheckedFile(place=place, state=_state(folder / place, record.files.get(place)))

    def _write(self, spec: ModelSpec, record: ModelRecord) -> None:
        fields = {
            "model": spec.name,
            "repo": spec.repo,
            "revision": spec.revision,
            "commit": record.commit,
            "licence": spec.licence,
            "accepted": record.accepted,
            "files": {
                place: {"size": one.size, "sha256": one.sha256} for place, one in sorted(record.files.items())
            },
        }
        path = self.folder_of(spec.name) / RECORD_FILE
        write_whole(path, f"{json.dumps(fields, ensure_ascii=False, indent=2)}\n".encode())


def _is_there(path: Path, known: FileRecord | None) -> bool:
    try:
        return known is not None and path.stat().st_size == known.size
    except OSError:
        return False


def _state(path: Path, known: FileRecord | None) -> FileState:
    if known is None or not path.is_file():
        return FileState.MISSING
    if sha256_of(path) == known.sha256:
        return FileState.SOUND
    with disk_errors(path):
        path.replace(path.with_name(f"{path.name}{DAMAGED}"))
    return FileState.DAMAGED


def _require_content(folder: Path, place: str, part: PartFile, *, expected: str | None, tag: str) -> None:
    """Hold a fetched file against what is known of it or the hub's word, and against its format."""
    if expected is not None:
        _require_equal(place, part.sha256, expected)
    elif _SHA256.fullmatch(tag):
        _require_equal(place, part.sha256, tag)
    elif _GIT_HASH.fullmatch(tag):
        _require_equal(place, part.git_hash, tag)
    try:
        _require_format(place, part.path)
    except (OSError, ValueError, SafetensorError) as error:
        raise DamagedModelError(folder=folder, part=place, detail=str(error)) from error


def _source_of(file: ModelFile, place: str) -> str:
    """Return which of a file's candidates lies at a place."""
    return next(path for path in file.candidates if file.place_of(path) == place)


def _require_equal(place: str, found: str, expected: str) -> None:
    if found != expected:
        raise WrongHashError(path=place, found=found, expected=expected)


def _require_format(place: str, path: Path) -> None:
    if place.endswith(".safetensors"):
        with safe_open(path, framework="numpy"):
            pass
    elif place.endswith(".json"):
        json.loads(path.read_text("utf-8"))
