"""Outcomes to the people who asked for them, by the first way that is open.

The reply is edited while its token lives. Else a message goes to the channel, else to the person, and else
the outcome is kept until they ask for it. An edit can be repeated. A message cannot: that one is about to be
sent is written down first, and whoever finds that note looks for the message before sending it again. Its
nonce follows from the job, so that Discord too knows it for a while.
"""

import asyncio
import logging

from bot.features.picture import outcome_card
from bot.live_cards import LiveCards
from bot.posting import Card, Posting, TooLargeError
from bot.service.service import Service
from bot.service.wishes import JobView
from bot.tongue import speaking
from bot.uploads import Upload
from storage.chats import ChatRecord, Told
from storage.clock import Clock, wall_clock
from synid_engine.serving.messages import Job

_LOG = logging.getLogger(__name__)
_SMALLEST_LIMIT = 64 << 10


class ChatDelivery:
    """The ladder; a coordinator's `Delivery`."""

    def __init__(self, posting: Posting, *, clock: Clock = wall_clock) -> None:
        self._posting, self._clock = posting, clock
        self._service: Service | None = None
        self._cards: LiveCards | None = None
        self._is_bound = asyncio.Event()

    def bind(self, service: Service, cards: LiveCards) -> None:
        """Begin: outcomes that came before wait for this."""
        self._service, self._cards = service, cards
        self._is_bound.set()

    async def deliver(self, job: Job) -> None:
        """See `bot.coordinator.deliveries.Delivery`.

        Raises:
            NotReachedError: Discord could not be reached.
        """
        await self._is_bound.wait()
        assert self._service is not None and self._cards is not None  # noqa: S101, PT018 - bound
        self._service.names.forget()
        chat = await self._service.chats.of(job)
        if chat is None or chat.told is not None:
            return
        await self._cards.stop(job.id)
        with speaking(chat.locale):
            await self._deliver(self._service, job, chat)

    async def _deliver(self, service: Service, job: Job, chat: ChatRecord) -> None:
        view = await service.jobs.view(job)
        limit = chat.upload_limit
        while True:
            files = await service.pictures.files(job, limit=limit)
            try:
                await self._descend(_Outcome(service, job, chat, view, files))
            except TooLargeError:
                limit = limit // 2 if files and limit > _SMALLEST_LIMIT else 0
                continue
            return

    async def _descend(self, outcome: "_Outcome") -> None:
        """Try one way after the other."""
        chat, tell = outcome.chat, outcome.tell
        if chat.attempted_at is None and await self._edit(outcome):
            await tell(Told.REPLY, chat.channel_id, chat.reply_id)
            return
        if chat.may_post and not chat.is_hidden:
            message_id = await self._send(outcome, chat.channel_id, reply_to=chat.reply_id)
            if message_id is not None:
                await tell(Told.CHANNEL, chat.channel_id, message_id)
                return
        direct_id = await self._posting.direct_channel(chat.owner_id)
        if direct_id is not None:
            message_id = await self._send(outcome, direct_id, reply_to=None)
            if message_id is not None:
                await tell(Told.DIRECT, direct_id, message_id)
                return
        _LOG.info("job %d is kept until its owner asks", outcome.job.id)
        await tell(Told.KEPT, None, None)

    async def _edit(self, outcome: "_Outcome") -> bool:
        if self._clock() >= outcome.chat.token_until:
            return False
        return await self._posting.edit_reply(outcome.chat, outcome.card())

    async def _send(self, outcome: "_Outcome", channel_id: int, *, reply_to: int | None) -> int | None:
        job = outcome.job
        if outcome.chat.attempted_at is not None:
            after = outcome.chat.reply_id
            found = await self._posting.find(channel_id, f"job:{job.id}:", after=after)
            if found is not None:
                return found
        await outcome.attempt()
        card = outcome.card(asked_by=None if reply_to is None else job.owner_id)
        return await self._posting.send(channel_id, card, nonce=f"job-{job.id}", reply_to=reply_to)


class _Outcome:
    """What is told, to whom."""

    def __init__(
        self, service: Service, job: Job, chat: ChatRecord, view: JobView, files: tuple[Upload, ...]
    ) -> None:
        self.job, self.chat = job, chat
        self._service, self._view, self._files = service, view, files

    def card(self, *, asked_by: int | None = None) -> Card:
        return outcome_card(self._view, self._files, asked_by=asked_by)

    async def attempt(self) -> None:
        await self._service.chats.attempt(self.job)

    async def tell(self, told: Told, channel_id: int | None, message_id: int | None) -> None:
        await self._service.chats.tell(self.job, told, channel_id=channel_id, message_id=message_id)
