"""A roster as pages of a gallery."""

from collections.abc import Mapping, Sequence

import discord
from discord import ui

from bot import prose
from bot.buttons import RowButton, button_row
from bot.posting import Card
from bot.service.characters import CharacterView
from bot.uploads import Upload

PAGE = 5  # as many as buttons in a row
_RIGHTS = {"use": "everyone here may draw it", "remix": "everyone here may draw and export it"}
_LONGEST_LABEL = 70


def page_of(views: Sequence[CharacterView], page: int) -> tuple[int, Sequence[CharacterView]]:
    """Return the number of a page that exists, nearest to the one wanted, and what is on it."""
    last = max(0, (len(views) - 1) // PAGE)
    number = min(max(0, page), last)
    return number, views[number * PAGE : (number + 1) * PAGE]


def roster_card(
    server_id: int, views: Sequence[CharacterView], page: int, portraits: Mapping[int, bytes]
) -> Card:
    """Return one page.

    Args:
        server_id: Whose roster it is.
        views: All of it.
        page: From 0.
        portraits: By the numbers of the characters; what is missing is left out.
    """
    layout = ui.LayoutView(timeout=None)
    if not views:
        layout.add_item(ui.TextDisplay("This server has no characters yet. Share one: **/character share**"))
        return Card(view=layout)
    number, shown = page_of(views, page)
    box: ui.Container[ui.LayoutView] = ui.Container(ui.TextDisplay("\n".join(_lines(shown))))
    files = tuple(
        Upload(name=f"portrait-{one.id}.png", data=portraits[one.id]) for one in shown if one.id in portraits
    )
    if files:
        said = {one.id: f"{one.name}: {one.description}"[:1000] for one in shown if one.id in portraits}
        items = [
            discord.MediaGalleryItem(f"attachment://portrait-{key}.png", description=words)
            for key, words in said.items()
        ]
        box.add_item(ui.MediaGallery(*items))
    draws = [
        RowButton("character", one.id, "draw", label=f"Draw {one.name}"[:_LONGEST_LABEL]) for one in shown
    ]
    box.add_item(button_row(*draws))
    pages = page_of(views, len(views))[0] + 1
    if pages > 1:
        box.add_item(_turning(server_id, number, pages))
    layout.add_item(box)
    return Card(view=layout, files=files)


def _lines(views: Sequence[CharacterView]) -> list[str]:
    return ["### Characters of this server"] + [
        f"**{prose.shown(one.name)}** by <@{one.owner_id}>: {prose.shown(one.description, longest=100)}\n"
        f"-# {_RIGHTS[one.access or 'use']}"
        for one in views
    ]


def _turning(server_id: int, number: int, pages: int) -> ui.ActionRow[ui.LayoutView]:
    back = RowButton("roster", server_id, "page", max(0, number - 1), 0, label="Back", disabled=number == 0)
    ahead = RowButton("roster", server_id, "page", number + 1, 1, label="Next", disabled=number + 1 == pages)
    return button_row(back, ahead)
