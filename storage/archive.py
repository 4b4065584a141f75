"""A character as one file, `NAME.character`: a zip of safetensors, JSON and pictures, and nothing else.

An archive comes from a stranger. It is read into memory within limits and checked whole, against the list of
files that its profile carries, before a first byte is written. Nothing in it is ever unpickled or run.
"""

import hashlib
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.errors import (
    ArchiveTooLargeError,
    DamagedMemberError,
    MissingArchiveError,
    MissingMemberError,
    NotAnArchiveError,
    OtherBaseModelError,
    UnexpectedMemberError,
)
from storage.files import write_whole
from storage.names import clean_name
from storage.profiles import ProfileStore, StoredProfile
from storage.weights import (
    BANK_FILE,
    PICTURE_NAME,
    PORTRAIT_FILE,
    PROFILE_FILE,
    FileRecord,
    MalformedError,
    Profile,
    bank_metadata,
    parse_profile,
)

SUFFIX = ".character"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # one character is one sequence of bytes, whenever it is exported
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How large a character can be. Sizes are bytes.

    Attributes:
        archive: The file itself.
        member: One member, unpacked.
        total: All members, unpacked.
        members: Number of members.
        picture_side: Width or height of a picture in pixels.
    """

    archive: int = 32 << 20
    member: int = 16 << 20
    total: int = 48 << 20
    members: int = 40
    picture_side: int = 4096


LIMITS = ArchiveLimits()


def export_character(stored: StoredProfile, path: Path) -> Path:
    """Write a character as one file, whole or not at all.

    Args:
        stored: From `ProfileStore.get`, hence checked.
        path: The file, or a folder that gets `NAME.character`.

    Returns:
        The file that was written.

    Raises:
        DiskFullError: There is no room.
        UnwritableError: The system refuses to write.
    """
    target = path / f"{_file_stem(stored.profile.name)}{SUFFIX}" if path.is_dir() else path
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in (PROFILE_FILE, *sorted(stored.profile.files)):
            info = zipfile.ZipInfo(name, date_time=_EPOCH)
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, (stored.folder / name).read_bytes())
    write_whole(target, buffer.getvalue())
    return target


def import_character(
    path: Path,
    store: ProfileStore,
    *,
    model_hash: str,
    name: str | None = None,
    limits: ArchiveLimits = LIMITS,
) -> StoredProfile:
    """Check an archive and put its character into a store; on any refusal nothing is written.

    Args:
        path: The file.
        store: Where the character goes.
        model_hash: Hash of the base model at hand; a character of another one is refused.
        name: Another name than the archive's, for example because that one is taken.
        limits: How large it may be.

    Raises:
        ArchiveError: One of its leaves says why the archive is refused.
        InvalidNameError: No character can have the name.
        ProfileExistsError: A character already has the name.
        DiskFullError: There is no room.
        UnwritableError: The system refuses to write.
    """
    members = _read_members(path, limits)
    profile = _checked_profile(path, members, limits)
    if profile.model_hash != model_hash:
        raise OtherBaseModelError(path, found=profile.model_hash, expected=model_hash)
    wanted = clean_name(name if name is not None else profile.name)
    with store.put(wanted) as folder:
        for member, data in members.items():
            target = folder / member
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
    return store.get(wanted)


def inspect_archive(path: Path, *, limits: ArchiveLimits = LIMITS) -> Profile:
    """Check everything about an archive that needs no base model, and return its profile.

    Raises:
        ArchiveError: One of its leaves says why the archive is refused.
    """
    return _checked_profile(path, _read_members(path, limits), limits)


def _read_members(path: Path, limits: ArchiveLimits) -> dict[str, bytes]:
    """Read an archive's members into memory, each of an expected name and within the limits."""
    data = _read_file(path, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(path, members, limits)
            return {info.filename: archive.read(info) for info in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise NotAnArchiveError(path) from error


def _read_file(path: Path, limits: ArchiveLimits) -> bytes:
    try:
        size = path.stat().st_size
        if size > limits.archive:
            raise ArchiveTooLargeError(path, size=size, limit=limits.archive)
        data = path.read_bytes()
    except OSError as error:
        raise MissingArchiveError(path) from error
    if not data.startswith(b"PK\x03\x04"):
        raise NotAnArchiveError(path)
    return data


def _check_members(path: Path, members: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    seen: set[str] = set()
    for info in members:
        # orig_filename: zipfile cuts a name at its first NUL, and so would hide what follows it.
        if info.orig_filename in seen or not _is_expected(info):
            raise UnexpectedMemberError(path, member=info.orig_filename)
        seen.add(info.orig_filename)
        if info.file_size > limits.member:
            raise ArchiveTooLargeError(path, size=info.file_size, limit=limits.member)
    if len(members) > limits.members:
        raise UnexpectedMemberError(path, member=members[limits.members].orig_filename)
    total = sum(info.file_size for info in members)
    if total > limits.total:
        raise ArchiveTooLargeError(path, size=total, limit=limits.total)


def _is_expected(info: zipfile.ZipInfo) -> bool:
    mode = info.external_attr >> 16
    is_file = stat.S_IFMT(mode) in {0, stat.S_IFREG}
    is_known = info.orig_filename in {PROFILE_FILE, BANK_FILE} or PICTURE_NAME.fullmatch(info.orig_filename)
    return bool(is_known and is_file and info.compress_type in _METHODS and not info.flag_bits & _ENCRYPTED)


def _checked_profile(path: Path, members: Mapping[str, bytes], limits: ArchiveLimits) -> Profile:
    for needed in (PROFILE_FILE, BANK_FILE, PORTRAIT_FILE):
        if needed not in members:
            raise MissingMemberError(path, member=needed)
    try:
        profile = parse_profile(members[PROFILE_FILE])
    except MalformedError as error:
        raise DamagedMemberError(path, member=PROFILE_FILE, detail=str(error)) from error
    _check_files(path, members, profile.files)
    try:
        metadata = bank_metadata(members[BANK_FILE])
    except MalformedError as error:
        raise DamagedMemberError(path, member=BANK_FILE, detail=str(error)) from error
    if metadata.get("model_hash", profile.model_hash) != profile.model_hash:
        raise DamagedMemberError(
            path, member=BANK_FILE, detail="it belongs to another base model than its profile"
        )
    for name in members:
        if PICTURE_NAME.fullmatch(name):
            _check_picture(path, name, members[name], limits)
    return profile


def _check_files(path: Path, members: Mapping[str, bytes], files: Mapping[str, FileRecord]) -> None:
    for name in files:
        if name not in members:
            raise MissingMemberError(path, member=name)
    for name, data in members.items():
        if name == PROFILE_FILE:
            continue
        record = files.get(name)
        if record is None:
            raise UnexpectedMemberError(path, member=name)
        if len(data) != record.size or _sha256(data) != record.sha256:
            raise DamagedMemberError(path, member=name, detail="its checksum is wrong")


def _check_picture(path: Path, name: str, data: bytes, limits: ArchiveLimits) -> None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - only an import needs it

    expected = "PNG" if name.endswith(".png") else "WEBP"
    try:
        with Image.open(io.BytesIO(data), formats=(expected,)) as picture:
            fits = max(picture.size) <= limits.picture_side
            if fits:
                picture.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DamagedMemberError(path, member=name, detail="it is not a picture") from error
    if not fits:
        raise DamagedMemberError(
            path, member=name, detail=f"it is wider or higher than {limits.picture_side} pixels"
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _file_stem(name: str) -> str:
    return re.sub(r'[<>:"|?*]', "_", name)
