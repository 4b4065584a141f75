"""The coordinator's side of the control socket."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
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
    JobCall,
    JobReply,
    RenderCall,
    Reply,
    SubmitCall,
    read_call,
    write,
)
from bot.control.place import control_socket
from bot.coordinator.coordinator import Coordinator
from bot.coordinator.desk import RequestDesk
from bot.errors import sentence
from synid_engine.errors import SynIDError
from synid_engine.serving.messages import Job


class ControlServer:
    """Answers calls from other processes of the same user."""

    def __init__(self, coordinator: Coordinator, desk: RequestDesk) -> None:
        self._coordinator = coordinator
        self._desk = desk
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, folder: Path) -> AsyncGenerator[None]:
        """Take calls while the block lasts; a reply that is under way is finished.

        Raises:
            UnwritableError: There is no place for the socket.
            DiskFullError: There is no room.
        """
        with control_socket(folder) as bound:
            server = await asyncio.start_unix_server(self._connected, sock=bound)
            try:
                yield
            finally:
                server.close()
                if self._connections:
                    await asyncio.wait(self._connections, timeout=1.0)
                for task in self._connections:
                    task.cancel()
                await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            await self._serve(reader, writer)
        except (SynIDError, ConnectionError):
            return  # the other side broke off
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            call = await read_call(reader)
            if call is None:
                return
            if isinstance(call, EventsCall):
                await self._tell(call, reader, writer)
                return
            reply = await self._reply(call)
        except SynIDError as error:
            reply = ErrorReply(kind=type(error).__name__, words=sentence(error))
        await write(writer, reply)

    async def _reply(self, call: Call) -> Reply:
        match call:
            case HealthCall():
                return HealthReply(health=await self._coordinator.health())
            case DrainCall() | EventsCall():
                await self._coordinator.drain()
                return EndReply()
            case _:
                return JobReply(job=await self._job(call))

    async def _job(self, call: JobCall) -> Job:
        match call:
            case SubmitCall():
                return await self._coordinator.submit(call.submission)
            case CreateCall():
                return await self._desk.create(call.request)
            case RenderCall():
                return await self._desk.render(call.request)
            case EvaluateCall():
                return await self._desk.evaluate(call.request)
            case AnswerCall():
                return await self._coordinator.answer(call.job_id, call.choice, fence=call.fence)
            case CancelCall():
                return await self._coordinator.cancel(call.job_id)

    async def _events(self, call: EventsCall, writer: asyncio.StreamWriter) -> None:
        async with aclosing(self._coordinator.events(call.job_id)) as events:
            async for event in events:
                await write(writer, EventReply(event=event))
        await write(writer, EndReply())

    async def _tell(
        self, call: EventsCall, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Tell until all is told or the other side has gone."""
        telling = asyncio.create_task(self._events(call, writer))
        leaving = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait([telling, leaving], return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
        finally:
            telling.cancel()
            leaving.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)
