"""Questions and answers about a person's data."""

import discord
from discord import ui

from bot.buttons import RowButton, button_row
from bot.posting import Card


def question_card(owner_id: int) -> Card:
    """Ask whether everything is to be removed."""
    yes = RowButton("privacy", owner_id, "erase", label="Delete all", style=discord.ButtonStyle.danger)
    no = RowButton("privacy", owner_id, "keep", label="Keep")
    words = (
        "Delete all your characters, pictures, requests and settings, in every server? Unfinished requests "
        "are cancelled. Messages that are posted stay until you delete them."
    )
    return _card(words, yes, no)


def erased_card(characters: int, images: int) -> Card:
    """Tell that everything is gone."""
    return _card(f"Everything is deleted: {characters} characters, {images} pictures, and all records.")


def kept_card() -> Card:
    """Tell that nothing happened."""
    return _card("Nothing is deleted.")


def _card(words: str, *buttons: RowButton) -> Card:
    layout = ui.LayoutView(timeout=None)
    layout.add_item(ui.TextDisplay(words))
    if buttons:
        layout.add_item(button_row(*buttons))
    return Card(view=layout)
