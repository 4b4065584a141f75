"""`/queue`, `/cancel`, `/recent`: parse, submit, present."""

import time

import discord
from discord import app_commands
from discord.ext import commands

from bot.features.picture import outcome_card
from bot.features.queue._present import Waiting, cancelled_text, queue_text
from bot.offers import Choices, Offers
from bot.place import begin
from bot.service.service import Service
from bot.tongue import mark, say
from synid_engine.errors import InvalidSettingError

_MOST_FETCHED = 4
_LONGEST_NUMBER = 18


class QueueCog(commands.Cog):
    """Shows what is under way, ends it, and hands out what could not be delivered."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._offers = Offers(service)

    @app_commands.command(name="queue", description="Show your place in the queue.")
    async def queue(self, interaction: discord.Interaction) -> None:
        """Show one's own unfinished requests."""
        await begin(interaction, hidden=True)
        jobs = self._service.jobs
        waiting = [
            Waiting(view=await jobs.view(job), expected=await jobs.expectation(job.id))
            for job in await jobs.unfinished(interaction.user.id)
        ]
        words = queue_text(waiting, await jobs.health(), now=time.time())
        await interaction.edit_original_response(content=words)

    @app_commands.command(name="cancel", description="Cancel one of your requests, by default the newest.")
    @app_commands.describe(request="Which one")
    async def cancel(
        self, interaction: discord.Interaction, request: app_commands.Range[str, 0, 100] = ""
    ) -> None:
        """Cancel a request."""
        place = await begin(interaction, hidden=True)
        job = await self._service.jobs.cancel(place, _number(request))
        await interaction.edit_original_response(content=cancelled_text(await self._service.jobs.view(job)))

    @cancel.autocomplete("request")
    async def offer_requests(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer one's own unfinished requests."""
        return await self._offers.unfinished(interaction, typed)

    @app_commands.command(name="recent", description="Get results that could not be delivered.")
    async def recent(self, interaction: discord.Interaction) -> None:
        """Hand out what could not be delivered."""
        place = await begin(interaction, hidden=True)
        kept = await self._service.chats.kept(place.owner_id, limit=_MOST_FETCHED + 1)
        if not kept:
            await interaction.edit_original_response(content=say("There is nothing that you have not seen."))
            return
        for number, job in enumerate(kept[:_MOST_FETCHED]):
            card = outcome_card(
                await self._service.jobs.view(job),
                await self._service.pictures.files(job, limit=place.upload_limit),
            )
            if number:
                await interaction.followup.send(view=card.view, files=card.as_files(), ephemeral=True)
            else:
                await interaction.edit_original_response(view=card.view, attachments=card.as_files())
            await self._service.chats.fetched(job)
        if len(kept) > _MOST_FETCHED:
            await interaction.followup.send(say("There is more: call /recent again."), ephemeral=True)


def _number(request: str) -> int | None:
    digits = request.partition(":")[0].strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > _LONGEST_NUMBER:
        raise InvalidSettingError(field="request", value=request, allowed=mark("one of those offered"))
    return int(digits)
