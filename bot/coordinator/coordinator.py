"""The coordinator: takes jobs, hands them to the engine in a fair order, keeps what comes of them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress

from bot.coordinator.changes import Changes, question_of
from bot.coordinator.client import CoordinatorHealth, JobEvent, PlaceChanged, StateChanged
from bot.coordinator.deliveries import Deliveries, Delivery
from bot.coordinator.dispatch import Dispatch
from bot.coordinator.inspection import Inspection
from bot.coordinator.parts import Parts
from bot.coordinator.reports import Reports
from bot.coordinator.sweep import Sweep
from bot.errors import sentence
from bot.tongue import mark
from synid_engine.errors import InvalidSettingError, SynIDError
from synid_engine.serving.link import EngineDownError, LinkEvent
from synid_engine.serving.messages import FINAL, Answer, Job, JobState, Lease, Submission
from synid_engine.serving.orders import AskHealth

_LOG = logging.getLogger(__name__)
_NEWS = 0.1  # share of a told time; a smaller change is told to nobody
_MOST_CHOICES = 1000  # of any question
_LAST_REPORTS_S = 10.0  # how long the reports of a closed link may take to be read


class Coordinator:
    """One queue, one engine; see `CoordinatorClient`. Everything that changes a job takes its turn.

    Attributes:
        inspection: Shows the engine pictures that somebody brought.
    """

    def __init__(self, parts: Parts, changes: Changes, delivery: Delivery) -> None:
        self._parts = parts
        self._changes = changes
        self._turn = asyncio.Lock()
        self._reports = Reports(parts, changes)
        self._dispatch = Dispatch(parts, changes)
        self._sweep = Sweep(parts.spool, parts.schedule)
        self._deliveries = Deliveries(parts, changes, delivery, self._turn)
        self._tasks: list[asyncio.Task[None]] = []
        self._reader: asyncio.Task[None] | None = None
        self.inspection = Inspection(parts)
        self._told: dict[int, PlaceChanged] = {}
        self._ended = asyncio.Event()
        self._fault: BaseException | None = None

    async def start(self) -> None:
        """Start the engine and attend to it."""
        self._parts.engine.heard_at = self._parts.clock()
        await self._parts.link.start()
        self._reader = self._attend(self._read_reports)
        self._attend(self._watch_clock)
        self._attend(self._tell_outcomes)

    async def close(self) -> None:
        """End at once; what the engine was doing is a lost attempt of the next life."""
        self._parts.live.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._parts.link.close()
        self._ended.set()

    async def ended(self) -> None:
        """Wait until the coordinator is drained; raises what stopped it otherwise."""
        await self._ended.wait()
        if self._fault is not None:
            raise self._fault

    async def submit(self, submission: Submission) -> Job:
        """See `CoordinatorClient`."""
        async with self._turn:
            job = await self._parts.stores.jobs.submit(submission, self._parts.config.limits)
            if job.state is JobState.QUEUED:
                await self._changes.noted(job)
            with self._surviving():
                await self._dispatch.fill()
        return job

    async def events(self, job_id: int) -> AsyncGenerator[JobEvent]:
        """See `CoordinatorClient`."""
        with self._parts.live.mailbox(job_id) as mailbox:
            known = await self._parts.stores.jobs.get(job_id)
            for event in self._present(known):
                yield event
            yield StateChanged(job=known)
            while known.state not in FINAL and (event := await mailbox.take()) is not None:
                if isinstance(event, StateChanged):
                    if event.job.updated_at < known.updated_at:
                        continue
                    known = event.job
                yield event

    async def answer(self, job_id: int, choice: int, *, fence: int | None = None) -> Job:
        """See `CoordinatorClient`."""
        async with self._turn:
            job = await self._parts.stores.jobs.get(job_id)
            if not 0 <= choice < _MOST_CHOICES:
                raise InvalidSettingError(field="choice", value=choice, allowed=mark("one of those shown"))
            question = Lease(job_id=job_id, fence=job.fence if fence is None else fence)
            job = await self._parts.stores.jobs.answer(question, Answer(choice=choice))
            await self._changes.noted(job)
            with self._surviving():
                await self._dispatch.fill()
        return job

    async def cancel(self, job_id: int) -> Job:
        """See `CoordinatorClient`."""
        async with self._turn:
            job = await self._changes.cancel(job_id)
            with self._surviving():
                await self._dispatch.fill()
        return job

    async def health(self) -> CoordinatorHealth:
        """See `CoordinatorClient`."""
        engine, schedule = self._parts.engine, self._parts.schedule
        return CoordinatorHealth(
            is_ready=engine.ready is not None,
            is_draining=engine.is_draining,
            stage=engine.stage,
            generation=engine.generation,
            model_id=engine.ready.model_id if engine.ready is not None else "",
            model_hash=engine.ready.model_hash if engine.ready is not None else "",
            device=engine.ready.device if engine.ready is not None else "",
            queued=schedule.queued,
            in_engine=schedule.inside,
            engine=engine.health,
            trouble=engine.trouble,
        )

    async def drain(self) -> None:
        """See `CoordinatorClient`."""
        if self._parts.engine.is_draining:
            await self._ended.wait()
            return
        async with self._turn:
            self._parts.engine.is_draining = True
        await self._parts.link.drain(self._parts.config.drain_within_s)
        await self._parts.link.close()
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=_LAST_REPORTS_S)
        async with self._turn:
            for lease, engine_ms in self._parts.schedule.leases():
                with self._surviving():
                    await self._changes.release(lease, engine_ms=engine_ms)
        with self._surviving():
            await self._deliveries.deliver_all()
        self._parts.live.close()
        self._ended.set()

    async def tick(self) -> None:
        """Look at every deadline once."""
        async with self._turn:
            with self._surviving():
                self._parts.engine.trouble = ""
                self._parts.engine.is_paused = False
                for job in await self._parts.stores.jobs.expire_questions():
                    await self._changes.noted(job)
                await self._dispatch.take_back_silent()
                await self._dispatch.fill()
            with self._surviving():
                await self._sweep.turn()
        self._tell_places()
        if self._parts.engine.ready is not None:
            with self._surviving():
                await self._parts.link.send(AskHealth())

    async def take(self, event: LinkEvent) -> None:
        """Act on what an engine says."""
        async with self._turn:
            with self._surviving():
                await self._reports.take(event)
            with self._surviving():
                await self._dispatch.fill()

    async def _read_reports(self) -> None:
        async for event in self._parts.link.events():
            await self.take(event)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(self._parts.config.tick_s)
            await self.tick()

    async def _tell_outcomes(self) -> None:
        untold = self._parts.untold
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._parts.config.redeliver_after_s):
                    await untold.wait()
            untold.clear()
            with self._surviving():
                await self._deliveries.deliver_all()

    def _present(self, job: Job) -> Iterator[JobEvent]:
        if (question := question_of(job)) is not None:
            yield question
        yield from self._parts.live.newest(job.id)
        if job.state not in FINAL and (place := self._places().get(job.id)) is not None:
            yield place

    def _tell_places(self) -> None:
        watched = self._parts.live.watched
        places = self._places() if watched else {}
        for job_id, place in places.items():
            if job_id in watched and _is_news(place, self._told.get(job_id)):
                self._told[job_id] = place
                self._parts.live.publish(job_id, place)
        self._told = {job_id: place for job_id, place in self._told.items() if job_id in places}

    def _places(self) -> dict[int, PlaceChanged]:
        if self._parts.engine.ready is None:  # nobody knows yet what a step takes
            return {}
        return {
            job_id: PlaceChanged(
                job_id=job_id,
                position=one.position,
                begins_in_s=one.begins_in_ms / 1000.0,
                ends_in_s=one.ends_in_ms / 1000.0,
            )
            for job_id, one in self._parts.schedule.forecasts().items()
        }

    @contextmanager
    def _surviving(self) -> Generator[None]:
        """Outlive what could not be written: it is noted, told, and tried again at the next tick."""
        try:
            yield
        except EngineDownError:
            self._parts.engine.ready = None
        except SynIDError as error:
            self._parts.engine.trouble = sentence(error)
            _LOG.warning("%s", self._parts.engine.trouble)

    def _attend(self, loop: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def attend() -> None:
            try:
                await loop()
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self._fault = self._fault or error
                self._parts.live.close()
                self._ended.set()
                raise

        task = asyncio.create_task(attend())
        self._tasks.append(task)
        return task


def _is_news(place: PlaceChanged, told: PlaceChanged | None) -> bool:
    """Tell whether a place is another one than was told, or its times have moved by much."""
    if told is None or place.position != told.position:
        return True
    return abs(place.ends_in_s - told.ends_in_s) > _NEWS * told.ends_in_s
