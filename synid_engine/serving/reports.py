"""What the engine process reports to the coordinator.

Reports about a job carry its lease: whoever receives one for another lease drops it, so that a message that
comes late or twice does no harm. Bytes that are large are named by their SHA-256.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from synid_engine.pose.body import Body
from synid_engine.serving.cost_model import CostModel
from synid_engine.serving.messages import (
    Failure,
    Hash,
    Lease,
    Message,
    Milliseconds,
    Probability,
    Question,
    Result,
)

Share = Annotated[float, Field(ge=0.0, le=1.0)]


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
        people: How many are in the picture; the body is that of the largest.
        failure: Why not.
    """

    type: Literal["pose_read"] = "pose_read"
    image: Hash
    body: Body | None = None
    people: Annotated[int, Field(ge=1)] = 1
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


Report: TypeAlias = (
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
REPORT: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="type")])
