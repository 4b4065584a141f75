"""Load on a coordinator and its engine process, and what each job was told and had to wait."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.coordinator.client import PlaceChanged, StateChanged
from bot.coordinator.opening import Opened, open_coordinator
from bot.coordinator.parts import CoordinatorConfig
from bot.coordinator_errors import EngineLostError
from storage.data_folder import DataFolder
from storage.ledger import QueueLimits
from synid_engine.errors import CapacityError
from synid_engine.serving.engine_options import EngineOptions
from synid_engine.serving.messages import FINAL, CreateWork, JobState, RenderWork, Submission
from synid_engine.serving.supervisor import EngineSupervisor

_POLL_S = 0.1
_MOST_STARTS = 3
_BEGUN = frozenset({JobState.RUNNING, JobState.STORED, JobState.DELIVERED})
_ENDED = frozenset({JobState.STORED, JobState.DELIVERED})


@dataclass(slots=True, kw_only=True)
class Errand:
    """A job, and when what happened to it; all times in seconds of one clock.

    Attributes:
        owner_id: Who asked.
        asked_at: When.
        told: When it was told that it would take how long from then on, in order.
        begun_at: When the engine began with it; 0 before.
        ended_at: When its result was stored; 0 before.
    """

    owner_id: int
    asked_at: float
    told: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    begun_at: float = 0.0
    ended_at: float = 0.0

    @property
    def wait_s(self) -> float:
        """From the request to the first step."""
        return self.begun_at - self.asked_at

    def error_at(self, moment: float) -> float | None:
        """Return how wrong the end that was told last was, as a share of the time that was left.

        None if it was told none by then, or has begun.
        """
        known = [one for one in self.told if one[0] <= moment]
        if not known or self.begun_at <= moment:
            return None
        told_at, left_s = known[-1]
        return abs(told_at + left_s - self.ended_at) / (self.ended_at - moment)

    @property
    def taken_s(self) -> float:
        """From the request to the result."""
        return self.ended_at - self.asked_at


@dataclass(eq=False)
class Load:
    """Asks for work and watches it."""

    opened: Opened
    errands: list[Errand] = field(default_factory=list[Errand])
    _asked: int = 0
    _watchers: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def ask(self, owner_id: int, work: RenderWork | CreateWork) -> Errand:
        """Ask for work; somebody watches it from now on."""
        errand = Errand(owner_id=owner_id, asked_at=time.perf_counter())
        self._asked += 1
        key = f"errand {self._asked}"
        self.errands.append(errand)
        submission = Submission(request_key=key, owner_id=owner_id, work=work)
        job = await self.opened.coordinator.submit(submission)
        self._watchers.add(asyncio.create_task(self._watch(job.id, errand)))
        return errand

    async def character(self, owner_id: int, name: str) -> Errand:
        """Ask for a new character."""
        draft = await self.opened.stores.characters.add(
            owner_id=owner_id, name=name, description="a woman with red hair"
        )
        work = CreateWork(character_id=draft.id, identity=draft.description, seed=draft.id)
        return await self.ask(owner_id, work)

    async def all_done(self) -> None:
        """Wait until everything is stored.

        Raises:
            EngineLostError: A job ended otherwise.
        """
        await asyncio.gather(*self._watchers)
        self._watchers.clear()

    async def _watch(self, job_id: int, errand: Errand) -> None:
        async with aclosing(self.opened.coordinator.events(job_id)) as events:
            async for event in events:
                now = time.perf_counter()
                if isinstance(event, PlaceChanged):
                    errand.told.append((now, event.ends_in_s))
                if isinstance(event, StateChanged):
                    state = event.job.state
                    if state in _BEGUN:
                        errand.begun_at = errand.begun_at or now
                    if state in _ENDED:
                        errand.ended_at = now
                        return
                    if state in FINAL:
                        raise EngineLostError(detail=f"a job is {state}")


@asynccontextmanager
async def served(folder: Path, models: Path | None, *, recipe: Path | None = None) -> AsyncGenerator[Opened]:
    """Serve an empty data folder with a real engine process, which is ready when the block begins.

    Args:
        folder: Empty or absent.
        models: Folder of the base model; the embedded model if None.
        recipe: Other budgets for creations.

    Raises:
        CapacityError: The engine cannot be kept running; its log in the folder says why.
    """
    data = DataFolder(folder)
    options = EngineOptions(
        spool=data.spool,
        weights=folder / "weights",
        model=models,
        calibration=folder / "calibration.json",
        recipe=recipe,
    )
    limits = QueueLimits(per_owner=1000, per_server=10_000, in_all=10_000)
    config = CoordinatorConfig(limits=limits, tick_s=0.25)
    link = EngineSupervisor(options, log_folder=folder)
    async with open_coordinator(folder, link, config=config) as opened:
        while not (health := await opened.coordinator.health()).is_ready:
            if health.generation > _MOST_STARTS:
                raise CapacityError(str(folder / "engine.log"))
            await asyncio.sleep(_POLL_S)
        yield opened
        await opened.coordinator.drain()
