"""The queue as text."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot import prose
from bot.asked import asked
from bot.coordinator.client import CoordinatorHealth, PlaceChanged
from bot.service.wishes import JobView
from bot.tongue import mark, say
from synid_engine.serving.messages import JobState

_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request that is not over, and when it is expected to be; None if nobody knows."""

    view: JobView
    expected: PlaceChanged | None


def queue_text(waiting: Sequence[Waiting], health: CoordinatorHealth, *, now: float) -> str:
    """Return one's own requests, and how the engine is."""
    engine = mark("The engine is at work: {in_work} in work, {waiting} waiting.")
    if not health.is_ready:
        engine = mark("The engine is not ready yet: {in_work} in work, {waiting} waiting.")
    lines = [say(engine, in_work=health.in_engine, waiting=health.queued)]
    if not waiting:
        lines.append(say("You have no unfinished request."))
    lines += [_line(one, now=now) for one in waiting[:_LISTED]]
    return "\n".join(lines)


def cancelled_text(view: JobView) -> str:
    """Return that a request has been cancelled."""
    return say("Cancelled: {request}", request=_said(view))


def _line(one: Waiting, *, now: float) -> str:
    return f"- {_said(one.view)}: {_standing(one, now=now)}"


def _said(view: JobView) -> str:
    name = f"**{prose.shown(view.names[0])}**, " if view.names else ""
    return f"{name}{prose.shown(asked(view.job.work), longest=80)}"


def _standing(one: Waiting, *, now: float) -> str:
    if one.view.job.state is JobState.WAITING:
        return say("waits for your choice")
    if one.expected is None:
        return say("in the queue")
    ready = prose.soon(now + one.expected.ends_in_s)
    if one.expected.position:
        return say("place {place}, ready {when}", place=one.expected.position, when=ready)
    return say("in work, ready {when}", when=ready)
