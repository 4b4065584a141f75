"""A file that is still being fetched, beside its future place, to be gone on with after a crash."""

import fcntl
import hashlib
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from storage.errors import UnwritableError
from storage.files import disk_errors, git_hash_of, reason_of
from storage.model_errors import PullRunningError

_READ = 1 << 20
_LONGEST_TAG = 16
_HASH = re.compile("[0-9a-f]{16,}")


def part_path(target: Path, *, tag: str) -> Path:
    """Return where the part of a file lies; another version of the file, by its tag, is another part."""
    plain = tag if _HASH.fullmatch(tag) else hashlib.sha256(tag.encode()).hexdigest()
    return target.with_name(f".{target.name}.{plain[:_LONGEST_TAG]}.part")


class PartFile:
    """Bytes so far, and their SHA-256. Made by `part_file`."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.path = path
        self.size = 0
        while chunk := file.read(_READ):
            self._digest.update(chunk)
            self.size += len(chunk)

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            DiskFullError: There is no room.
            UnwritableError: The system refuses for another reason.
        """
        with disk_errors(self.path):
            self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Forget what is there; errors as in `write`."""
        with disk_errors(self.path):
            self._file.seek(0)
            self._file.truncate()
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The hash of the bytes so far, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def git_hash(self) -> str:
        """The name that git gives to a file with these bytes."""
        with disk_errors(self.path):
            self._file.flush()
        return git_hash_of(self.path)

    def sync(self) -> None:
        """Put all bytes on the disk; errors as in `write`."""
        with disk_errors(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())


@contextmanager
def part_file(target: Path, *, tag: str) -> Generator[PartFile]:
    """Lend the part of a file, with what an earlier try left of the same version; other versions go.

    Args:
        target: The file's future place; its folder is made if need be.
        tag: Tells versions of the file apart.

    Raises:
        PullRunningError: Another process has it.
        DiskFullError: There is no room.
        UnwritableError: The folder may not be written.
    """
    path = part_path(target, tag=tag)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    try:
        _lock(file, path, target)
        for other in path.parent.glob(f".{target.name}.*.part"):
            if other != path:
                other.unlink(missing_ok=True)
        file.seek(0)
        yield PartFile(file, path)
    finally:
        with disk_errors(path):
            file.close()


def _lock(file: BinaryIO, path: Path, target: Path) -> None:
    """Take a part for this process; one that another process has put into its place meanwhile is no part."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_part = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
    except BlockingIOError as error:
        raise PullRunningError(path=target) from error
    except OSError as error:
        raise UnwritableError(path=path, reason=reason_of(error)) from error
    if not is_part:
        raise PullRunningError(path=target)
