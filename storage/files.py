"""Files that are either whole or absent: write, sync, rename. Knows nothing about characters."""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import DiskFullError, UnwritableError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ = 1 << 20
SCRATCH = "new-"
"""How the names of scratch folders begin."""


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_hash_of(path: Path) -> str:
    """Return the name that git gives to a file with these bytes."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
        while chunk := file.read(_READ):
            digest.update(chunk)
    return digest.hexdigest()


def reason_of(error: OSError) -> str:
    """Return what the system says went wrong, in a few words."""
    return error.strerror or type(error).__name__


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Translate the system's refusals to write `path` into `DiskFullError` and `UnwritableError`."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFullError(path=path) from error
        raise UnwritableError(path=path, reason=reason_of(error)) from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one and never a part.

    Raises:
        DiskFullError: There is no room; nothing is left behind.
        UnwritableError: The system refuses for another reason; nothing is left behind.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def move_folder(source: Path, target: Path) -> None:
    """Sync every file of a folder, then rename it into place; the target must not exist."""
    with disk_errors(target):
        for path in sorted(source.rglob("*")):
            if path.is_file():
                _sync_file(path)
            else:
                sync_folder(path)
        sync_folder(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        sync_folder(target.parent)


def require_room(folder: Path, *, size: int) -> None:
    """Find out before slow work whether a folder, perhaps not yet made, could be written.

    Raises:
        DiskFullError: Less than `size` bytes are free.
        UnwritableError: The nearest existing folder above it is no folder or may not be written.
    """
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    with disk_errors(folder):
        free = shutil.disk_usage(existing).free
    if free < size:
        raise DiskFullError(path=folder)
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise UnwritableError(path=folder, reason="it may not be written")


@contextmanager
def scratch_folder(parent: Path) -> Generator[Path]:
    """Lend a new folder on the same disk as its future place; what is left in it afterwards is removed."""
    with disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        folder = parent / f"{SCRATCH}{secrets.token_hex(8)}"
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Put a folder's names on the disk."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
