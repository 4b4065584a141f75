"""A job that is not over yet, as a card: its place, its progress, its previews, its question."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import discord
from discord import ui

from bot import prose
from bot.buttons import RowButton, button_row
from bot.coordinator.client import (
    JobEvent,
    PlaceChanged,
    PreviewDrawn,
    ProgressMade,
    QuestionAsked,
    StateChanged,
    TroubleMet,
)
from bot.failures import reason_of
from bot.features.picture._stages import stage_words
from bot.posting import Card
from bot.service.wishes import JobView
from bot.tongue import say
from bot.uploads import Upload
from synid_engine.serving.messages import HELD, CreateWork, EvaluateWork, Hash, Job, JobState

_MOST_PREVIEWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What is known of a job.

    Attributes:
        view: The job, as it was when it was last read.
        state: Where it stands; None until that has been told.
        heard_at: When `place` or `progress` was told; seconds since 1970.
        hidden: Files that may not be shown.
    """

    view: JobView
    state: JobState | None = None
    place: PlaceChanged | None = None
    progress: ProgressMade | None = None
    previews: Mapping[int, Hash] = field(default_factory=dict[int, Hash])
    question: QuestionAsked | None = None
    trouble: TroubleMet | None = None
    heard_at: float = 0.0
    hidden: frozenset[Hash] = frozenset()

    def pictures(self) -> tuple[Hash, ...]:
        """Return the files that the card shows now."""
        if self.state is JobState.WAITING and self.question is not None:
            return self.question.question.choices
        if self.state in HELD:
            return tuple(self.previews[index] for index in sorted(self.previews)[:_MOST_PREVIEWS])
        return ()


def told(known: LiveState, event: JobEvent, *, now: float) -> LiveState:
    """Return what is known after an event."""
    match event:
        case StateChanged():
            return _moved(known, event.job)
        case PlaceChanged():
            return replace(known, place=event, heard_at=now)
        case ProgressMade():
            return replace(known, progress=event, heard_at=now)
        case PreviewDrawn():
            known = _judged(known, event.image, event.nsfw)
            return replace(known, previews={**known.previews, event.index: event.image})
        case QuestionAsked():
            for choice, nsfw in zip_longest(event.question.choices, event.question.nsfw):
                known = _judged(known, choice, nsfw)
            return replace(known, question=event)
        case TroubleMet():
            return replace(known, trouble=event)


def _judged(known: LiveState, image: Hash | None, nsfw: float | None) -> LiveState:
    if image is None:
        return known
    hidden = known.hidden - {image}
    return replace(known, hidden=hidden | {image} if known.view.rule.withholds(nsfw) else hidden)


def _moved(known: LiveState, job: Job) -> LiveState:
    """Return what is known of a job in another state; what belongs to the state before is forgotten."""
    view = replace(known.view, job=job)
    if job.state in HELD:
        return replace(known, view=view, state=job.state, place=None, question=None)
    return replace(known, view=view, state=job.state, previews={}, progress=None)


def live_card(known: LiveState, files: Mapping[Hash, bytes]) -> Card:
    """Return the card of a job that is not over.

    Args:
        known: What is known of it.
        files: The bytes of `known.pictures()`; what is missing is left out.
    """
    uploads = [(one, f"preview-{number}.png") for number, one in enumerate(known.pictures(), start=1)]
    uploads = [(one, name) for one, name in uploads if one in files]
    box: ui.Container[ui.LayoutView] = ui.Container(
        ui.TextDisplay("\n".join([_title(known.view), *_lines(known)])),
        accent_colour=discord.Colour.blurple(),
    )
    if uploads:
        box.add_item(_gallery(known.view, [name for _, name in uploads]))
    for row in _rows(known):
        box.add_item(row)
    view = ui.LayoutView(timeout=None)
    view.add_item(box)
    return Card(view=view, files=tuple(Upload(name=name, data=files[one]) for one, name in uploads))


def cancelled_card(view: JobView) -> Card:
    """Return the card of a job that was cancelled."""
    layout = ui.LayoutView(timeout=None)
    layout.add_item(ui.Container(ui.TextDisplay(f"{_title(view)}\n{say('Cancelled.')}")))
    return Card(view=layout)


def _title(view: JobView) -> str:
    name = prose.shown(view.names[0]) if view.names else say("A picture")
    if isinstance(view.job.work, CreateWork):
        return say("### {name} is being made", name=name)
    if isinstance(view.job.work, EvaluateWork):
        return say("### {name} is being evaluated", name=name)
    return f"### {name}: {prose.shown(view.job.work.prompt)}"


def _lines(known: LiveState) -> list[str]:
    lines = [_standing(known)]
    if known.progress is not None and known.state in HELD:
        lines.append(prose.bar(known.progress.progress))
    if known.trouble is not None:
        lines.append(
            say(
                "-# Trouble: {detail}. It is tried again.",
                detail=prose.shown(reason_of(known.trouble.failure)),
            )
        )
    if known.view.not_drawn:
        lines.append(say("-# Words that cannot be drawn: {words}", words=prose.listed(known.view.not_drawn)))
    if known.view.server_id is not None and not known.view.may_post:
        lines.append(say("-# I may not write here: what takes over 15 minutes comes as a direct message."))
    return lines


def _standing(known: LiveState) -> str:
    if known.state is JobState.WAITING and known.question is not None:
        number = known.question.question.default + 1
        return say(
            "Which one is it? Number {number} is taken {when}.",
            number=number,
            when=prose.soon(known.question.deadline_at),
        )
    if known.state in HELD:
        return _stage(known)
    if known.place is None:
        return say("In the queue; the engine is not ready yet.")
    begins, ends = (prose.soon(known.heard_at + s) for s in (known.place.begins_in_s, known.place.ends_in_s))
    return say(
        "Place {place} in the queue, begins {begins}, ready {ends}.",
        place=known.place.position,
        begins=begins,
        ends=ends,
    )


def _stage(known: LiveState) -> str:
    progress = known.progress
    if progress is None:
        return say("Begun.")
    ready = ""
    if progress.eta_s is not None:
        ready = say(", ready {when}", when=prose.soon(known.heard_at + progress.eta_s))
    return f"{stage_words(progress.stage)}{ready}"


def _gallery(view: JobView, names: list[str]) -> ui.MediaGallery[ui.LayoutView]:
    who = view.names[0] if view.names else say("A picture")
    items = [
        discord.MediaGalleryItem(
            f"attachment://{name}",
            description=say("{who}, preview {number}", who=who, number=number),
            spoiler=view.is_covered,
        )
        for number, name in enumerate(names, start=1)
    ]
    return ui.MediaGallery(*items)


def _rows(known: LiveState) -> list[ui.ActionRow[ui.LayoutView]]:
    job = known.view.job
    cancel = RowButton("job", job.id, "cancel", label=say("Cancel"), style=discord.ButtonStyle.danger)
    if known.state is not JobState.WAITING or known.question is None:
        return [button_row(cancel)]
    picks = [
        RowButton("job", job.id, "pick", known.question.fence, number, label=str(number + 1))
        for number in range(len(known.question.question.choices))
    ]
    return [button_row(*picks[:5]), button_row(cancel)]
