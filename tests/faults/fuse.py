"""A fuse that burns at the n-th time that a process reaches a point: it kills, stops or cuts off itself.

The harness lays it as a file, which the process takes away just before it burns: it burns once. Knows no
torch.
"""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

FUSE_VARIABLE = "SYNID_TEST_FUSE"
DEADLY_SEED = 666_666
Where = Literal["engine", "coordinator"]
Action = Literal["kill", "stop", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Where and how a fuse burns.

    Attributes:
        where: The process.
        point: Pattern of the points that count.
        count: How many of them are passed before; 0 burns at the first.
        action: What happens.
        times: How often it burns, each time in another process.
    """

    where: Where
    point: str
    count: int = 0
    action: Action = "kill"
    times: int = 1


def lay(file: Path, charge: Charge) -> None:
    """Lay a fuse."""
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(charge)))
    temporary.replace(file)


class Fuse:
    """A process's end of it."""

    def __init__(self, file: Path, where: Where, *, cut: Callable[[], object]) -> None:
        self._file, self._where, self._cut = file, where, cut
        self._text, self._passed = "", 0

    def reach(self, point: str) -> None:
        """Burn if it is time."""
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            return
        if text != self._text:
            self._text, self._passed = text, 0
        charge = Charge(**json.loads(text))
        if charge.where != self._where or not fnmatchcase(point, charge.point):
            return
        if self._passed < charge.count:
            self._passed += 1
            return
        if charge.times > 1:
            lay(self._file, replace(charge, times=charge.times - 1))
        else:
            self._file.unlink(missing_ok=True)
        self._burn(charge.action)

    def _burn(self, action: Action) -> None:
        if action == "cut":
            self._cut()
        else:
            os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)
