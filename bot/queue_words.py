"""What `synid watch` prints: what happens to a job, as lines for people and as fields for machines."""

from collections.abc import Iterator
from pathlib import Path

from bot.coordinator.client import (
    JobEvent,
    PlaceChanged,
    PreviewDrawn,
    ProgressMade,
    QuestionAsked,
    StateChanged,
    TroubleMet,
)
from bot.coordinator.spool import Spool
from storage.data_folder import DataFolder
from synid_engine.evaluation.figures import Figure, aligned
from synid_engine.serving.messages import Failure, Job, JobState, Result

_KEPT = frozenset({JobState.STORED, JobState.DELIVERED})


def files(event: JobEvent, folder: DataFolder) -> list[Path]:
    """Return the pictures that an event is about."""
    match event:
        case StateChanged() if event.job.state in _KEPT and event.job.result is not None:
            return [folder.pictures.path_of(picture.image) for picture in event.job.result.pictures]
        case PreviewDrawn():
            return [Spool(folder).path_of(event.image)]
        case QuestionAsked():
            return [Spool(folder).path_of(choice) for choice in event.question.choices]
        case _:
            return []


def fields(event: JobEvent, folder: DataFolder) -> dict[str, object]:
    """Return an event for machines, with where its pictures lie."""
    return {**event.model_dump(mode="json"), "files": [str(path) for path in files(event, folder)]}


def lines(event: JobEvent, folder: DataFolder, *, shown: Result | None = None) -> Iterator[str]:
    """Return an event for people, without the result that they have been shown."""
    found = files(event, folder)
    match event:
        case StateChanged():
            yield _state(event.job)
            if found and event.job.result is not None and event.job.result != shown:
                yield from _findings(event.job.result)
                yield from map(str, found)
        case PlaceChanged():
            yield _place(event)
        case ProgressMade():
            yield _progress(event)
        case PreviewDrawn():
            yield f"preview {event.index + 1}: {found[0]}"
        case QuestionAsked():
            yield f"which one is it? synid answer {event.job_id} NUMBER"
            yield from (f"{number}: {path}" for number, path in enumerate(found, start=1))
        case TroubleMet():
            yield f"trouble: {_words(event.failure)}"


def _state(job: Job) -> str:
    if job.state is JobState.FAILED and job.failure is not None:
        return f"job {job.id} has failed: {_words(job.failure)}"
    return f"job {job.id} is {job.state}"


def _findings(result: Result) -> Iterator[str]:
    """Return what an evaluation found out; nothing of other jobs."""
    figures = [
        Figure(name=one.name, value=one.value, unit=one.unit, interval=one.interval) for one in result.figures
    ]
    if figures:
        yield from aligned([("figure", "value", "95 %"), *(one.to_row()[:3] for one in figures)])
    for number, look in enumerate(result.looks, start=1):
        missed = f" (missed: {', '.join(look.misses)})" if look.misses else ""
        yield f"picture {number}: {look.prompt}{missed}"


def _place(event: PlaceChanged) -> str:
    done = f"done in about {event.ends_in_s:.0f} s"
    if not event.position:
        return done
    return f"place {event.position} in the queue, begins in about {event.begins_in_s:.0f} s, {done}"


def _progress(event: ProgressMade) -> str:
    parts = [f"{event.stage} {event.fraction:.0%}", event.detail]
    if event.eta_s is not None:
        parts.append(f"about {event.eta_s:.0f} s left")
    return ", ".join(part for part in parts if part)


def _words(failure: Failure) -> str:
    return failure.detail or failure.reason
