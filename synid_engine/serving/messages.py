"""What travels between the front end, the ledger and the engine: plain data, no tensor and no path."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from synid_engine.pose.body import Body
from synid_engine.serving.findings import Look, Measure
from synid_engine.serving.plain_data import Hash, Identifier, Message, Milliseconds, Probability

MOST_ATTEMPTS = 3
EVALUATED_PICTURES = 8
"""Pictures of an evaluation, each drawn by itself with the engine's usual settings."""

HEARTBEAT_S = 10.0
STALE_AFTER_S = 30.0


class JobKind(StrEnum):
    """What a job makes."""

    CREATE = "create"
    RENDER = "render"
    EVALUATE = "evaluate"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    LEASED = "leased"
    RUNNING = "running"
    WAITING = "waiting"
    STORED = "stored"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


HELD = frozenset({JobState.LEASED, JobState.RUNNING})
"""An engine has the job."""
UNFINISHED = HELD | {JobState.QUEUED, JobState.WAITING}
"""There is no result yet, and there can be one."""
FINAL = frozenset({JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED})
"""The state stays as it is."""


class CreateWork(Message):
    """Learn a character from words.

    Attributes:
        character_id: The draft that the result completes.
        identity: Description of the person.
        style: Art style; empty leaves it to the description.
        seed: Determines everything that is drawn by chance.
        ask: Whether a person picks the portrait, and the job waits for it.
    """

    kind: Literal[JobKind.CREATE] = JobKind.CREATE
    character_id: Identifier
    identity: str
    style: str = ""
    seed: Identifier = 0
    ask: bool = False


class RenderWork(Message):
    """Draw pictures, of characters or of none.

    Attributes:
        prompt: What to draw.
        negative_prompt: What to steer away from.
        pose: One that the base model declares; empty leaves it to the prompt.
        body: A pose of one's own, where the base model can be held to any; None leaves it to `pose`.
        pose_people: How many people were in the picture that the body was read from; it is the largest one's.
        pose_strength: Weight of either; None leaves it to the engine.
        shape: As `pose`; empty takes the base model's usual one.
        seed: Seed of the first picture; each further one takes the next number.
        pictures: How many.
        num_inference_steps: Denoising steps of each.
        guidance_scale: 1 draws without guidance, in half the time.
        banks: The identity banks of the characters in the picture.
        character_ids: The characters that the banks belong to, in the same order.
        descriptions: What each of them was learnt from, in the same order.
        styles: Art style that each was given, in the same order; empty leaves it to the description.
        identity_scale: Weight of the banks; None leaves it to the engine.
    """

    kind: Literal[JobKind.RENDER] = JobKind.RENDER
    prompt: str
    negative_prompt: str = ""
    pose: str = ""
    body: Body | None = None
    pose_people: Annotated[int, Field(ge=1)] = 1
    pose_strength: Annotated[float, Field(ge=0.0, le=2.0)] | None = None
    shape: str = ""
    seed: Identifier = 0
    pictures: Annotated[int, Field(ge=1, le=64)] = 1
    num_inference_steps: Annotated[int, Field(ge=1, le=1000)] = 20
    guidance_scale: Annotated[float, Field(ge=0.0)] = 5.0
    banks: tuple[Hash, ...] = ()
    character_ids: tuple[Identifier, ...] = ()
    descriptions: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    identity_scale: Annotated[float, Field(ge=0.0)] | None = None


class EvaluateWork(Message):
    """Measure how well a character stays itself and follows the words.

    Attributes:
        portrait: Its canonical picture, which is in the spool folder while an engine has the job.
        banks: Its identity bank, and no other.
        character_ids: The character itself.
        descriptions: What it was learnt from.
        styles: Art style that it was given; empty leaves it to the description.
    """

    kind: Literal[JobKind.EVALUATE] = JobKind.EVALUATE
    portrait: Hash
    banks: tuple[Hash, ...]
    character_ids: tuple[Identifier, ...]
    descriptions: tuple[str, ...]
    styles: tuple[str, ...]


AnyWork = CreateWork | RenderWork | EvaluateWork
Work = Annotated[AnyWork, Field(discriminator="kind")]
WORK: TypeAdapter[AnyWork] = TypeAdapter(Work)
"""Reads and writes the work of a job, whatever its kind."""


class Submission(Message):
    """A job as it is asked for.

    Attributes:
        request_key: Chosen by the asker; a second submission with the same key is the same job.
        owner_id: Who asks, and whose share of the engine it takes.
        server_id: Where it was asked; None is no server.
        weight: Share of the owner's tier against 1 for the plain one.
        work: What to make.
    """

    request_key: Annotated[str, Field(min_length=1, max_length=200)]
    owner_id: Identifier
    server_id: Identifier | None = None
    weight: Annotated[float, Field(gt=0.0)] = 1.0
    work: Work


class Lease(Message):
    """The right to work on a job: void once it is leased again, parked, cancelled or ended."""

    job_id: Identifier
    fence: Identifier


class Beat(Message):
    """A sign of life for one lease.

    Attributes:
        lease: What is being worked on.
        engine_ms: Engine time under this lease so far; a total, so that a repeated beat adds nothing.
        progress: Finished share of the whole job, in [0, 1].
    """

    lease: Lease
    engine_ms: Milliseconds = 0.0
    progress: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class Question(Message):
    """What a parked job needs to know from a person.

    Attributes:
        choices: The pictures to choose from.
        nsfw: How likely each of them is to be sexual, in the same order; empty if nobody has looked.
        checkpoint: Where the job goes on after the answer.
        default: Position of the choice that is taken when nobody answers in time.
    """

    choices: Annotated[tuple[Hash, ...], Field(min_length=1)]
    nsfw: tuple[Probability, ...] = ()
    checkpoint: Hash
    default: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _default_is_a_choice(self) -> Self:
        if self.default >= len(self.choices):
            message = "the default is none of the choices"
            raise ValueError(message)
        return self


class Answer(Message):
    """A person's choice, as its position; `timed_out` when it is the question's default."""

    choice: Annotated[int, Field(ge=0)]
    timed_out: bool = False


class Picture(Message):
    """A finished picture, its small version, and the seed that drew it.

    Attributes:
        nsfw: How likely it is to be sexual; None if nobody has looked.
    """

    image: Hash
    thumbnail: Hash
    seed: Identifier
    nsfw: Probability | None = None


class Result(Message):
    """What a job made.

    Attributes:
        pictures: What was drawn; of an evaluation its contact sheet.
        bank: Of a creation, the identity bank.
        scores: Of a creation, the bank's.
        figures: Of an evaluation, in the order in which they are read.
        looks: Of an evaluation, at the pictures in the order in which its sheet numbers them.
    """

    pictures: tuple[Picture, ...] = ()
    bank: Hash | None = None
    scores: dict[str, float] = Field(default_factory=dict[str, float])
    figures: tuple[Measure, ...] = ()
    looks: tuple[Look, ...] = ()


class Failure(Message):
    """Why a job did not succeed: the name of the error's type and what it said."""

    reason: str
    detail: str = ""


class Job(Message):
    """A job as the ledger knows it; times are seconds since 1970.

    Attributes:
        fence: Number of leases so far; the newest lease carries it.
        attempts: Leases that were lost or broke off; the third one fails the job.
        leased_by: The engine at work, or empty.
        deadline_at: When a waiting job goes on without an answer.
        checkpoint: Where the next attempt begins; None is the beginning.
        failure: Why it failed, or why its last attempt broke off.
        past_ms: Engine time under earlier leases; waiting is free.
        lease_ms: Engine time under the newest lease.
        told_at: When the outcome reached the person.
    """

    id: Identifier
    request_key: str
    owner_id: Identifier
    server_id: Identifier | None
    weight: float
    work: Work
    state: JobState
    fence: Identifier = 0
    attempts: int = 0
    leased_by: str = ""
    heartbeat_at: float | None = None
    progress: float = 0.0
    question: Question | None = None
    answer: Answer | None = None
    deadline_at: float | None = None
    checkpoint: Hash | None = None
    result: Result | None = None
    failure: Failure | None = None
    past_ms: float = 0.0
    lease_ms: float = 0.0
    created_at: float
    updated_at: float
    told_at: float | None = None

    @property
    def lease(self) -> Lease:
        """The newest lease."""
        return Lease(job_id=self.id, fence=self.fence)

    @property
    def engine_ms(self) -> float:
        """Engine time under all leases."""
        return self.past_ms + self.lease_ms
