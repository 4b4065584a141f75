"""Cards that follow their jobs: edited when something happened, and never more often than Discord likes."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress

from bot.chat_errors import NotReachedError
from bot.coordinator.client import StateChanged
from bot.features.picture import LiveState, cancelled_card, live_card, told
from bot.posting import Card, Posting, TooLargeError
from bot.service.service import Service
from bot.tongue import speak
from bot.uploads import WITHHELD_TILE
from storage.chats import ChatRecord
from storage.clock import Clock, wall_clock
from synid_engine.errors import SynIDError
from synid_engine.serving.messages import FINAL, Hash, Job, JobState

_LOG = logging.getLogger(__name__)
_OVER = FINAL | {JobState.STORED}
_LAST_EDIT_S = 10.0  # how long an edit that is under way may take when the card must be still


class LiveCard:
    """One card; ends by itself when its job is over, so that whoever tells the outcome edits last."""

    def __init__(self, service: Service, posting: Posting, job: Job, *, every_s: float, clock: Clock) -> None:
        self._service, self._posting, self._job = service, posting, job
        self._every_s, self._clock = every_s, clock
        self._known: LiveState | None = None
        self._changed = asyncio.Event()
        self._over = asyncio.Event()

    def stop(self) -> None:
        """Show nothing more."""
        self._over.set()
        self._changed.set()

    async def follow(self) -> None:
        """Show everything that happens until the job is over."""
        chat = await self._service.chats.of(self._job)
        if chat is None:
            return
        speak(chat.locale)
        self._known = LiveState(view=await self._service.jobs.view(self._job))
        reader = asyncio.create_task(self._read())
        try:
            await self._show_changes(chat)
            if self._known.state is JobState.CANCELLED:
                await self._put(chat, cancelled_card(self._known.view))
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async with aclosing(self._service.jobs.events(self._job.id)) as events:
                async for event in events:
                    assert self._known is not None  # noqa: S101 - the reader starts after it is known
                    self._known = told(self._known, event, now=self._clock())
                    if isinstance(event, StateChanged) and event.job.state in _OVER:
                        return
                    if self._known.state is not None:
                        self._changed.set()
        finally:
            self.stop()

    async def _show_changes(self, chat: ChatRecord) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._over.is_set() or self._known is None:
                return
            card = live_card(self._known, await self._files(self._known))
            if self._over.is_set() or not await self._put(chat, card):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._over.wait()

    async def _put(self, chat: ChatRecord, card: Card) -> bool:
        """Edit the card, and tell whether that can work again."""
        try:
            if self._clock() < chat.token_until and await self._posting.edit_reply(chat, card):
                return True
            if chat.may_post and not chat.is_hidden:
                return await self._posting.edit_message(chat.channel_id, chat.reply_id, card)
        except NotReachedError:
            return True
        except TooLargeError:
            _LOG.warning("the previews of job %d are too large", self._job.id)
        return False

    async def _files(self, known: LiveState) -> dict[Hash, bytes]:
        found: dict[Hash, bytes] = {}
        for digest in known.pictures():
            if digest in known.hidden:
                found[digest] = WITHHELD_TILE
                continue
            with suppress(SynIDError):  # a newer preview has taken its place
                found[digest] = await self._service.pictures.file(digest)
        return found


class LiveCards:
    """All cards that follow their jobs."""

    def __init__(
        self, service: Service, posting: Posting, *, every_s: float = 3.0, clock: Clock = wall_clock
    ) -> None:
        self._make: Callable[[Job], LiveCard] = lambda job: LiveCard(
            service, posting, job, every_s=every_s, clock=clock
        )
        self._service = service
        self._cards: dict[int, LiveCard] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def follow(self, job: Job) -> None:
        """Let a card follow a job, if none does."""
        if job.id in self._tasks:
            return
        card = self._make(job)
        self._cards[job.id] = card
        task = asyncio.create_task(card.follow(), name=f"card of job {job.id}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda done: self._ended(job.id, done))

    async def resume(self) -> None:
        """Follow the jobs of a former life."""
        for job in await self._service.chats.unfinished():
            self.follow(job)

    async def stop(self, job_id: int) -> None:
        """Return when a job's card will not be edited any more."""
        card, task = self._cards.get(job_id), self._tasks.get(job_id)
        if card is None or task is None:
            return
        card.stop()
        await asyncio.wait([task], timeout=_LAST_EDIT_S)
        task.cancel()

    async def close(self) -> None:
        """Stop them all."""
        for job_id in list(self._tasks):
            self._cards[job_id].stop()
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=_LAST_EDIT_S)
        for task in list(self._tasks.values()):
            task.cancel()

    def _ended(self, job_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(job_id, None)
        self._cards.pop(job_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("the card of job %d has stopped", job_id, exc_info=error)
