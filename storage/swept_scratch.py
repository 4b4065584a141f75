"""Scratch folders, lent after those that killed programs left have been removed."""

import fcntl
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.files import SCRATCH, scratch_folder

_NOT_YET_LOCKED_S = 60.0


@contextmanager
def swept_scratch(parent: Path) -> Generator[Path]:
    """Lend a folder as `scratch_folder` does, in a folder that holds nothing else; it is locked meanwhile."""
    _sweep(parent)
    with scratch_folder(parent) as folder, _opened(folder) as descriptor:
        with suppress(OSError):  # on a disk without locks nothing is swept either
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{SCRATCH}*"):
        with suppress(OSError), _opened(folder) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - os.fstat(descriptor).st_mtime > _NOT_YET_LOCKED_S:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(folder: Path) -> Generator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
