"""What autocomplete offers: names and styles, from memory, never an error."""

import discord
from discord import app_commands

from bot.asked import asked
from bot.place import place_of
from bot.service.names import MOST_OFFERED, Offered
from bot.service.service import Service
from bot.tongue import translated

_LONGEST = 100
Choices = list[app_commands.Choice[str]]


class Offers:
    """Answers while somebody types."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def own(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer one's own characters."""
        return _choices(await self._service.names.own(interaction.user.id, typed))

    async def drawable(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer the characters that can be drawn here."""
        place = place_of(interaction)
        return _choices(await self._service.names.drawable(place.owner_id, place.server_id, typed))

    async def styles(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer the art styles that the base model knows."""
        del interaction
        fitting = [one for one in self._service.words.styles if typed.casefold() in one.casefold()]
        return _choices([Offered(label=one, value=one) for one in fitting])

    async def declared(self, interaction: discord.Interaction, typed: str, *, option: str) -> Choices:
        """Offer the names that the base model declares for an option, in the person's language."""
        del interaction
        named = [
            Offered(label=translated(one), value=one)
            for one in self._service.words.repertoire.choices()[option]
        ]
        return _choices([one for one in named if typed.casefold() in f"{one.label}\n{one.value}".casefold()])

    async def unfinished(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer one's own unfinished requests."""
        jobs = await self._service.jobs.unfinished(interaction.user.id)
        offered = [Offered(label=f"{job.id}: {asked(job.work)}", value=str(job.id)) for job in jobs]
        return _choices([one for one in offered if typed.casefold() in one.label.casefold()])


def _choices(offered: list[Offered]) -> Choices:
    return [
        app_commands.Choice(name=one.label[:_LONGEST], value=one.value[:_LONGEST])
        for one in offered[:MOST_OFFERED]
    ]
