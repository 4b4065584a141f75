"""Context menus on the bot's pictures."""

import discord
from discord import app_commands

from bot.chat_errors import NoPictureHereError
from bot.features.picture._outcome import details_text
from bot.follow import Follow
from bot.place import begin
from bot.posting import custom_ids
from bot.service.service import Service


class PictureMenus:
    """What can be done with a message of the bot's."""

    def __init__(self, service: Service, follow: Follow) -> None:
        self._service = service
        self._follow = follow

    def menus(self) -> list[app_commands.ContextMenu]:
        """Return the menus."""
        return [
            app_commands.ContextMenu(name="Draw this again", callback=self.again),
            app_commands.ContextMenu(name="Details of this picture", callback=self.details),
        ]

    async def again(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Draw a picture's character again."""
        place = await begin(interaction)
        self._follow(await self._service.jobs.again(place, job_of(interaction, message)))

    async def details(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Tell everything about a picture."""
        await begin(interaction, hidden=True)
        job = await self._service.jobs.get(job_of(interaction, message))
        await interaction.edit_original_response(content=details_text(await self._service.jobs.view(job)))


def job_of(interaction: discord.Interaction, message: discord.Message) -> int:
    """Return the job that a message is about.

    Raises:
        NoPictureHereError: It is about none.
    """
    own = interaction.client.user
    if own is not None and message.author.id == own.id:
        for custom_id in custom_ids(message):
            kind, _, rest = custom_id.partition(":")
            if kind == "job":
                return int(rest.partition(":")[0])
    raise NoPictureHereError
