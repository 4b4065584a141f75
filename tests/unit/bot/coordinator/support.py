"""What the coordinator's suites share."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.coordinator.client import JobEvent, StateChanged
from bot.coordinator.deliveries import Delivery
from bot.coordinator.opening import Opened, open_coordinator
from bot.coordinator.parts import CoordinatorConfig
from synid_engine.errors import StoreError
from synid_engine.serving.forecast import Capacity
from synid_engine.serving.messages import CreateWork, Job, JobState, RenderWork, Submission
from synid_engine.synid.repertoire import Repertoire

from .engine import InProcessEngine

START = 1_700_000_000.0


class StillClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Mail:
    """A delivery that remembers, and fails when it is told to."""

    told: list[Job] = field(default_factory=list[Job])
    is_down: bool = False

    async def deliver(self, job: Job) -> None:
        if self.is_down:
            raise StoreError
        self.told.append(job)


def config(*, creations: int = 2, renders: int = 8) -> CoordinatorConfig:
    """Return a config under which nothing happens by itself."""
    capacity = Capacity(creations=creations, renders=renders, guests=0)
    return CoordinatorConfig(capacity=capacity, tick_s=3600.0)


@dataclass(frozen=True, kw_only=True)
class House:
    """A coordinator at work with its engine, its clock and its mail."""

    opened: Opened
    engine: InProcessEngine
    clock: StillClock
    mail: Mail
    folder: Path

    async def submit(
        self, key: str = "a", *, owner: int = 1, prompt: str = "a fox", pictures: int = 1
    ) -> Job:
        work = RenderWork(prompt=f"{prompt} {key}", pictures=pictures)
        submission = Submission(request_key=key, owner_id=owner, work=work)
        job = await self.opened.coordinator.submit(submission)
        await self.engine.heard()
        return job

    async def get(self, job_id: int) -> Job:
        return await self.opened.stores.jobs.get(job_id)

    async def until(self, job_id: int, *wanted: JobState) -> Job:
        """Wait until a job is in one of these states, and return it."""
        async with asyncio.timeout(60), aclosing(self.opened.coordinator.events(job_id)) as events:
            async for event in events:
                if isinstance(event, StateChanged) and event.job.state in wanted:
                    return event.job
        await self.opened.coordinator.ended()
        raise AssertionError

    async def all_events(self, job_id: int) -> list[JobEvent]:
        return [event async for event in self.opened.coordinator.events(job_id)]

    async def tick(self, *, after_s: float = 0.0) -> None:
        self.clock.now += after_s
        await self.opened.coordinator.tick()
        await self.engine.heard()

    def spooled(self) -> list[str]:
        return sorted(path.name for path in self.engine.spool.iterdir())


@asynccontextmanager
async def house(
    folder: Path,
    *,
    at_once: bool = True,
    settings: CoordinatorConfig | None = None,
    clock: StillClock | None = None,
    delivery: Callable[[Mail], Delivery] = lambda mail: mail,
    repertoire: Repertoire | None = None,
) -> AsyncGenerator[House]:
    engine, mail, time = InProcessEngine(folder, at_once=at_once), Mail(), clock or StillClock()
    async with open_coordinator(
        folder,
        engine,
        config=settings or config(),
        delivery=delivery(mail),
        repertoire=repertoire,
        clock=time,
    ) as opened:
        await engine.heard()
        yield House(opened=opened, engine=engine, clock=time, mail=mail, folder=folder)


def states(events: list[JobEvent]) -> list[JobState]:
    return [event.job.state for event in events if isinstance(event, StateChanged)]


def is_creation(job: Job) -> bool:
    return isinstance(job.work, CreateWork)
