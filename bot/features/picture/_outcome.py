"""What came of a job, as a card."""

import discord
from discord import ui

from bot import prose
from bot.answering import as_sentence
from bot.buttons import RowButton, button_row
from bot.posting import Card
from bot.service.jobs import JobView
from bot.uploads import Upload
from synid_engine.serving.messages import CreateWork, JobState, RenderWork

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
    if isinstance(job.work, CreateWork):
        box.add_item(ui.TextDisplay(_character_text(view, job.work)))
    else:
        box.add_item(ui.TextDisplay(_picture_text(view, job.work)))
    if files:
        box.add_item(_gallery(view, files))
    elif not view.withheld:
        box.add_item(ui.TextDisplay("The pictures do not fit into a message here."))
    if view.withheld:
        box.add_item(ui.TextDisplay(_withheld_text(view)))
    if asked_by is not None:
        box.add_item(ui.TextDisplay(f"-# asked for by <@{asked_by}>"))
    for row in _made_rows(view) if isinstance(job.work, CreateWork) else _drawn_rows(view):
        box.add_item(row)
    layout.add_item(box)
    return Card(view=layout, files=files)


def details_text(view: JobView) -> str:
    """Return everything that is known about a job's pictures."""
    job, work = view.job, view.job.work
    lines = [f"### {_who(view)}"]
    if isinstance(work, RenderWork):
        lines += [f"Prompt: {prose.shown(work.prompt, longest=1000)}"]
        lines += [f"Negative: {prose.shown(work.negative_prompt)}"] if work.negative_prompt else []
        lines += [f"Guidance: {work.guidance_scale:g}, steps: {work.num_inference_steps}"]
        lines += [f"Strength: {work.identity_scale:g}"] if work.identity_scale is not None else []
        described, styles = work.descriptions, [one for one in work.styles if one]
    else:
        described, styles = (work.identity,), [work.style] if work.style else []
    lines += [f"Description: {prose.shown(one, longest=1000)}" for one in described]
    lines += [f"Style: {prose.shown(one)}" for one in styles]
    drawn = job.result.pictures if job.result is not None else ()
    seeds = [str(one.seed) for one in drawn] or [str(work.seed)]
    lines += [f"Seeds: {', '.join(dict.fromkeys(seeds))}", f"Engine time: {job.engine_ms / 1000:.1f} s"]
    if view.not_drawn:
        lines.append(f"Words that cannot be drawn: {prose.listed(view.not_drawn)}")
    lines.append(f"-# job {job.id}, {prose.soon(job.created_at)}")
    return "\n".join(lines)


def _failure(view: JobView) -> ui.Container[ui.LayoutView]:
    failure = view.job.failure
    words = as_sentence(prose.shown((failure.detail or failure.reason) if failure else "it did not work"))
    rows = [RowButton("job", view.job.id, "details", label="Details")]
    if isinstance(view.job.work, RenderWork):
        rows.insert(0, RowButton("job", view.job.id, "again", label="Try again"))
    return ui.Container(
        ui.TextDisplay(f"### {_who(view)} could not be drawn\n{words}"),
        button_row(*rows),
        accent_colour=discord.Colour.red(),
    )


def _who(view: JobView) -> str:
    return " and ".join(prose.shown(name) for name in view.names) or "A picture"


def _character_text(view: JobView, work: CreateWork) -> str:
    scores = view.job.result.scores if view.job.result is not None else {}
    lines = [f"### {_who(view)} is ready", prose.shown(work.identity, longest=1000)]
    if "identity" in scores:
        lines.append(f"Identity: {prose.steadiness(scores['identity'])}")
    if view.not_drawn:
        lines.append(f"-# Words that cannot be drawn: {prose.listed(view.not_drawn)}")
    return "\n".join(lines)


def _picture_text(view: JobView, work: RenderWork) -> str:
    lines = [f"### {_who(view)}", prose.shown(work.prompt, longest=1000)]
    if view.not_drawn:
        lines.append(f"-# Words that cannot be drawn: {prose.listed(view.not_drawn)}")
    return "\n".join(lines)


def _withheld_text(view: JobView) -> str:
    many = view.withheld
    return f"-# Withheld: {many}. The classifier takes this for sexual content; the server's log has it."


def _gallery(view: JobView, files: tuple[Upload, ...]) -> ui.MediaGallery[ui.LayoutView]:
    work = view.job.work
    who = " and ".join(view.names) or "A picture"
    said = work.identity if isinstance(work, CreateWork) else work.prompt
    many = len(files) > 1
    items = [
        discord.MediaGalleryItem(
            f"attachment://{one.name}",
            description=f"{who}: {said}"[:_LONGEST_ALT] + (f" ({number} of {len(files)})" if many else ""),
            spoiler=view.is_covered,
        )
        for number, one in enumerate(files, start=1)
    ]
    return ui.MediaGallery(*items)


def _drawn_rows(view: JobView) -> list[ui.ActionRow[ui.LayoutView]]:
    job_id = view.job.id
    spoiler = "Uncover" if view.is_covered else "Spoiler"
    first = [
        RowButton("job", job_id, "again", label="Again", style=discord.ButtonStyle.primary),
        RowButton("job", job_id, "vary", label="Vary"),
        RowButton("job", job_id, "edit", label="Edit prompt"),
        RowButton("job", job_id, "details", label="Details"),
    ]
    second = [RowButton("job", job_id, "spoiler", label=spoiler)]
    if view.server_id is not None:
        second.append(RowButton("job", job_id, "share", label="Share character"))
    second.append(RowButton("job", job_id, "delete", label="Delete", style=discord.ButtonStyle.danger))
    return [button_row(*first), button_row(*second)]


def _made_rows(view: JobView) -> list[ui.ActionRow[ui.LayoutView]]:
    job_id = view.job.id
    buttons = [
        RowButton("job", job_id, "draw", label="Draw", style=discord.ButtonStyle.primary),
        RowButton("job", job_id, "details", label="Details"),
    ]
    if view.server_id is not None:
        buttons.append(RowButton("job", job_id, "share", label="Share character"))
    return [button_row(*buttons)]
