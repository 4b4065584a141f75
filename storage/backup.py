"""A data folder as one file: taken while the coordinator runs, and put back where nothing is.

The database is copied first, as of one moment. The files that this copy refers to are never changed once they
are written, so they can be read afterwards and still agree with it.
"""

import hashlib
import os
import re
import secrets
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from storage.data_folder import DataFolder
from storage.database import DATABASE_FILE, read_only
from storage.errors import (
    DamagedDatabaseError,
    DamagedProfileError,
    FolderInUseError,
    NewerSchemaError,
    NoDatabaseError,
    NotABackupError,
)
from storage.files import disk_errors, move_folder, scratch_folder, sha256_of
from storage.references import references_in
from storage.schema import migrations
from storage.weights import PROFILE_FILE, verify_profile
from synid_engine.serving.messages import Hash, Message

_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 256 << 20  # bytes; a million files
_CHUNK = 1 << 20
_MEMBER = re.compile(
    rf"{re.escape(DATABASE_FILE)}|(?:pictures|weights|spool|characters)(?:/[A-Za-z0-9-][A-Za-z0-9._-]*){{1,3}}"
)
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    KeyError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds.

    Attributes:
        members: Number of files, the database among them.
        size: Bytes before they are packed.
        left_out: Files that the database refers to but that are missing or damaged.
    """

    members: int
    size: int
    left_out: tuple[str, ...] = ()


class _Member(Message):
    """What a file of a backup must be."""

    size: Annotated[int, Field(ge=0)]
    sha256: Hash


class _Manifest(Message):
    """Every file of a backup but this one, by its name."""

    members: dict[str, _Member]


def backup(folder: Path, path: Path) -> Backup:
    """Write a data folder as one file, whole or not at all; the coordinator may be running.

    Raises:
        NoDatabaseError: The folder has no database.
        DamagedDatabaseError: Its database is damaged.
        DatabaseBusyError: Another program keeps it locked.
        DiskFullError: There is no room.
        UnwritableError: The system refuses to write.
    """
    data = DataFolder(folder)
    if not data.database.is_file():
        raise NoDatabaseError(folder=folder)
    with disk_errors(path), scratch_folder(path.parent) as scratch:
        copy = scratch / DATABASE_FILE
        _copy_database(data.database, copy)
        temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
        try:
            done = _write(temporary, copy, data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return done


def restore(path: Path, folder: Path) -> Backup:
    """Check a backup whole, and make a data folder of it; on any refusal nothing is left.

    Raises:
        FolderInUseError: The folder has something in it.
        NotABackupError: The file is missing or no whole backup.
        NewerSchemaError: A newer program wrote it.
        DiskFullError: There is no room.
        UnwritableError: The system refuses to write.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderInUseError(folder=folder)
    with disk_errors(folder), scratch_folder(folder.parent) as scratch:
        new = scratch / "data"
        new.mkdir()
        try:
            with zipfile.ZipFile(path) as archive:
                done = _unpack(archive, new, path)
        except (*_UNREADABLE, FileNotFoundError, IsADirectoryError) as error:
            raise NotABackupError(path=path, detail="it is missing or no whole zip") from error
        _check_database(new / DATABASE_FILE, path)
        if folder.exists():
            folder.rmdir()
        move_folder(new, folder)
    return done


def _copy_database(source: Path, target: Path) -> None:
    with read_only(source) as connection:
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, with no log beside it
        finally:
            copy.close()


def _write(target: Path, copy: Path, data: DataFolder) -> Backup:
    records: dict[str, _Member] = {}
    left_out: list[str] = []
    with target.open("xb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, source, is_whole in _members(copy, data):
                if not is_whole:
                    left_out.append(name)
                    continue
                records[name] = _Member(size=source.stat().st_size, sha256=sha256_of(source))
                archive.write(source, name)
            archive.writestr(_MANIFEST, _Manifest(members=records).model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    size = sum(record.size for record in records.values())
    return Backup(members=len(records), size=size, left_out=tuple(left_out))


def _members(copy: Path, data: DataFolder) -> Iterator[tuple[str, Path, bool]]:
    """Yield each file's name in the backup, where it lies, and whether it is what it should be."""
    yield DATABASE_FILE, copy, True
    with read_only(copy) as connection:
        wanted = references_in(connection)
    for content, digests in ((data.weights, wanted.weights), (data.pictures, wanted.pictures)):
        for digest in sorted(digests):
            source = content.path_of(digest)
            yield source.relative_to(data.path).as_posix(), source, content.is_whole(digest)
    for source in sorted(data.spool.iterdir()) if data.spool.is_dir() else ():
        digest = source.name.partition(".")[0]
        if digest in wanted.spooled:
            yield f"spool/{source.name}", source, sha256_of(source) == digest
    yield from _profile_members(data)


def _profile_members(data: DataFolder) -> Iterator[tuple[str, Path, bool]]:
    for folder in sorted(data.profiles.iterdir()) if data.profiles.is_dir() else ():
        place = f"characters/{folder.name}"
        try:
            profile = verify_profile(folder)
        except DamagedProfileError:
            yield place, folder, False
            continue
        for part in (PROFILE_FILE, *sorted(profile.files)):
            yield f"{place}/{part}", folder / part, True


def _unpack(archive: zipfile.ZipFile, target: Path, path: Path) -> Backup:
    info = archive.getinfo(_MANIFEST)
    if info.file_size > _LARGEST_MANIFEST:
        raise NotABackupError(path=path, detail="its list of files is too long")
    members = _Manifest.model_validate_json(archive.read(info)).members
    names = [one for one in archive.namelist() if one != _MANIFEST]
    if sorted(names) != sorted(members) or DATABASE_FILE not in members:
        raise NotABackupError(path=path, detail="its files are not those that it lists")
    size = 0
    for name, record in members.items():
        if not _MEMBER.fullmatch(name):
            raise NotABackupError(path=path, detail=f"it holds {name}, which no backup has")
        size += _unpack_member(archive, name, record, target, path)
    return Backup(members=len(members), size=size)


def _unpack_member(archive: zipfile.ZipFile, name: str, record: _Member, target: Path, path: Path) -> int:
    if archive.getinfo(name).file_size != record.size:
        raise NotABackupError(path=path, detail=f"{name} has another size")
    place = target / name
    place.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with archive.open(name) as source, place.open("xb") as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != record.sha256:
        raise NotABackupError(path=path, detail=f"{name} has changed")
    return place.stat().st_size


def _check_database(database: Path, path: Path) -> None:
    try:
        with read_only(database) as connection:
            found = int(connection.execute("PRAGMA user_version").fetchone()[0])
            is_whole = connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    except DamagedDatabaseError as error:
        raise NotABackupError(path=path, detail="its database is damaged") from error
    if found > len(migrations()):
        raise NewerSchemaError(path=path, found=found, known=len(migrations()))
    if not is_whole:
        raise NotABackupError(path=path, detail="its database is damaged")
