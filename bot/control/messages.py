"""What travels over the control socket, framed as on the engine's: a length of 4 bytes, then JSON.

A connection carries one call. The answer is one reply, or for `events` one for each, and then `EndReply`.
"""

import asyncio
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from bot.coordinator.client import CoordinatorHealth, JobEvent
from bot.coordinator.desk import CreateRequest, EvaluateRequest, RenderRequest
from synid_engine.serving.messages import Identifier, Job, Message, Submission
from synid_engine.serving.wire import LONGEST_MESSAGE, WireError, read_body

_LENGTH_BYTES = 4
_T = TypeVar("_T")


class SubmitCall(Message):
    """Call `submit`."""

    type: Literal["submit"] = "submit"
    submission: Submission


class CreateCall(Message):
    """Call `create`."""

    type: Literal["create"] = "create"
    request: CreateRequest


class RenderCall(Message):
    """Call `render`."""

    type: Literal["render"] = "render"
    request: RenderRequest


class EvaluateCall(Message):
    """Call `evaluate`."""

    type: Literal["evaluate"] = "evaluate"
    request: EvaluateRequest


class EventsCall(Message):
    """Call `events`."""

    type: Literal["events"] = "events"
    job_id: Identifier


class AnswerCall(Message):
    """Call `answer`."""

    type: Literal["answer"] = "answer"
    job_id: Identifier
    choice: Annotated[int, Field(ge=0)]
    fence: Identifier | None = None


class CancelCall(Message):
    """Call `cancel`."""

    type: Literal["cancel"] = "cancel"
    job_id: Identifier


class HealthCall(Message):
    """Call `health`."""

    type: Literal["health"] = "health"


class DrainCall(Message):
    """Call `drain`."""

    type: Literal["drain"] = "drain"


class JobReply(Message):
    """A job."""

    type: Literal["job"] = "job"
    job: Job


class EventReply(Message):
    """Something that happened to a job."""

    type: Literal["event"] = "event"
    event: Annotated[JobEvent, Field(discriminator="type")]


class HealthReply(Message):
    """How things are."""

    type: Literal["health"] = "health"
    health: CoordinatorHealth


class EndReply(Message):
    """There is nothing more to say."""

    type: Literal["end"] = "end"


class ErrorReply(Message):
    """The call was refused: the name of the error's type, and its sentence."""

    type: Literal["error"] = "error"
    kind: str
    words: str


JobCall = SubmitCall | CreateCall | RenderCall | EvaluateCall | AnswerCall | CancelCall
Call = JobCall | EventsCall | HealthCall | DrainCall
Reply = JobReply | EventReply | HealthReply | EndReply | ErrorReply
_CALL: TypeAdapter[Call] = TypeAdapter(Annotated[Call, Field(discriminator="type")])
_REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="type")])


async def read_call(reader: asyncio.StreamReader) -> Call | None:
    """Read a call; None when the other side has closed.

    Raises:
        WireError: It is none, or the stream breaks off.
    """
    body = await read_body(reader)
    return None if body is None else _read(_CALL, body)


async def read_reply(reader: asyncio.StreamReader) -> Reply | None:
    """Read a reply; None when the other side has closed.

    Raises:
        WireError: It is none, or the stream breaks off.
    """
    body = await read_body(reader)
    return None if body is None else _read(_REPLY, body)


async def write(writer: asyncio.StreamWriter, message: Call | Reply) -> None:
    """Write a call or a reply.

    Raises:
        WireError: It is too long.
        ConnectionError: The other side is gone.
    """
    body = message.model_dump_json().encode()
    if len(body) > LONGEST_MESSAGE:
        raise WireError(f"{len(body)} bytes")
    writer.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
    await writer.drain()


def _read(adapter: TypeAdapter[_T], body: bytes) -> _T:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise WireError("a message that cannot be read") from error
