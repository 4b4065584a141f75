"""Lives of a house: in each the owners ask for everything, and one thing goes wrong."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from storage.data_folder import DataFolder
from storage.database import read_only
from synid_engine.errors import StoreError
from synid_engine.serving.messages import FINAL, JobState

from .disk import small_disk
from .fuse import Charge, lay
from .house import House, Kit
from .load import Load
from .plan import Fault
from .verdict import faults_of, ready_names, states

_POLL_S = 0.1
_FULL_S = 1.0
_LONGEST_LIFE = 20  # times the longest silence
_LOG_TAIL = 6000


@dataclass(frozen=True, kw_only=True)
class Life:
    """What came of one fault; `has_struck` is False if its point was not reached in this life."""

    fault: Fault
    has_struck: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Story:
    """What came of all lives of a house.

    Attributes:
        lives: One for each fault.
        ends: How many jobs ended in which state.
        starts: Starts of the coordinator.
        deadly: How the job ended that kills every engine, and with which attempts; None if there was none.
        faults: What is wrong; nothing should be.
        exit_code: Of the coordinator that was drained last.
    """

    lives: Sequence[Life]
    ends: Counter[JobState]
    starts: int
    deadly: tuple[JobState, int] | None
    faults: Sequence[str]
    exit_code: int


@dataclass(eq=False)
class _Telling:
    house: House
    load: Load
    lives: list[Life] = field(default_factory=list)

    async def live(self, number: int, fault: Fault) -> None:
        """Go through one life."""
        await self.house.ready()
        began = time.monotonic()
        if fault.charge is not None:
            lay(self.house.fuse, fault.charge)
        async with self._kept_alive():
            asking = asyncio.create_task(self.load.live(number))
            if fault.outside is not None:
                await self._strike(fault)
            await asking
            await self._until_all_is_over()
        has_struck = not self.house.fuse.exists()
        self.house.fuse.unlink(missing_ok=True)
        self.load.ready = ready_names(self.house.data)
        self.lives.append(Life(fault=fault, has_struck=has_struck, seconds=time.monotonic() - began))

    async def meet_a_deadly_job(self) -> tuple[JobState, int]:
        """Go through a life with a job that kills every engine, and return how it ended."""
        await self.house.ready()
        lay(self.house.fuse, Charge(where="engine", point="before deadly denoise", times=99))
        async with self._kept_alive():
            number = await self.load.deadly(0)
            await self.load.live(0)
            await self._until_all_is_over()
        self.house.fuse.unlink(missing_ok=True)
        with read_only(DataFolder(self.house.data).database) as connection:
            row = connection.execute("SELECT state, attempts FROM jobs WHERE id = ?", (number,)).fetchone()
        return JobState(row["state"]), row["attempts"]

    async def _strike(self, fault: Fault) -> None:
        await asyncio.sleep(fault.after_s)
        house = self.house
        if fault.outside == "engine killed":
            house.kill_engine()
        elif fault.outside == "coordinator killed":
            house.kill_coordinator()
        else:
            house.disk.fill(house.processes())
            await asyncio.sleep(_FULL_S)
            house.disk.free(house.processes())

    async def _until_all_is_over(self) -> None:
        """Answer what is asked, until every job has ended."""
        while True:
            known: dict[int, JobState] = {}
            with suppress(StoreError):  # the disk may be full
                known = states(self.house.data)
            for number, state in known.items():
                if state is JobState.WAITING:
                    await self.load.answer(number, number % 2)
            if known and all(known.get(number) in FINAL for number in self.load.promised.values()):
                return
            await asyncio.sleep(_POLL_S)

    @asynccontextmanager
    async def _kept_alive(self) -> AsyncGenerator[None]:
        """Start a coordinator that has died again, while the block lasts; it must not last for ever."""

        async def keep() -> None:
            while True:
                self.house.start()
                await asyncio.sleep(_POLL_S)

        keeping = asyncio.create_task(keep())
        try:
            async with asyncio.timeout(_LONGEST_LIFE * self.house.kit.silence_s):
                yield
        except TimeoutError as error:
            log = self.house.log.read_text(errors="replace")[-_LOG_TAIL:]
            message = f"a life without an end: {states(self.house.data)}\n{log}"
            raise AssertionError(message) from error
        finally:
            keeping.cancel()


def _ignore_life(_life: Life) -> None:
    """Follow nothing."""


async def tell(
    folder: Path,
    kit: Kit,
    faults: Sequence[Fault],
    *,
    is_deadly: bool = False,
    on_life: Callable[[Life], None] = _ignore_life,
) -> Story:
    """Let a house live through all faults, drain it, and look at what is left."""
    with small_disk(folder / "disk") as disk:
        house = House(disk=disk, kit=kit, fuse=folder / "fuse", log=folder / "server.log")
        telling = _Telling(house, Load(house.client))
        try:
            for number, fault in enumerate(faults, 1):
                await telling.live(number, fault)
                on_life(telling.lives[-1])
            deadly = await telling.meet_a_deadly_job() if is_deadly else None
            exit_code = await house.drain()
        finally:
            house.kill_coordinator()
            house.kill_engine()
        ends = Counter(states(house.data).values())
        wrong = await faults_of(house.data, telling.load.promised)
    return Story(
        lives=telling.lives,
        ends=ends,
        starts=house.starts,
        deadly=deadly,
        faults=wrong,
        exit_code=exit_code,
    )
