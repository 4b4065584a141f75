"""What the coordinator orders of the engine process. Bytes that are large are named by their SHA-256."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from synid_engine.serving.messages import Answer, Hash, Identifier, Lease, Message, Work


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


Order: TypeAlias = Assign | Stop | Drain | Judge | ReadPose | AskHealth
ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="type")])
