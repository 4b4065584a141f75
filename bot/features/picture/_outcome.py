"""What came of a job, as a card."""

import discord
from discord import ui

from bot import prose
from bot.answering import as_sentence
from bot.asked import asked
from bot.buttons import RowButton, button_row
from bot.failures import reason_of
from bot.features.picture._figures import figure_lines, summary
from bot.features.picture._looks import look_lines
from bot.posting import Card
from bot.service.wishes import JobView
from bot.tongue import mark, say, translated
from bot.uploads import Upload
from synid_engine.serving.messages import CreateWork, EvaluateWork, JobState, RenderWork

_LONGEST_ALT = 1000


def outcome_card(view: JobView, files: tuple[Upload, ...], *, asked_by: int | None = None) -> Card:
    """Return the card of a job that is over.

    Args:
        view: The job.
        files: Its pictures; none if it failed, or if they are gone or too large.
        asked_by: Whose it is; named where the card is no reply to them.
    """
    job = view.job
    layout = ui.LayoutView(timeout=None)
    if job.state is JobState.FAILED:
        layout.add_item(_failure(view))
        return Card(view=layout)
    box: ui.Container[ui.LayoutView] = ui.Container(accent_colour=discord.Colour.green())
    box.add_item(ui.TextDisplay(_text(view)))
    if files:
        box.add_item(_gallery(view, files))
    elif not view.withheld:
        box.add_item(ui.TextDisplay(say("The pictures do not fit into a message here.")))
    if job.result is not None and job.result.looks:
        box.add_item(ui.TextDisplay("\n".join(look_lines(job.result.looks))))
    if view.withheld:
        box.add_item(ui.TextDisplay(_withheld_text(view)))
    if asked_by is not None:
        box.add_item(ui.TextDisplay(say("-# asked for by {who}", who=f"<@{asked_by}>")))
    for row in _rows(view):
        box.add_item(row)
    layout.add_item(box)
    return Card(view=layout, files=files)


def details_text(view: JobView) -> str:
    """Return everything that is known about a job's pictures."""
    job, work = view.job, view.job.work
    lines = [f"### {_who(view)}"]
    if isinstance(work, RenderWork):
        lines += _wished_lines(work)
        described, styles = work.descriptions, [one for one in work.styles if one]
    elif isinstance(work, EvaluateWork):
        lines += figure_lines(job.result.figures if job.result is not None else ())
        described, styles = work.descriptions, [one for one in work.styles if one]
    else:
        described, styles = (work.identity,), [work.style] if work.style else []
    lines += [say("Description: {words}", words=prose.shown(one, longest=1000)) for one in described]
    lines += [say("Style: {style}", style=prose.shown(one)) for one in styles]
    drawn = job.result.pictures if job.result is not None else ()
    if not isinstance(work, EvaluateWork):
        seeds = [str(one.seed) for one in drawn] or [str(work.seed)]
        lines += [say("Seeds: {seeds}", seeds=", ".join(dict.fromkeys(seeds)))]
    lines += [say("Engine time: {seconds} s", seconds=f"{job.engine_ms / 1000:.1f}")]
    if view.not_drawn:
        lines.append(say("Words that cannot be drawn: {words}", words=prose.listed(view.not_drawn)))
    lines.append(say("-# job {number}, {when}", number=job.id, when=prose.soon(job.created_at)))
    return "\n".join(lines)


def _brought_line(people: int) -> str:
    if people == 1:
        return say("Pose: from a picture")
    return say("Pose: of the largest of {people} people in a picture", people=people)


def _wished_lines(work: RenderWork) -> list[str]:
    lines = [say("Prompt: {words}", words=prose.shown(work.prompt, longest=1000))]
    if work.negative_prompt:
        lines.append(say("Negative: {words}", words=prose.shown(work.negative_prompt)))
    if work.pose:
        lines.append(say("Pose: {pose}", pose=prose.shown(translated(work.pose))))
    if work.body is not None:
        lines.append(_brought_line(work.pose_people))
    if work.pose_strength is not None:
        lines.append(say("Strength of the pose: {scale}", scale=f"{work.pose_strength:g}"))
    if work.shape:
        lines.append(say("Shape: {shape}", shape=prose.shown(translated(work.shape))))
    guidance = f"{work.guidance_scale:g}"
    lines.append(
        say("Guidance: {guidance}, steps: {steps}", guidance=guidance, steps=work.num_inference_steps)
    )
    if work.identity_scale is not None:
        lines.append(say("Strength: {scale}", scale=f"{work.identity_scale:g}"))
    return lines


def _failure(view: JobView) -> ui.Container[ui.LayoutView]:
    failure = view.job.failure
    words = as_sentence(prose.shown(reason_of(failure) if failure else say("it did not work")))
    rows = [RowButton("job", view.job.id, "details", label=say("Details"))]
    if not isinstance(view.job.work, CreateWork):
        rows.insert(0, RowButton("job", view.job.id, "again", label=say("Try again")))
    title = mark("### {who} could not be drawn")
    if isinstance(view.job.work, EvaluateWork):
        title = mark("### {who} could not be evaluated")
    return ui.Container(
        ui.TextDisplay(f"{say(title, who=_who(view))}\n{words}"),
        button_row(*rows),
        accent_colour=discord.Colour.red(),
    )


def _who(view: JobView) -> str:
    return " + ".join(prose.shown(name) for name in view.names) or say("A picture")


def _text(view: JobView) -> str:
    match view.job.work:
        case CreateWork() as work:
            return _character_text(view, work)
        case RenderWork() as work:
            return _picture_text(view, work)
        case EvaluateWork():
            return _evaluation_text(view)


def _rows(view: JobView) -> list[ui.ActionRow[ui.LayoutView]]:
    match view.job.work:
        case CreateWork():
            return _made_rows(view)
        case RenderWork():
            return _drawn_rows(view)
        case EvaluateWork():
            return _evaluated_rows(view)


def _evaluation_text(view: JobView) -> str:
    result = view.job.result
    found = summary(result.figures, result.looks) if result is not None else []
    return "\n".join([say("### {who}: evaluation", who=_who(view)), *found])


def _character_text(view: JobView, work: CreateWork) -> str:
    scores = view.job.result.scores if view.job.result is not None else {}
    lines = [say("### {who} is ready", who=_who(view)), prose.shown(work.identity, longest=1000)]
    if "identity" in scores:
        lines.append(say("Identity: {score}", score=prose.steadiness(scores["identity"])))
    if view.not_drawn:
        lines.append(say("-# Words that cannot be drawn: {words}", words=prose.listed(view.not_drawn)))
    return "\n".join(lines)


def _picture_text(view: JobView, work: RenderWork) -> str:
    lines = [f"### {_who(view)}", prose.shown(work.prompt, longest=1000)]
    if view.not_drawn:
        lines.append(say("-# Words that cannot be drawn: {words}", words=prose.listed(view.not_drawn)))
    return "\n".join(lines)


def _withheld_text(view: JobView) -> str:
    many = view.withheld
    return say(
        "-# Withheld: {count}. The classifier takes this for sexual content; the server's log has it.",
        count=many,
    )


def _gallery(view: JobView, files: tuple[Upload, ...]) -> ui.MediaGallery[ui.LayoutView]:
    who = " + ".join(view.names) or say("A picture")
    said = asked(view.job.work)
    many = len(files) > 1
    items = [
        discord.MediaGalleryItem(
            f"attachment://{one.name}",
            description=f"{who}: {said}"[:_LONGEST_ALT] + (f" ({number}/{len(files)})" if many else ""),
            spoiler=view.is_covered,
        )
        for number, one in enumerate(files, start=1)
    ]
    return ui.MediaGallery(*items)


def _drawn_rows(view: JobView) -> list[ui.ActionRow[ui.LayoutView]]:
    job_id = view.job.id
    spoiler = say("Uncover") if view.is_covered else say("Spoiler")
    first = [
        RowButton("job", job_id, "again", label=say("Again"), style=discord.ButtonStyle.primary),
        RowButton("job", job_id, "vary", label=say("Vary")),
        RowButton("job", job_id, "edit", label=say("Edit prompt")),
        RowButton("job", job_id, "details", label=say("Details")),
    ]
    second = [RowButton("job", job_id, "spoiler", label=spoiler)]
    if view.server_id is not None:
        second.append(RowButton("job", job_id, "share", label=say("Share character")))
    second.append(RowButton("job", job_id, "delete", label=say("Delete"), style=discord.ButtonStyle.danger))
    return [button_row(*first), button_row(*second)]


def _evaluated_rows(view: JobView) -> list[ui.ActionRow[ui.LayoutView]]:
    job_id = view.job.id
    again = RowButton("job", job_id, "again", label=say("Again"), style=discord.ButtonStyle.primary)
    details = RowButton("job", job_id, "details", label=say("Details"))
    delete = RowButton("job", job_id, "delete", label=say("Delete"), style=discord.ButtonStyle.danger)
    return [button_row(again, details, delete)]


def _made_rows(view: JobView) -> list[ui.ActionRow[ui.LayoutView]]:
    job_id = view.job.id
    buttons = [
        RowButton("job", job_id, "draw", label=say("Draw"), style=discord.ButtonStyle.primary),
        RowButton("job", job_id, "details", label=say("Details")),
    ]
    if view.server_id is not None:
        buttons.append(RowButton("job", job_id, "share", label=say("Share character")))
    return [button_row(*buttons)]
