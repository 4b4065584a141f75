"""The other side of the control socket: the coordinator's calls from another process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.control.messages import (
    AnswerCall,
    Call,
    CancelCall,
    CreateCall,
    DrainCall,
    EndReply,
    ErrorReply,
    EvaluateCall,
    EventReply,
    EventsCall,
    HealthCall,
    HealthReply,
    JobReply,
    RenderCall,
    Reply,
    SubmitCall,
    read_reply,
    write,
)
from bot.control.place import socket_path
from bot.coordinator.client import CoordinatorHealth, JobEvent
from bot.coordinator.desk import CreateRequest, EvaluateRequest, RenderRequest
from bot.coordinator_errors import NoCoordinatorError, RefusedError
from synid_engine.serving.messages import Job, Submission
from synid_engine.serving.wire import WireError


class ControlClient:
    """A `CoordinatorClient` and a `RequestDesk`; what the coordinator refuses is a `RefusedError` here.

    Every call raises `NoCoordinatorError` if nothing serves the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def submit(self, submission: Submission) -> Job:
        """See `CoordinatorClient`."""
        return await self._job(SubmitCall(submission=submission))

    async def create(self, request: CreateRequest) -> Job:
        """See `RequestDesk`."""
        return await self._job(CreateCall(request=request))

    async def render(self, request: RenderRequest) -> Job:
        """See `RequestDesk`."""
        return await self._job(RenderCall(request=request))

    async def evaluate(self, request: EvaluateRequest) -> Job:
        """See `RequestDesk`."""
        return await self._job(EvaluateCall(request=request))

    async def answer(self, job_id: int, choice: int, *, fence: int | None = None) -> Job:
        """See `CoordinatorClient`."""
        return await self._job(AnswerCall(job_id=job_id, choice=choice, fence=fence))

    async def cancel(self, job_id: int) -> Job:
        """See `CoordinatorClient`."""
        return await self._job(CancelCall(job_id=job_id))

    async def health(self) -> CoordinatorHealth:
        """See `CoordinatorClient`."""
        async with self._called(HealthCall()) as reader:
            reply = await self._reply(reader)
            if isinstance(reply, HealthReply):
                return reply.health
        raise WireError("another reply than expected")

    async def drain(self) -> None:
        """See `CoordinatorClient`."""
        async with self._called(DrainCall()) as reader:
            await self._reply(reader)

    async def events(self, job_id: int) -> AsyncGenerator[JobEvent]:
        """See `CoordinatorClient`."""
        async with self._called(EventsCall(job_id=job_id)) as reader:
            while not isinstance(reply := await self._reply(reader), EndReply):
                if not isinstance(reply, EventReply):
                    raise WireError("another reply than expected")
                yield reply.event

    async def _job(self, call: Call) -> Job:
        async with self._called(call) as reader:
            reply = await self._reply(reader)
            if isinstance(reply, JobReply):
                return reply.job
        raise WireError("another reply than expected")

    async def _reply(self, reader: asyncio.StreamReader) -> Reply:
        try:
            reply = await read_reply(reader)
        except WireError as error:
            raise NoCoordinatorError(folder=self._folder) from error
        if reply is None:
            raise NoCoordinatorError(folder=self._folder)
        if isinstance(reply, ErrorReply):
            raise RefusedError(kind=reply.kind, words=reply.words)
        return reply

    @asynccontextmanager
    async def _called(self, call: Call) -> AsyncGenerator[asyncio.StreamReader]:
        try:
            reader, writer = await asyncio.open_unix_connection(socket_path(self._folder))
        except OSError as error:
            raise NoCoordinatorError(folder=self._folder) from error
        try:
            with suppress(ConnectionError):  # its reply, if any, says why
                await write(writer, call)
            yield reader
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
