"""What the step batcher tells of the jobs that are under way."""

from dataclasses import dataclass

from synid_engine.sampling.denoise import Picture
from synid_engine.synid.stage import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted:
    """The first piece of a job's work is about to be done."""

    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureDone:
    """A picture of a job; `index` is its place among the job's rows."""

    job_id: str
    index: int
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PicturePreview:
    """What a picture under way looks like by now."""

    job_id: str
    index: int
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far a job is."""

    job_id: str
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobDone:
    """A job is finished; `result` is what a creation returned, None for pictures, which came one by one."""

    job_id: str
    result: object = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobFailed:
    """A job ended without a result; an error that is no SynIDError was not foreseen."""

    job_id: str
    error: Exception


Event = JobStarted | PictureDone | PicturePreview | JobProgress | JobDone | JobFailed
