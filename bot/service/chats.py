"""Where jobs were asked for, and how their outcome reaches that place: what delivery asks of the stores."""

from bot.coordinator.stores import Stores
from bot.place import Place
from storage.chats import Chat, ChatRecord, Told
from synid_engine.serving.messages import UNFINISHED, Job


class ChatBook:
    """Notes about chats."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def open(self, place: Place, *, is_spoiler: bool) -> None:
        """Note a place before a job is asked for there."""
        await self._stores.chats.add(
            Chat(
                owner_id=place.owner_id,
                request_key=place.request_key,
                server_id=place.server_id,
                channel_id=place.channel_id,
                reply_id=place.reply_id,
                token=place.token,
                token_until=place.token_until,
                may_post=place.may_post,
                is_hidden=place.is_hidden,
                is_spoiler=is_spoiler,
                upload_limit=place.upload_limit,
                locale=place.locale,
            )
        )

    async def drop(self, place: Place) -> None:
        """Forget a place whose job was refused."""
        await self._stores.chats.forget(place.owner_id, place.request_key)

    async def of(self, job: Job) -> ChatRecord | None:
        """Return where a job was asked for."""
        return await self._stores.chats.of_request(job.owner_id, job.request_key)

    async def attempt(self, job: Job) -> None:
        """Note that a new message about a job is about to be sent."""
        await self._stores.chats.attempt(job.owner_id, job.request_key)

    async def tell(
        self, job: Job, told: Told, *, channel_id: int | None = None, message_id: int | None = None
    ) -> None:
        """Note how the outcome of a job reached its person."""
        await self._stores.chats.tell(
            job.owner_id, job.request_key, told, channel_id=channel_id, message_id=message_id
        )

    async def mark_spoiler(self, job: Job, *, is_spoiler: bool) -> None:
        """Note whether a job's pictures are covered."""
        await self._stores.chats.mark_spoiler(job.owner_id, job.request_key, is_spoiler=is_spoiler)

    async def kept(self, owner_id: int, *, limit: int) -> list[Job]:
        """Return the jobs of an owner whose outcome reached nobody, newest first."""
        found = [
            await self._stores.jobs.of_request(owner_id, chat.request_key)
            for chat in await self._stores.chats.kept(owner_id, limit=limit)
        ]
        return [job for job in found if job is not None]

    async def fetched(self, job: Job) -> None:
        """Note that an owner came for an outcome."""
        await self.tell(job, Told.FETCHED)

    async def unfinished(self) -> list[Job]:
        """Return the unfinished jobs that were asked for in a chat."""
        jobs = self._stores.jobs
        every = [*await jobs.queued(), *await jobs.leased(), *await jobs.waiting()]
        return [job for job in every if job.state in UNFINISHED and await self.of(job) is not None]
