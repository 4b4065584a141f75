"""`/roster` and the turning of its pages: parse, submit, present."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.buttons import Handler, Press
from bot.chat_errors import NotInServerError
from bot.features.roster._present import page_of, roster_card
from bot.place import Place, begin, place_of
from bot.posting import Card
from bot.service.service import Service


class RosterCog(commands.Cog):
    """Shows what a server shares."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def presses(self) -> dict[str, Handler]:
        """Return what each button does."""
        return {"roster:page": self.turn}

    @app_commands.command(name="roster", description="Show the characters of this server.")
    @app_commands.allowed_contexts(guilds=True)
    @app_commands.allowed_installs(guilds=True)
    async def roster(self, interaction: discord.Interaction) -> None:
        """Show the first page."""
        card = await self._page(await begin(interaction), 0)
        await interaction.edit_original_response(view=card.view, attachments=card.as_files())

    async def turn(self, interaction: discord.Interaction, press: Press) -> None:
        """Show another page."""
        await interaction.response.defer()
        place = place_of(interaction)
        if place.server_id != press.row:
            raise NotInServerError
        card = await self._page(place, press.rest[0])
        await interaction.edit_original_response(view=card.view, attachments=card.as_files())

    async def _page(self, place: Place, number: int) -> Card:
        characters = self._service.characters
        views = await characters.roster(place)
        _, shown = page_of(views, number)
        found = {one.id: await characters.portrait(one) for one in shown}
        portraits = {key: data for key, data in found.items() if data is not None}
        return roster_card(place.server_id or 0, views, number, portraits)
