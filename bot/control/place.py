"""Where the control socket of a data folder is: in the folder, or in a short place that the folder names.

A socket's path may have about a hundred bytes, and some disks hold no sockets.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from storage.files import disk_errors, write_whole

SOCKET_FILE = "control.sock"
PLACE_FILE = "control.path"
_LONGEST = 103  # bytes; the least of what the systems allow, without the closing zero


def socket_path(folder: Path) -> Path:
    """Return where a data folder's socket is while a coordinator serves it."""
    try:
        return Path((folder / PLACE_FILE).read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return folder / SOCKET_FILE


@contextmanager
def control_socket(folder: Path) -> Generator[socket.socket]:
    """Lend a bound socket that only this user can reach, and remove it afterwards.

    Call it while the data folder is owned: what a former owner left is replaced.

    Raises:
        UnwritableError: There is no place for it.
        DiskFullError: There is no room.
    """
    with disk_errors(folder / SOCKET_FILE):
        (folder / PLACE_FILE).unlink(missing_ok=True)
        (folder / SOCKET_FILE).unlink(missing_ok=True)
    bound = _bound(folder / SOCKET_FILE)
    if bound is not None:
        with bound, _removed(folder / SOCKET_FILE):
            yield bound
        return
    with disk_errors(folder / PLACE_FILE):
        short = Path(tempfile.mkdtemp(prefix="synid-"))  # for this user alone
    try:
        elsewhere = _bound(short / SOCKET_FILE)
        if elsewhere is None:
            with disk_errors(short / SOCKET_FILE):
                raise OSError("no socket can be made here")
        with elsewhere, _removed(folder / PLACE_FILE):
            write_whole(folder / PLACE_FILE, str(short / SOCKET_FILE).encode())
            yield elsewhere
    finally:
        shutil.rmtree(short, ignore_errors=True)


def _bound(path: Path) -> socket.socket | None:
    if len(os.fsencode(path)) > _LONGEST:
        return None
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    except OSError:
        made.close()
        return None
    finally:
        os.umask(before)
    return made


@contextmanager
def _removed(path: Path) -> Generator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
