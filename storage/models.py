"""The published models on this machine: a folder each, with a record of what was checked and accepted.

Knows files, not tensors, and nothing about networks.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import cast

from safetensors import SafetensorError, safe_open

from storage.files import disk_errors, git_hash_of, sha256_of, sync_folder, write_whole
from storage.model_check import DAMAGED, CheckedFile, FileState, check_file
from storage.model_errors import WrongHashError
from storage.part_file import PartFile
from storage.weights import FileRecord
from synid_engine.errors import DamagedModelError
from synid_engine.runtime.model_spec import ModelFile, ModelSpec

RECORD_FILE = ".synid.json"
_SHA256 = re.compile("[0-9a-f]{64}")
_GIT_HASH = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """What is known about a model on this machine.

    Attributes:
        repo: The repository that it came from.
        revision: What was asked for there.
        accepted: The licence that somebody accepted by name, or empty.
        commit: What the hub called the version, or empty.
        files: Place in the model's folder -> what was there once it had been checked.
    """

    repo: str = ""
    revision: str = ""
    accepted: str = ""
    commit: str = ""
    files: Mapping[str, FileRecord] = field(default_factory=dict[str, FileRecord])


class _LyingFile:
    """A file in its place, with the hashes that a part has, too, each read once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def sha256(self) -> str:
        return sha256_of(self._path)

    @cached_property
    def git_hash(self) -> str:
        return git_hash_of(self._path)


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
            named = {key: str(fields[key]) for key in ("repo", "revision", "accepted", "commit")}
            return ModelRecord(**named, files=files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ModelRecord()

    def accept(self, spec: ModelSpec) -> None:
        """Remember that somebody accepted a model's licence by name.

        Raises:
            DiskFullError: There is no room.
            UnwritableError: The folder may not be written.
        """
        self._write(spec, replace(self._known(spec), accepted=spec.licence))

    def is_accepted(self, spec: ModelSpec) -> bool:
        """Tell whether a model may be used here as far as its licence goes."""
        return not spec.needs_acceptance or self.record_of(spec.name).accepted == spec.licence

    def lacking(self, spec: ModelSpec) -> tuple[ModelFile, ...]:
        """Return the files that are not here, of another version, or whose size is not what it was."""
        record, folder = self._known(spec), self.folder_of(spec.name)
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
        folder, before = self.folder_of(spec.name), self._known(spec)
        expected, known = _promised(file, place), before.files.get(place)
        if not expected and known is not None and before.commit == commit != "":
            expected = known.sha256
        try:
            _require_content(folder, place, part, promised=expected or tag)
        except (WrongHashError, DamagedModelError):
            part.path.unlink(missing_ok=True)
            raise
        target = folder / place
        with disk_errors(target):
            part.path.replace(target)
            sync_folder(target.parent)
        self._note(spec, place, part.sha256, commit=commit)

    def adopt(self, spec: ModelSpec, file: ModelFile, place: str, *, tag: str = "", commit: str = "") -> bool:
        """Take a file that lies in its place already, if the table or the hub says that it is the one.

        Args:
            spec: Its model.
            file: What it should be.
            place: Where in the model's folder.
            tag: What the hub says of it, as in `keep`.
            commit: What the hub calls the version, or empty.

        Returns:
            Whether it was taken; what is there and is something else stays as it is.

        Raises:
            DiskFullError: There is no room for the record.
            UnwritableError: The folder may not be written.
        """
        path = self.folder_of(spec.name) / place
        lying = _LyingFile(path)
        try:
            is_it = path.is_file() and _is_promised(_promised(file, place) or tag, lying)
            if is_it:
                self._note(spec, place, lying.sha256, commit=commit)
        except OSError:  # what cannot be read is fetched
            return False
        return is_it

    def version_of(self, spec: ModelSpec) -> str:
        """Return what to fetch: of a branch the commit that is here already, so that versions never mix."""
        if spec.is_pinned:
            return spec.revision
        return self._known(spec).commit or spec.revision

    def checked(self, spec: ModelSpec) -> Iterator[CheckedFile]:
        """Read every file of a model again; a damaged one is set aside, so that nothing loads it."""
        record, known = self.record_of(spec.name), self._known(spec)
        for file in spec.files:
            place = next((one for one in file.places if one in record.files), file.places[0])
            path, before = self.folder_of(spec.name) / place, record.files.get(place)
            if before is None or not path.is_file():
                yield CheckedFile(place=place, state=FileState.MISSING)
            elif place not in known.files:
                yield CheckedFile(place=place, state=FileState.OUTDATED)
            else:
                yield check_file(path, place, before)

    def _known(self, spec: ModelSpec) -> ModelRecord:
        """Return the record without what is of another version than the table asks for now."""
        record = self.record_of(spec.name)
        promises = {place: _promised(file, place) for file in spec.files for place in file.places}
        is_other = any(
            promises.get(place) not in {None, "", one.sha256} for place, one in record.files.items()
        )
        if spec.is_pinned:
            is_other = is_other or spec.revision not in {record.commit, record.revision}
        if not is_other and record.repo == spec.repo:
            return record
        files = {place: one for place, one in record.files.items() if promises.get(place) == one.sha256}
        return replace(record, files=files, commit="")

    def _note(self, spec: ModelSpec, place: str, sha256: str, *, commit: str) -> None:
        """Write down that a file is in its place, and take away the damaged one that was there before."""
        path, before = self.folder_of(spec.name) / place, self._known(spec)
        with disk_errors(path):
            found = FileRecord(size=path.stat().st_size, sha256=sha256)
            path.with_name(f"{path.name}{DAMAGED}").unlink(missing_ok=True)
        files = {**before.files, place: found}
        self._write(spec, replace(before, commit=commit or before.commit, files=files))

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


def _require_content(folder: Path, place: str, part: PartFile, *, promised: str) -> None:
    """Hold a fetched file against the hash that was promised, if any was, and against its format."""
    is_hash = _SHA256.fullmatch(promised) or _GIT_HASH.fullmatch(promised)
    if is_hash and not _is_promised(promised, part):
        found = part.sha256 if _SHA256.fullmatch(promised) else part.git_hash
        raise WrongHashError(path=f"{folder.name}/{place}", found=found, expected=promised)
    try:
        _require_format(place, part.path)
    except (OSError, ValueError, SafetensorError) as error:
        raise DamagedModelError(folder=folder, part=place, detail=str(error)) from error


def _promised(file: ModelFile, place: str) -> str:
    """Return the SHA-256 that the table has for what lies at a place, or empty."""
    return file.sha256 or "" if file.path == _source_of(file, place) else ""


def _is_promised(promised: str, found: "PartFile | _LyingFile") -> bool:
    """Tell whether a file has a SHA-256, or git's hash; anything else says nothing of it."""
    if _SHA256.fullmatch(promised):
        return found.sha256 == promised
    return _GIT_HASH.fullmatch(promised) is not None and found.git_hash == promised


def _source_of(file: ModelFile, place: str) -> str:
    """Return which of a file's candidates lies at a place."""
    return next(path for path in file.candidates if file.place_of(path) == place)


def _require_format(place: str, path: Path) -> None:
    if place.endswith(".safetensors"):
        with safe_open(path, framework="numpy"):
            pass
    elif place.endswith(".json"):
        json.loads(path.read_text("utf-8"))
