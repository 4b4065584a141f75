"""A served data folder of real processes: started, killed, started again, and ended in good order."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.control.client import ControlClient
from bot.coordinator.client import CoordinatorHealth
from bot.coordinator_errors import NoCoordinatorError
from synid_engine.errors import SynIDError

from .disk import Disk
from .fuse import FUSE_VARIABLE

ROOT = Path(__file__).parents[2]
_POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What every house needs.

    Attributes:
        model: A whole model folder of small models.
        recipe: Small budgets.
        calibration: What steps take, from whoever starts first.
        silence_s: How long an engine may be silent; must exceed what the libraries take to load.
    """

    model: Path
    recipe: Path
    calibration: Path
    silence_s: float = 8.0


@dataclass(kw_only=True, eq=False)
class House:
    """One data folder and the processes that serve it."""

    disk: Disk
    kit: Kit
    fuse: Path
    log: Path
    starts: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.disk.folder / "data"

    @property
    def client(self) -> ControlClient:
        """What a front end would use."""
        return ControlClient(self.data)

    def start(self) -> None:
        """Start the coordinator, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self.starts += 1
        kit = self.kit
        command = [sys.executable, "-m", "tests.faults.server", "--data", str(self.data)]
        command += ["--model", str(kit.model), "--recipe", str(kit.recipe)]
        command += ["--calibration", str(kit.calibration), "--silence-s", str(kit.silence_s)]
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONFAULTHANDLER": "1",
            FUSE_VARIABLE: str(self.fuse),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    async def ready(self) -> CoordinatorHealth:
        """Wait until the engine takes work; a coordinator that has died is started again."""
        while True:
            self.start()
            with suppress(NoCoordinatorError):
                health = await self.client.health()
                if health.is_ready:
                    return health
            await asyncio.sleep(_POLL_S)

    def kill_coordinator(self) -> None:
        """End the coordinator at once; its engine notices."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def kill_engine(self) -> None:
        """End the engine at once."""
        for engine in self.engines():
            with suppress(ProcessLookupError):
                os.kill(engine, signal.SIGKILL)

    async def drain(self) -> int:
        """End everything in good order, and return the coordinator's exit code."""
        self.start()
        while True:  # it must be there to be asked
            with suppress(SynIDError):
                await self.client.health()
                break
            self.start()
            await asyncio.sleep(_POLL_S)
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(process.wait)

    def processes(self) -> list[int]:
        """Return the coordinator and its engine."""
        coordinator = [] if self._process is None or self._process.poll() is not None else [self._process.pid]
        return [*coordinator, *self.engines()]

    def engines(self) -> list[int]:
        """Return the engine processes that serve this data folder."""
        mine = os.fsencode(f"--spool={self.data / 'spool'}")
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mine in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found
