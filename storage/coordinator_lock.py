"""One coordinator a data folder: a lock that dies with the process that holds it."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import CoordinatorRunningError
from storage.files import disk_errors

LOCK_FILE = "coordinator.lock"


@contextmanager
def coordinator_lock(folder: Path) -> Generator[None]:
    """Own a data folder, which is made if need be, until the block ends or the process dies.

    Raises:
        CoordinatorRunningError: Another process, or another part of this one, owns it.
        UnwritableError: The folder may not be written.
        DiskFullError: There is no room.
    """
    path = folder / LOCK_FILE
    with disk_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CoordinatorRunningError(folder=folder, pid=_pid_in(path)) from error
        with disk_errors(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(
            descriptor
        )  # and with it the lock; the file stays, for removing it would race with a new owner


def coordinator_pid(folder: Path) -> int | None:
    """Return the process that owns a data folder: None if there is none, 0 if it has not said its number."""
    path = folder / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid_in(path)
    finally:
        os.close(descriptor)
    return None


def _pid_in(path: Path) -> int:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0
