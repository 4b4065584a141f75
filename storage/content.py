"""Files named by their content: written whole, never changed, checked whenever they are read."""

import hashlib
import re
from collections.abc import Collection
from pathlib import Path

from storage.errors import DamagedFileError, MissingFileError
from storage.files import disk_errors, sha256_of, write_whole

_TEMPORARY = ".tmp-"


class ContentFolder:
    """A folder of files of one kind, each under the SHA-256 of its bytes.

    Two equal files are one. A file that nothing refers to stays until `collect`, so that a crash between
    writing it and recording it leaves nothing but room to be reclaimed.
    """

    def __init__(self, folder: Path, *, suffix: str) -> None:
        self._folder = folder
        self._suffix = suffix
        self._name = re.compile(rf"([0-9a-f]{{64}}){re.escape(suffix)}")

    def path_of(self, digest: str) -> Path:
        """Return where a file with this SHA-256 lies or would lie."""
        return self._folder / digest[:2] / f"{digest}{self._suffix}"

    def put(self, data: bytes) -> str:
        """Keep bytes and return their SHA-256.

        Raises:
            DiskFullError: There is no room.
            UnwritableError: The system refuses to write.
        """
        digest = hashlib.sha256(data).hexdigest()
        if not self.is_whole(digest):
            write_whole(self.path_of(digest), data)
        return digest

    def take(self, source: Path, digest: str) -> None:
        """Keep a file that another process wrote, after checking it; the source stays.

        Raises:
            MissingFileError: There is no such file.
            DamagedFileError: It is not what its SHA-256 says.
            DiskFullError: There is no room.
            UnwritableError: The system refuses to write.
        """
        data = _checked(source, digest)
        if not self.is_whole(digest):
            write_whole(self.path_of(digest), data)

    def read(self, digest: str) -> bytes:
        """Return a file's bytes.

        Raises:
            MissingFileError: It is not there.
            DamagedFileError: It is not what it was.
        """
        return _checked(self.path_of(digest), digest)

    def is_whole(self, digest: str) -> bool:
        """Tell whether a file is there and is what it was."""
        path = self.path_of(digest)
        try:
            return sha256_of(path) == digest
        except OSError:
            return False

    def digests(self) -> list[str]:
        """Return the SHA-256 that each file's name claims."""
        found = (self._name.fullmatch(path.name) for path in self._files())
        return sorted(match[1] for match in found if match)

    def collect(self, wanted: Collection[str]) -> list[str]:
        """Remove the files that nothing refers to, and what a crash left half written.

        Call it while nobody writes: when the coordinator starts.

        Args:
            wanted: The SHA-256 of every file to keep.

        Returns:
            The names of the removed files.

        Raises:
            UnwritableError: The system refuses to remove one.
        """
        removed: list[str] = []
        for path in self._files():
            match = self._name.fullmatch(path.name)
            is_unwanted = match[1] not in wanted if match else path.name.startswith(_TEMPORARY)
            if is_unwanted:
                with disk_errors(path):
                    path.unlink()
                removed.append(path.name)
        return sorted(removed)

    def _files(self) -> list[Path]:
        return [path for path in self._folder.glob("*/*") if path.is_file()] if self._folder.is_dir() else []


def _checked(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MissingFileError(path=path) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise DamagedFileError(path=path)
    return data
