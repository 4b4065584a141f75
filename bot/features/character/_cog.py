"""`/character`: parse, submit, present."""

import io
from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot import prose
from bot.downloads import downloaded
from bot.features.character import _present
from bot.features.picture import shared_text
from bot.follow import Follow
from bot.offers import Choices, Offers
from bot.place import begin
from bot.policy import LONGEST_PROMPT
from bot.posting import Card
from bot.requests import LARGEST_CHAT_SEED
from bot.service.service import Service
from bot.service.wishes import CreateWish
from bot.tongue import say

Name = app_commands.Range[str, 1, 60]
Text = app_commands.Range[str, 1, LONGEST_PROMPT]
Style = app_commands.Range[str, 0, 60]
Seed = app_commands.Range[int, 0, LARGEST_CHAT_SEED]


class CharacterCog(commands.GroupCog, group_name="character", group_description="Make characters."):
    """Makes characters and looks after them."""

    def __init__(self, service: Service, follow: Follow) -> None:
        self._service = service
        self._follow = follow
        self._offers = Offers(service)

    @app_commands.command(description="Make a character from words.")
    @app_commands.describe(
        name="What it is called",
        description="The character in words",
        style="Art style; by default the description's",
        pick="Who picks the portrait among four",
        seed="The same seed and words make the same character",
    )
    async def create(
        self,
        interaction: discord.Interaction,
        name: Name,
        description: Text,
        style: Style = "",
        pick: Literal["me", "auto"] = "me",
        seed: Seed | None = None,
    ) -> None:
        """Make a character."""
        place = await begin(interaction)
        wish = CreateWish(name=name, description=description, style=style, ask=pick == "me", seed=seed)
        self._follow(await self._service.jobs.create(place, wish))

    @app_commands.command(description="Make one of your characters anew from other words.")
    @app_commands.describe(name="Which one", description="The character in words", style="Art style")
    async def revise(
        self, interaction: discord.Interaction, name: Name, description: Text, style: Style = ""
    ) -> None:
        """Make a character anew."""
        place = await begin(interaction)
        view = await self._service.characters.own_named(place, name)
        wish = CreateWish(name=view.name, description=description, style=style or view.style)
        self._follow(await self._service.jobs.create(place, wish, revises=view.id))

    @app_commands.command(description="Measure how steady a character is, with eight pictures.")
    @app_commands.describe(name="Yours, or one of this server's")
    async def evaluate(self, interaction: discord.Interaction, name: Name) -> None:
        """Evaluate a character."""
        place = await begin(interaction)
        self._follow(await self._service.jobs.evaluate(place, name))

    @app_commands.command(name="list", description="List your characters.")
    async def list_own(self, interaction: discord.Interaction) -> None:
        """List one's own characters."""
        await begin(interaction, hidden=True)
        views = await self._service.characters.own(interaction.user.id)
        await _show(interaction, _present.list_card(views))

    @app_commands.command(description="Show a character.")
    @app_commands.describe(name="Yours, or one of this server's")
    async def show(self, interaction: discord.Interaction, name: Name) -> None:
        """Show a character."""
        place = await begin(interaction)
        view = await self._service.characters.find(place, name)
        await _show(interaction, _present.show_card(view, await self._service.characters.portrait(view)))

    @app_commands.command(description="Give one of your characters another name.")
    @app_commands.describe(name="Which one", new_name="What it is called from now on")
    async def rename(self, interaction: discord.Interaction, name: Name, new_name: Name) -> None:
        """Rename a character."""
        place = await begin(interaction, hidden=True)
        view = await self._service.characters.rename(place, name, new_name)
        await _show(
            interaction, _present.text_card(say("It is called **{name}** now.", name=prose.shown(view.name)))
        )

    @app_commands.command(description="Delete one of your characters.")
    @app_commands.describe(name="Which one")
    async def delete(self, interaction: discord.Interaction, name: Name) -> None:
        """Ask whether to delete a character."""
        place = await begin(interaction, hidden=True)
        view = await self._service.characters.own_named(place, name)
        await _show(interaction, _present.confirm_card(view))

    @app_commands.command(name="export", description="Get a character as a file.")
    @app_commands.describe(name="Which one")
    async def export(self, interaction: discord.Interaction, name: Name) -> None:
        """Hand out a character."""
        place = await begin(interaction, hidden=True)
        upload = await self._service.files.export(place, name)
        file = discord.File(io.BytesIO(upload.data), filename=upload.name)
        await interaction.edit_original_response(attachments=[file])

    @app_commands.command(name="import", description="Make a character of a file.")
    @app_commands.describe(file="What /character export gave", name="Another name for it")
    async def import_(
        self, interaction: discord.Interaction, file: discord.Attachment, name: Name | None = None
    ) -> None:
        """Take a character in."""
        place = await begin(interaction, hidden=True)
        data = await downloaded(file, limit=self._service.files.most_bytes)
        view = await self._service.files.import_(place, data, name=name)
        await _show(interaction, _present.show_card(view, await self._service.characters.portrait(view)))

    @app_commands.command(description="Let this server draw one of your characters.")
    @app_commands.describe(name="Which one", rights="What the members may do with it")
    async def share(
        self,
        interaction: discord.Interaction,
        name: Name,
        rights: Literal["draw", "draw and export"] = "draw",
    ) -> None:
        """Share a character."""
        place = await begin(interaction, hidden=True)
        view = await self._service.characters.share(place, name, "use" if rights == "draw" else "remix")
        await _show(interaction, _present.text_card(shared_text(view.name)))

    @app_commands.command(description="Take a character out of this server's roster.")
    @app_commands.describe(name="Which one")
    async def unshare(self, interaction: discord.Interaction, name: Name) -> None:
        """Take a shared character back."""
        place = await begin(interaction, hidden=True)
        was_there = await self._service.characters.unshare(place, name)
        words = (
            say("It is not in this server's roster any more.")
            if was_there
            else say("It was not in this server's roster.")
        )
        await _show(interaction, _present.text_card(words))

    @revise.autocomplete("name")
    @rename.autocomplete("name")
    @delete.autocomplete("name")
    @share.autocomplete("name")
    async def offer_own(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer one's own characters."""
        return await self._offers.own(interaction, typed)

    @evaluate.autocomplete("name")
    @show.autocomplete("name")
    @export.autocomplete("name")
    @unshare.autocomplete("name")
    async def offer_drawable(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer what can be drawn here."""
        return await self._offers.drawable(interaction, typed)

    @create.autocomplete("style")
    @revise.autocomplete("style")
    async def offer_styles(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer art styles."""
        return await self._offers.styles(interaction, typed)


async def _show(interaction: discord.Interaction, card: Card) -> None:
    await interaction.edit_original_response(view=card.view, attachments=card.as_files())
