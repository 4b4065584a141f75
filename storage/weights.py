"""A character's profile on disk: `bank.safetensors`, `profile.json` and pictures, with their checksums.

Reads and checks these files as plain bytes and JSON. Knows nothing about tensors, models or zip files.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from storage.errors import DamagedProfileError
from storage.files import sha256_of, write_whole

SCHEMA_VERSION = 1
PROFILE_FILE = "profile.json"
BANK_FILE = "bank.safetensors"
PORTRAIT_FILE = "portrait.png"
PICTURE_NAME = re.compile(r"(?:portrait|anchors/[0-9]{1,2}|samples/[0-9]{1,2})\.(?:png|webp)")

_LONGEST_HEADER = 1 << 20
_DTYPE_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}


class MalformedError(ValueError):
    """Bytes that do not follow their format; the text says what is wrong. Always translated by its caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What a file of a profile must be: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known about a character besides its bank and pictures.

    Attributes:
        name: Display name.
        description: The words it was made from.
        style: Art style, or empty for the one that the description led to.
        seed: Seed of its creation.
        created_at: UTC time in ISO 8601.
        model_id: Name of the base model.
        model_hash: SHA-256 of the base model; the bank works with no other.
        scores: Measured figures, for example `identity`.
        report: What the model understood of the description and what it cannot draw.
        files: The other files of the profile, by path relative to its folder.
        extra: Fields of the engine's own, kept as they are.
    """

    name: str
    description: str
    style: str = ""
    seed: int = 0
    created_at: str = ""
    model_id: str = ""
    model_hash: str
    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    report: Mapping[str, object] = field(default_factory=dict[str, object])
    files: Mapping[str, FileRecord] = field(default_factory=dict[str, FileRecord])
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> bytes:
        """Return the text of `profile.json`."""
        fields: dict[str, object] = {
            **self.extra,
            "schema_version": self.schema_version,
            "name": self.name,
            "description": self.description,
            "style": self.style,
            "seed": self.seed,
            "created_at": self.created_at,
            "model_id": self.model_id,
            "model_hash": self.model_hash,
            "scores": dict(self.scores),
            "report": dict(self.report),
            "files": {
                name: {"size": record.size, "sha256": record.sha256}
                for name, record in sorted(self.files.items())
            },
        }
        return json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


_TEXTS = ("name", "description", "style", "created_at", "model_id", "model_hash")
_KNOWN = frozenset({*_TEXTS, "schema_version", "seed", "scores", "report", "files"})


def parse_profile(data: bytes) -> Profile:
    """Read the text of a `profile.json`.

    Raises:
        MalformedError: It is no JSON object, of another schema version, or a field has the wrong kind.
    """
    try:
        loaded: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        message = "it is not JSON"
        raise MalformedError(message) from error
    fields = _object(loaded, "profile")
    version = fields.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        message = f"its schema version is {version!r} and this program reads {SCHEMA_VERSION}"
        raise MalformedError(message)
    texts = {key: _text(fields.get(key), key) for key in _TEXTS}
    if not texts["name"] or not texts["model_hash"]:
        message = "it names no character or no base model"
        raise MalformedError(message)
    return Profile(
        name=texts["name"],
        description=texts["description"],
        style=texts["style"],
        created_at=texts["created_at"],
        model_id=texts["model_id"],
        model_hash=texts["model_hash"],
        seed=_whole(fields.get("seed", 0), "seed"),
        scores={
            key: _number(value, key) for key, value in _object(fields.get("scores", {}), "scores").items()
        },
        report=_object(fields.get("report", {}), "report"),
        files={key: _record(value, key) for key, value in _object(fields.get("files", {}), "files").items()},
        extra={key: value for key, value in fields.items() if key not in _KNOWN},
    )


def bank_metadata(data: bytes) -> dict[str, str]:
    """Check that bytes are a whole safetensors file, and return its metadata.

    The header is read here, as JSON, so that no tensor is made from bytes that nobody has checked.

    Raises:
        MalformedError: The header is unreadable, or the tensors do not fill the file exactly.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(_LONGEST_HEADER, len(data) - 8):  # noqa: PLR2004
        message = "it is not a whole safetensors file"
        raise MalformedError(message)
    try:
        loaded: object = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        message = "its safetensors header is not JSON"
        raise MalformedError(message) from error
    header = _object(loaded, "header")
    metadata = _object(header.pop("__metadata__", {}), "metadata")
    end = 0
    for begin, stop in sorted(_span(name, value) for name, value in header.items()):
        if begin != end:
            message = "its tensors overlap or leave holes"
            raise MalformedError(message)
        end = stop
    if not header or 8 + length + end != len(data):
        message = "its tensors do not fill the file"
        raise MalformedError(message)
    return {key: _text(value, key) for key, value in metadata.items()}


def read_profile(folder: Path) -> Profile:
    """Read a folder's `profile.json`.

    Raises:
        DamagedProfileError: It is missing or malformed.
    """
    path = folder / PROFILE_FILE
    try:
        return parse_profile(path.read_bytes())
    except (OSError, MalformedError) as error:
        raise DamagedProfileError(name=folder.name, part=PROFILE_FILE, detail=_reason(error)) from error


def seal_profile(folder: Path, profile: Profile) -> Profile:
    """Write `profile.json` with the sizes and checksums of the files that lie in a folder.

    Returns:
        The profile with its files.
    """
    files = {
        path.relative_to(folder).as_posix(): FileRecord(size=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / PROFILE_FILE
    }
    sealed = replace(profile, files=files)
    write_whole(folder / PROFILE_FILE, sealed.to_json())
    return sealed


def verify_profile(folder: Path) -> Profile:
    """Read a folder's profile and check every file that it lists, and the bank's format and base model.

    Raises:
        DamagedProfileError: A file is missing, has changed, or is not what it should be.
    """
    profile = read_profile(folder)
    for part, record in profile.files.items():
        path = folder / part
        if not path.is_file():
            raise DamagedProfileError(name=profile.name, part=part, detail="it is missing")
        if path.stat().st_size != record.size or sha256_of(path) != record.sha256:
            raise DamagedProfileError(
                name=profile.name, part=part, detail="it has changed since it was written"
            )
    try:
        metadata = bank_metadata((folder / BANK_FILE).read_bytes())
    except (OSError, MalformedError) as error:
        raise DamagedProfileError(name=profile.name, part=BANK_FILE, detail=_reason(error)) from error
    if metadata.get("model_hash", profile.model_hash) != profile.model_hash:
        raise DamagedProfileError(
            name=profile.name, part=BANK_FILE, detail="it belongs to another base model"
        )
    return profile


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "it cannot be read").lower()
    return str(error)


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        message = f"its {where} is not an object"
        raise MalformedError(message)
    return dict(cast("dict[str, object]", value))


def _text(value: object, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        message = f"its {where} is not text"
        raise MalformedError(message)
    return value


def _whole(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        message = f"its {where} is not a whole number"
        raise MalformedError(message)
    return value


def _number(value: object, where: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        message = f"its score {where} is not a number"
        raise MalformedError(message)
    return float(value)


def _record(value: object, where: str) -> FileRecord:
    fields = _object(value, where)
    return FileRecord(size=_whole(fields.get("size"), where), sha256=_text(fields.get("sha256"), where))


def _span(name: str, value: object) -> tuple[int, int]:
    """Return where a tensor lies, having checked that its type and shape need exactly that room."""
    fields = _object(value, name)
    offsets, shape, dtype = fields.get("data_offsets"), fields.get("shape"), fields.get("dtype")
    if not isinstance(offsets, list) or not isinstance(shape, list) or dtype not in _DTYPE_BYTES:
        message = f"its tensor {name} is described wrongly"
        raise MalformedError(message)
    places = [_whole(number, name) for number in cast("list[object]", offsets)]
    lengths = [_whole(number, name) for number in cast("list[object]", shape)]
    size = math.prod(lengths, start=_DTYPE_BYTES[cast("str", dtype)])
    if len(places) != 2 or min(places + lengths) < 0 or places[1] - places[0] != size:  # noqa: PLR2004
        message = f"its tensor {name} has the wrong size"
        raise MalformedError(message)
    return places[0], places[1]
