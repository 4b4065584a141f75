"""A disk that can be full: a small one where that may be mounted, else a limit on the size of files."""

import os
import resource
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

_ROOM_MIB = 64
_SMALLEST = 4096


class Disk:
    """Where a data folder lies."""

    def __init__(self, folder: Path, *, is_own: bool) -> None:
        self.folder = folder
        self._is_own = is_own
        self._ballast = folder / "ballast"

    def fill(self, processes: Iterable[int]) -> None:
        """Leave no room to write, at least to these processes."""
        if not self._is_own:
            _limit(processes, _SMALLEST)
            return
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * (1 << 12))

    def free(self, processes: Iterable[int]) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)
        if not self._is_own:
            _limit(processes, resource.RLIM_INFINITY)


@contextmanager
def small_disk(folder: Path) -> Generator[Disk]:
    """Lend an empty folder on a disk that can be filled."""
    folder.mkdir(parents=True, exist_ok=True)
    is_own = os.geteuid() == 0 and _called(
        "mount", "-t", "tmpfs", "-o", f"size={_ROOM_MIB}m", "tmpfs", str(folder)
    )
    try:
        yield Disk(folder, is_own=is_own)
    finally:
        if is_own:
            _called("umount", "--lazy", str(folder))


def _called(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _limit(processes: Iterable[int], largest: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
            soft = largest if hard == resource.RLIM_INFINITY else min(largest, hard)
            resource.prlimit(process, resource.RLIMIT_FSIZE, (soft, hard))
