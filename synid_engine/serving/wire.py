"""What the coordinator and the engine process tell each other: orders go one way, reports come back.

On the socket each message is its length, 4 bytes with the highest first, and then so many bytes of JSON.
Reports about a job carry its lease: whoever receives one for another lease drops it, so that a message that
comes late or twice does no harm. Bytes that are large never travel: they are files in the spool folder or in
the weights folder, and a message names them by their SHA-256.

Knows neither processes nor databases.
"""

import asyncio
import struct
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from synid_engine.errors import SynIDError
from synid_engine.pose.body import Body
from synid_engine.serving.cost_model import CostModel
from synid_engine.serving.messages import (
    Answer,
    Failure,
    Hash,
    Identifier,
    Lease,
    Message,
    Milliseconds,
    Probability,
    Question,
    Result,
    Work,
)

LONGEST_MESSAGE = 4 * 1024 * 1024
LENGTH = struct.Struct(">I")

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class WireError(SynIDError):
    """The other side broke off, or sent what is no message."""


class Assign(Message):
    """Order: work on a job.

    Attributes:
        lease: Under which every report about it is made.
        owner_id: Whose share of the engine it takes.
        work: What to make.
        checkpoint: Where to go on; None is the beginning.
        answer: What a person answered to the question that the job was parked with.
    """

    type: Literal["assign"] = "assign"
    lease: Lease
    owner_id: Identifier
    work: Work
    checkpoint: Hash | None = None
    answer: Answer | None = None


class Stop(Message):
    """Order: drop a job within one step; a lease that is not being worked on is ignored."""

    type: Literal["stop"] = "stop"
    lease: Lease


class Drain(Message):
    """Order: take no more work, hand every lease back at its next checkpoint, and end."""

    type: Literal["drain"] = "drain"


class Judge(Message):
    """Order: look at a picture in the spool folder that somebody brought, and report how it is."""

    type: Literal["judge"] = "judge"
    image: Hash


class ReadPose(Message):
    """Order: read the pose of the person in a picture in the spool folder, and report it."""

    type: Literal["read_pose"] = "read_pose"
    image: Hash


class AskHealth(Message):
    """Order: report the health now."""

    type: Literal["ask_health"] = "ask_health"


class Loading(Message):
    """Report: a stage of the start-up has begun."""

    type: Literal["loading"] = "loading"
    stage: str
    fraction: Share


class Ready(Message):
    """Report: the models are loaded, and orders are taken.

    Attributes:
        model_id: Name of the base model.
        model_hash: Its SHA-256; banks belong to one.
        costs: What steps take on this machine, and what a creation consists of.
        device: For example `cpu` or `cuda:0`.
        max_rows: Forward rows of the largest batch.
    """

    type: Literal["ready"] = "ready"
    model_id: str
    model_hash: str
    costs: CostModel
    device: str
    max_rows: int


class Health(Message):
    """Report: how the engine is.

    Attributes:
        is_ready: Whether the models are loaded and work is taken.
        memory_mib: Resident memory of the process.
        device_memory_mib: Memory held on the device; 0 on a CPU.
        occupancy: Mean share of a batch's rows that were in use, of late.
        jobs: How many are under way.
        steps: Pieces of work since the start; it does not grow when the engine is stuck or idle.
        max_rows: Forward rows of the largest batch, now.
    """

    type: Literal["health"] = "health"
    is_ready: bool
    memory_mib: float
    device_memory_mib: float = 0.0
    occupancy: Share = 0.0
    jobs: int = 0
    steps: int = 0
    max_rows: int = 0


class WorkBeat(Message):
    """A job that is under way, within `Alive`."""

    lease: Lease
    engine_ms: Milliseconds
    progress: Share


class Alive(Message):
    """Report: a sign of life, every few seconds, with all jobs that are under way."""

    type: Literal["alive"] = "alive"
    beats: tuple[WorkBeat, ...] = ()


class Started(Message):
    """Report: the first step of a job is about to be done."""

    type: Literal["started"] = "started"
    lease: Lease


class Progressed(Message):
    """Report: how far a job is.

    Attributes:
        lease: Of the job.
        stage: Name of the stage, for people.
        fraction: Finished share of the stage.
        progress: Finished share of the whole job.
        detail: A few words for people.
        eta_s: Estimated seconds until it is done, if nothing else came; None while nothing is known.
        engine_ms: Engine time under this lease so far.
    """

    type: Literal["progressed"] = "progressed"
    lease: Lease
    stage: str
    fraction: Share
    progress: Share
    detail: str = ""
    eta_s: float | None = None
    engine_ms: Milliseconds = 0.0


class Previewed(Message):
    """Report: a small picture of what is being drawn.

    Attributes:
        lease: Of the job.
        index: Which of its pictures it is.
        image: A PNG in the spool folder.
        nsfw: How likely it is to be sexual; None if nobody has looked.
    """

    type: Literal["previewed"] = "previewed"
    lease: Lease
    index: Annotated[int, Field(ge=0)]
    image: Hash
    nsfw: Probability | None = None


class Judged(Message):
    """Report: what a picture that somebody brought is like.

    Attributes:
        image: As in the order.
        nsfw: How likely it is to be sexual; None if it is no picture.
    """

    type: Literal["judged"] = "judged"
    image: Hash
    nsfw: Probability | None


class PoseRead(Message):
    """Report: how somebody stands in a picture that was brought.

    Attributes:
        image: As in the order.
        body: The joints; None if they could not be read.
        failure: Why not.
    """

    type: Literal["pose_read"] = "pose_read"
    image: Hash
    body: Body | None = None
    failure: Failure | None = None


class Checkpointed(Message):
    """Report: the next attempt can go on from here."""

    type: Literal["checkpointed"] = "checkpointed"
    lease: Lease
    checkpoint: Hash


class Asked(Message):
    """Report: a person must choose; the job is put aside and its lease is over."""

    type: Literal["asked"] = "asked"
    lease: Lease
    question: Question
    engine_ms: Milliseconds


class Finished(Message):
    """Report: a job is done, and every file that its result names is in the spool folder."""

    type: Literal["finished"] = "finished"
    lease: Lease
    result: Result
    engine_ms: Milliseconds


class Broken(Message):
    """Report: a job ended without a result.

    Attributes:
        lease: Of the job.
        failure: Why.
        retryable: Whether another attempt can help.
        engine_ms: Engine time under this lease.
    """

    type: Literal["broken"] = "broken"
    lease: Lease
    failure: Failure
    retryable: bool
    engine_ms: Milliseconds


class HandedBack(Message):
    """Report: a job was put aside in good order because the engine is draining, or does not take it now."""

    type: Literal["handed_back"] = "handed_back"
    lease: Lease
    engine_ms: Milliseconds


class Drained(Message):
    """Report: nothing is under way any more, and the process ends."""

    type: Literal["drained"] = "drained"


Order = Assign | Stop | Drain | Judge | ReadPose | AskHealth
Report = (
    Loading
    | Ready
    | Health
    | Alive
    | Started
    | Progressed
    | Previewed
    | Judged
    | PoseRead
    | Checkpointed
    | Asked
    | Finished
    | Broken
    | HandedBack
    | Drained
)
ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="type")])
REPORT: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="type")])


def encode(message: Order | Report) -> bytes:
    """Return a message as it travels.

    Raises:
        WireError: It is longer than `LONGEST_MESSAGE`.
    """
    body = message.model_dump_json().encode()
    if len(body) > LONGEST_MESSAGE:
        raise WireError(f"{len(body)} bytes")
    return LENGTH.pack(len(body)) + body


def decode_order(body: bytes) -> Order:
    """Read an order.

    Raises:
        WireError: It is none.
    """
    try:
        return ORDER.validate_json(body)
    except ValidationError as error:
        raise WireError("an order that cannot be read") from error


def decode_report(body: bytes) -> Report:
    """Read a report.

    Raises:
        WireError: It is none.
    """
    try:
        return REPORT.validate_json(body)
    except ValidationError as error:
        raise WireError("a report that cannot be read") from error


async def read_body(reader: asyncio.StreamReader) -> bytes | None:
    """Read the next message's bytes; None when the other side has closed in good order.

    Raises:
        WireError: The stream breaks off within a message, or the message is too long.
    """
    try:
        header = await reader.readexactly(LENGTH.size)
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise WireError("cut within a length") from error
    except ConnectionError as error:
        raise WireError("connection lost") from error
    (length,) = LENGTH.unpack(header)
    if length > LONGEST_MESSAGE:
        raise WireError(f"{length} bytes announced")
    try:
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise WireError("cut within a message") from error
