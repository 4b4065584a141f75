"""What a front end sees of the coordinator: six calls, and plain data about what happens to a job.

Knows neither stores nor engines: the coordinator keeps these promises in its own process, and the client of
its control socket in another one.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Literal, Protocol, runtime_checkable

from pydantic import Field, TypeAdapter

from synid_engine.serving.messages import (
    Failure,
    Hash,
    Identifier,
    Job,
    Message,
    Probability,
    Question,
    Submission,
)
from synid_engine.serving.reports import Health, Share


class StateChanged(Message):
    """The job as the ledger knows it now."""

    type: Literal["state"] = "state"
    job: Job


class PlaceChanged(Message):
    """When the job is expected to begin and to be done.

    Attributes:
        job_id: The job.
        position: Jobs that begin before it, and it; 0 when it has begun.
        begins_in_s: Seconds until it begins.
        ends_in_s: Seconds until it is done.
    """

    type: Literal["place"] = "place"
    job_id: Identifier
    position: Annotated[int, Field(ge=0)]
    begins_in_s: float
    ends_in_s: float


class ProgressMade(Message):
    """How far the job is.

    Attributes:
        job_id: The job.
        stage: Name of the stage, for people.
        fraction: Finished share of the stage.
        progress: Finished share of the whole job.
        detail: A few words for people.
        eta_s: Estimated seconds until it is done; None while nothing is known.
    """

    type: Literal["progress"] = "progress"
    job_id: Identifier
    stage: str
    fraction: Share
    progress: Share
    detail: str = ""
    eta_s: float | None = None


class PreviewDrawn(Message):
    """A small picture of what is being drawn: a file in the spool folder, until the next one comes.

    Attributes:
        job_id: The job.
        index: Which of its pictures it is.
        image: The file.
        nsfw: How likely it is to be sexual; None if nobody has looked.
    """

    type: Literal["preview"] = "preview"
    job_id: Identifier
    index: Annotated[int, Field(ge=0)]
    image: Hash
    nsfw: Probability | None = None


class QuestionAsked(Message):
    """The job waits for a person.

    Attributes:
        job_id: The job.
        fence: Names the question, so that a late answer answers no later one.
        question: Its choices are files in the spool folder.
        deadline_at: When the default is taken; seconds since 1970.
    """

    type: Literal["question"] = "question"
    job_id: Identifier
    fence: Identifier
    question: Question
    deadline_at: float


class TroubleMet(Message):
    """Something went wrong with the job; its state says whether it goes on."""

    type: Literal["trouble"] = "trouble"
    job_id: Identifier
    failure: Failure


JobEvent = StateChanged | PlaceChanged | ProgressMade | PreviewDrawn | QuestionAsked | TroubleMet
JOB_EVENT: TypeAdapter[JobEvent] = TypeAdapter(Annotated[JobEvent, Field(discriminator="type")])
"""Reads and writes an event, whatever its type."""


class CoordinatorHealth(Message):
    """How the coordinator and its engine are.

    Attributes:
        is_ready: Whether the engine takes work.
        is_draining: Whether the coordinator is ending.
        stage: What the engine does while it is not ready; empty when nothing is known.
        generation: Number of the engine, from 1.
        model_id: Name of the base model; empty until it is loaded.
        model_hash: Its SHA-256; empty until then.
        device: What the engine computes on; empty until then.
        queued: Jobs that wait for the engine.
        in_engine: Jobs that it works on.
        engine: What the engine said of itself last.
        trouble: Why the last step of the coordinator failed; empty when it did not.
    """

    is_ready: bool
    is_draining: bool = False
    stage: str = ""
    generation: int = 0
    model_id: str = ""
    model_hash: str = ""
    device: str = ""
    queued: int = 0
    in_engine: int = 0
    engine: Health | None = None
    trouble: str = ""


@runtime_checkable
class CoordinatorClient(Protocol):
    """The contract, in the coordinator's process and outside of it."""

    async def submit(self, submission: Submission) -> Job:
        """Put a job in the queue, or return the one that the same request made before.

        Raises:
            CapacityError: Of the owner, of the server or in all there are too many unfinished jobs.
            RequestKeyTakenError: The same key came with other work before.
        """
        ...

    def events(self, job_id: int) -> AsyncIterator[JobEvent]:
        """Return what is known of a job now, then the newest of everything that happens, until it is over.

        What is known now ends with the job's state: a reader of the moment stops there. Whoever is slow to
        read misses what has been replaced by something newer, and never the last state.

        Raises:
            JobNotFoundError: There is none of this number.
        """
        ...

    async def answer(self, job_id: int, choice: int, *, fence: int | None = None) -> Job:
        """Answer the question that a job waits with.

        Args:
            job_id: The job.
            choice: Position of the choice, from 0.
            fence: The question that is meant; None is the present one.

        Raises:
            JobNotFoundError: There is none of this number.
            NotWaitingError: It does not wait for this answer, or no longer.
            InvalidSettingError: There is no such choice.
        """
        ...

    async def cancel(self, job_id: int) -> Job:
        """End a job whatever it does; one that is over stays as it is.

        Raises:
            JobNotFoundError: There is none of this number.
        """
        ...

    async def health(self) -> CoordinatorHealth:
        """Tell how things are."""
        ...

    async def drain(self) -> None:
        """End in good order: the engine hands its work back, and the coordinator stops."""
        ...
