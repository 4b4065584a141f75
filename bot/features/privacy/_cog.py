"""`/privacy` and its buttons: parse, submit, present."""

import io

import discord
from discord import app_commands
from discord.ext import commands

from bot.buttons import Handler, Press
from bot.chat_errors import NotYoursError
from bot.features.privacy._present import erased_card, kept_card, question_card
from bot.place import begin
from bot.service.service import Service
from bot.tongue import mark


class PrivacyCog(commands.GroupCog, group_name="privacy", group_description="Your data."):
    """Hands out and removes a person's data."""

    def __init__(self, service: Service) -> None:
        self._privacy = service.privacy

    def presses(self) -> dict[str, Handler]:
        """Return what each button does."""
        return {"privacy:erase": self.erase, "privacy:keep": self.keep}

    @app_commands.command(description="Get everything that is stored about you.")
    async def export(self, interaction: discord.Interaction) -> None:
        """Hand out a person's data."""
        upload = await self._privacy.export(await begin(interaction, hidden=True))
        file = discord.File(io.BytesIO(upload.data), filename=upload.name)
        await interaction.edit_original_response(attachments=[file])

    @app_commands.command(description="Delete everything that is stored about you.")
    async def delete(self, interaction: discord.Interaction) -> None:
        """Ask whether to remove a person's data."""
        await begin(interaction, hidden=True)
        await interaction.edit_original_response(view=question_card(interaction.user.id).view)

    async def erase(self, interaction: discord.Interaction, press: Press) -> None:
        """Remove a person's data, after all."""
        if press.row != interaction.user.id:
            raise NotYoursError(what=mark("deleting this data"))
        await interaction.response.defer()
        erased = await self._privacy.delete(interaction.user.id)
        await interaction.edit_original_response(view=erased_card(erased.characters, erased.images).view)

    async def keep(self, interaction: discord.Interaction, press: Press) -> None:
        """Remove nothing."""
        del press
        await interaction.response.edit_message(view=kept_card().view)
