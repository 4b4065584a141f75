"""Characters as cards."""

from collections.abc import Sequence

import discord
from discord import ui

from bot import prose
from bot.buttons import RowButton, button_row
from bot.posting import Card
from bot.service.characters import CharacterView
from bot.uploads import Upload

_LISTED = 40
_STATES = {"draft": "being made", "ready": "ready", "failed": "could not be made"}


def list_card(views: Sequence[CharacterView]) -> Card:
    """Return one's own characters as a list."""
    if not views:
        return _text("You have no characters yet. Make one: **/character create**")
    lines = [
        f"**{prose.shown(one.name)}**: {_STATES[one.state]}, {prose.shown(one.description, longest=60)}"
        for one in views[:_LISTED]
    ]
    more = [f"-# and {len(views) - _LISTED} more"] if len(views) > _LISTED else []
    return _text("\n".join(["### Your characters", *lines, *more]))


def show_card(view: CharacterView, portrait: bytes | None) -> Card:
    """Return everything that people may know about a character."""
    lines = [f"### {prose.shown(view.name)}", prose.shown(view.description, longest=1000)]
    lines += [f"Style: {prose.shown(view.style)}"] if view.style else []
    lines += [f"Identity: {prose.steadiness(view.identity)}"] if view.identity is not None else []
    if view.access is not None:
        rights = "draw and export" if view.access == "remix" else "draw"
        lines.append(f"Shared here: everyone may {rights} it")
    made = f"revision {view.revision}, by <@{view.owner_id}>, {prose.soon(view.created_at)}"
    lines.append(f"-# {_STATES[view.state]}, {made}")
    box: ui.Container[ui.LayoutView] = ui.Container(ui.TextDisplay("\n".join(lines)))
    files: tuple[Upload, ...] = ()
    if portrait is not None:
        files = (Upload(name="portrait.png", data=portrait),)
        said = f"{view.name}: {view.description}"[:1000]
        box.add_item(ui.MediaGallery(discord.MediaGalleryItem("attachment://portrait.png", description=said)))
        draw = RowButton("character", view.id, "draw", label="Draw", style=discord.ButtonStyle.primary)
        box.add_item(button_row(draw))
    layout = ui.LayoutView(timeout=None)
    layout.add_item(box)
    return Card(view=layout, files=files)


def confirm_card(view: CharacterView) -> Card:
    """Return the question whether a character is to be deleted."""
    yes = RowButton("character", view.id, "delete", label="Delete", style=discord.ButtonStyle.danger)
    no = RowButton("character", view.id, "keep", label="Keep")
    return _text(
        f"Delete **{prose.shown(view.name)}**, here and in every server? Pictures that were posted stay.",
        yes,
        no,
    )


def deleted_card(name: str) -> Card:
    """Return that a character is gone."""
    return _text(f"**{prose.shown(name)}** is deleted.")


def kept_card() -> Card:
    """Return that nothing happened."""
    return _text("Nothing is deleted.")


def text_card(words: str) -> Card:
    """Return words of our own."""
    return _text(words)


def _text(words: str, *buttons: RowButton) -> Card:
    layout = ui.LayoutView(timeout=None)
    layout.add_item(ui.TextDisplay(words))
    if buttons:
        layout.add_item(button_row(*buttons))
    return Card(view=layout)
