"""The spool folder as the coordinator uses it: files that the engine left, each kept while somebody needs it.

Knows which jobs hold which files, and no state of a job.
"""

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from storage.data_folder import DataFolder
from storage.errors import DamagedFileError, MissingFileError
from storage.files import disk_errors, write_whole
from synid_engine.serving.messages import FINAL, Hash, Job


def files_of(job: Job) -> frozenset[Hash]:
    """Return the spooled files that the ledger's row of a job refers to, as in `storage.references`."""
    if job.state in FINAL:
        return frozenset()
    named: list[Hash | None] = [job.checkpoint]
    if job.question is not None:
        named += job.question.choices
    if job.result is not None:
        named.append(job.result.bank)
        named += [one for picture in job.result.pictures for one in (picture.image, picture.thumbnail)]
    return frozenset(one for one in named if one is not None)


class Spool:
    """The files that the engine left, and who holds them.

    A file that two jobs made alike is one file, and goes when neither holds it. What nobody ever held,
    because the engine died or its job was cancelled before it was reported, is for `Sweep` to find.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._held: dict[str, frozenset[Hash]] = {}

    async def hold(self, holder: str, digests: Iterable[Hash], *, has_twin: bool = False) -> None:
        """Hold these files and no others, and remove those that nobody holds any more.

        Args:
            holder: Whoever needs them; any text.
            digests: The files; none lets everything go.
            has_twin: Whether the engine is making the same files for somebody else, who may be about to hold
                them; nothing is removed then.

        Raises:
            UnwritableError: The system refuses to remove one.
        """
        wanted = frozenset(digests)
        before = self._held.pop(holder, frozenset[Hash]())
        if wanted:
            self._held[holder] = wanted
        unheld = (before - wanted).difference(*self._held.values())
        if unheld and not has_twin:
            await asyncio.to_thread(self._remove, unheld)

    async def put(self, holder: str, picture: bytes) -> None:
        """Leave a picture for the engine to look at, and hold it.

        Raises:
            DiskFullError: There is no room.
            UnwritableError: The system refuses to write.
        """
        digest = hashlib.sha256(picture).hexdigest()
        await self.hold(holder, (digest,))
        await asyncio.to_thread(write_whole, self._folder.spool / f"{digest}.png", picture)

    async def unheld(self) -> dict[Path, int]:
        """Return the files that nobody holds, each with the time of its last change."""
        return await asyncio.to_thread(self._unheld)

    async def remove_unheld(self, found: Mapping[Path, int]) -> int:
        """Remove those of the files found before that nobody holds or has written again, and count them.

        Raises:
            UnwritableError: The system refuses to remove one.
        """
        still = await self.unheld()
        old = [path for path, changed in found.items() if still.get(path) == changed]
        await asyncio.to_thread(_unlink, old)
        return len(old)

    async def read(self, digest: Hash) -> bytes:
        """Return the bytes of a picture, from the spool folder or, if it is there no more, from the pictures.

        Raises:
            MissingFileError: It is in neither.
            DamagedFileError: It is not what its SHA-256 says.
        """
        return await asyncio.to_thread(self._read, digest)

    async def take_bank(self, digest: Hash) -> None:
        """Keep a bank that the engine left.

        Raises:
            MissingFileError: There is no such file.
            DamagedFileError: It is not what its SHA-256 says.
            DiskFullError: There is no room.
            UnwritableError: The system refuses to write.
        """
        await asyncio.to_thread(self._take_bank, digest)

    async def has(self, digest: Hash) -> bool:
        """Tell whether a file is there."""
        return await asyncio.to_thread(self._find, digest) is not None

    async def require(self, digests: Iterable[Hash]) -> None:
        """Find out whether files are there and whole.

        Raises:
            MissingFileError: One is missing.
            DamagedFileError: One is not what its SHA-256 says.
        """
        for digest in digests:
            await asyncio.to_thread(self._read, digest)

    def path_of(self, digest: Hash) -> Path:
        """Return where a file lies, or would lie without a suffix."""
        return self._find(digest) or self._folder.spool / digest

    def _find(self, digest: Hash) -> Path | None:
        return next(iter(sorted(self._folder.spool.glob(f"{digest}*"))), None)

    def _read(self, digest: Hash) -> bytes:
        path = self._find(digest)
        if path is None:
            return self._folder.pictures.read(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise MissingFileError(path=path) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise DamagedFileError(path=path)
        return data

    def _take_bank(self, digest: Hash) -> None:
        weights = self._folder.weights
        path = self._find(digest)
        if path is not None:
            weights.take(path, digest)
        elif not weights.is_whole(digest):
            raise MissingFileError(path=self._folder.spool / digest)

    def _unheld(self) -> dict[Path, int]:
        held = frozenset[Hash]().union(*self._held.values())
        found: dict[Path, int] = {}
        for path in self._folder.spool.glob("*"):
            if path.name.partition(".")[0] not in held:
                with suppress(FileNotFoundError):  # renamed meanwhile: it was being written
                    found[path] = path.stat().st_mtime_ns
        return found

    def _remove(self, digests: Collection[Hash]) -> None:
        for digest in digests:
            _unlink(self._folder.spool.glob(f"{digest}*"))


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        with disk_errors(path):
            path.unlink(missing_ok=True)
