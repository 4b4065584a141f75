"""Characters as cards."""

from collections.abc import Sequence

import discord
from discord import ui

from bot import prose
from bot.buttons import RowButton, button_row
from bot.posting import Card
from bot.service.characters import CharacterView
from bot.tongue import mark, say
from bot.uploads import Upload

_LISTED = 40
_STATES = {"draft": mark("being made"), "ready": mark("ready"), "failed": mark("could not be made")}


def list_card(views: Sequence[CharacterView]) -> Card:
    """Return one's own characters as a list."""
    if not views:
        return _text(say("You have no characters yet. Make one: **/character create**"))
    lines = [
        f"**{prose.shown(one.name)}**: {say(_STATES[one.state])}, {prose.shown(one.description, longest=60)}"
        for one in views[:_LISTED]
    ]
    more = [say("-# and {count} more", count=len(views) - _LISTED)] if len(views) > _LISTED else []
    return _text("\n".join([say("### Your characters"), *lines, *more]))


def show_card(view: CharacterView, portrait: bytes | None) -> Card:
    """Return everything that people may know about a character."""
    lines = [f"### {prose.shown(view.name)}", prose.shown(view.description, longest=1000)]
    lines += [say("Style: {style}", style=prose.shown(view.style))] if view.style else []
    lines += (
        [say("Identity: {score}", score=prose.steadiness(view.identity))] if view.identity is not None else []
    )
    if view.access is not None:
        shared = mark("Shared here: everyone may draw it")
        remixed = mark("Shared here: everyone may draw and export it")
        lines.append(say(remixed if view.access == "remix" else shared))
    made = say(
        "revision {number}, by {who}, {when}",
        number=view.revision,
        who=f"<@{view.owner_id}>",
        when=prose.soon(view.created_at),
    )
    lines.append(f"-# {say(_STATES[view.state])}, {made}")
    box: ui.Container[ui.LayoutView] = ui.Container(ui.TextDisplay("\n".join(lines)))
    files: tuple[Upload, ...] = ()
    if portrait is not None:
        files = (Upload(name="portrait.png", data=portrait),)
        said = f"{view.name}: {view.description}"[:1000]
        box.add_item(ui.MediaGallery(discord.MediaGalleryItem("attachment://portrait.png", description=said)))
        draw = RowButton("character", view.id, "draw", label=say("Draw"), style=discord.ButtonStyle.primary)
        box.add_item(button_row(draw))
    layout = ui.LayoutView(timeout=None)
    layout.add_item(box)
    return Card(view=layout, files=files)


def confirm_card(view: CharacterView) -> Card:
    """Return the question whether a character is to be deleted."""
    yes = RowButton("character", view.id, "delete", label=say("Delete"), style=discord.ButtonStyle.danger)
    no = RowButton("character", view.id, "keep", label=say("Keep"))
    return _text(
        say(
            "Delete **{name}**, here and in every server? Pictures that were posted stay.",
            name=prose.shown(view.name),
        ),
        yes,
        no,
    )


def deleted_card(name: str) -> Card:
    """Return that a character is gone."""
    return _text(say("**{name}** is deleted.", name=prose.shown(name)))


def kept_card() -> Card:
    """Return that nothing happened."""
    return _text(say("Nothing is deleted."))


def text_card(words: str) -> Card:
    """Return words of our own."""
    return _text(words)


def _text(words: str, *buttons: RowButton) -> Card:
    layout = ui.LayoutView(timeout=None)
    layout.add_item(ui.TextDisplay(words))
    if buttons:
        layout.add_item(button_row(*buttons))
    return Card(view=layout)
