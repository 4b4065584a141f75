"""The one way in which errors reach people: a clear sentence that only they see."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import aiohttp
import discord
from discord import app_commands

from bot.errors import sentence
from bot.tongue import say, speak
from synid_engine.errors import SynIDError

_LOG = logging.getLogger(__name__)
_TOO_LATE = frozenset({10062, 10015, 40060, 50027})  # nobody is listening any more
_LONGEST = 1900


@asynccontextmanager
async def answering(interaction: discord.Interaction) -> AsyncGenerator[None]:
    """Tell the person about whatever goes wrong in the block."""
    speak(str(interaction.locale))
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the handler of buttons and forms, as the tree's of commands
        await apologise(interaction, error)


async def apologise(interaction: discord.Interaction, error: Exception) -> None:
    """Tell a person what went wrong, in place of a reply that has not been given yet."""
    words = words_of(error)
    if words is None:
        return
    response = interaction.response
    with suppress(discord.HTTPException, aiohttp.ClientError):
        if not response.is_done():
            await response.send_message(words, ephemeral=True)
            return
        if response.type is discord.InteractionResponseType.deferred_channel_message:
            await interaction.delete_original_response()
        await interaction.followup.send(words, ephemeral=True)


def words_of(error: Exception) -> str | None:
    """Return what a person reads about an error, or None if nobody can be told; log what is not foreseen."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if isinstance(error, SynIDError):
        return as_sentence(sentence(error))
    if isinstance(error, app_commands.TransformerError):
        return say("That does not fit: {value}.", value=discord.utils.escape_mentions(str(error.value))[:100])
    if isinstance(error, app_commands.CheckFailure):
        return say("You may not do this here.")
    if isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return say("This command has changed; restart your Discord client and call it again.")
    if isinstance(error, discord.HTTPException) and error.code in _TOO_LATE:
        _LOG.warning("an interaction was answered too late: %s", error.code)
        return None
    _LOG.error("an interaction failed", exc_info=error)
    return say("Something went wrong. It is noted in the log; try again.")


def as_sentence(words: str) -> str:
    """Return words with a capital and a full stop, and nobody mentioned."""
    safe = discord.utils.escape_mentions(words)[:_LONGEST]
    return f"{safe[:1].upper()}{safe[1:].rstrip('.')}."
