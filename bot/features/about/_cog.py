"""`/help`, `/about`: parse, submit, present."""

from importlib import metadata

import discord
from discord import app_commands
from discord.ext import commands

from bot.features.about._present import about_text, help_text
from bot.place import begin
from bot.service.service import Service


class AboutCog(commands.Cog):
    """Tells what the bot is."""

    def __init__(self, service: Service, client: commands.Bot) -> None:
        self._service = service
        self._client = client

    @app_commands.command(name="help", description="What this bot can do.")
    async def help(self, interaction: discord.Interaction) -> None:
        """Tell what the bot can do."""
        found = sorted(self._client.tree.get_commands(), key=lambda command: command.name)
        await interaction.response.send_message(help_text(found), ephemeral=True)

    @app_commands.command(name="about", description="What runs here.")
    async def about(self, interaction: discord.Interaction) -> None:
        """Tell what runs here."""
        await begin(interaction, hidden=True)
        words = about_text(
            await self._service.jobs.health(),
            version=metadata.version("synid-bot"),
            servers=len(self._client.guilds),
        )
        await interaction.edit_original_response(content=words)
