"""`/settings`: parse, submit, present."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.features.settings._present import MOST_LOGGED, log_text, rules_text
from bot.place import begin
from bot.service.rules import Rules, admins_server
from bot.service.service import Service

_HIGHEST_LIMIT = 10
Channel = discord.TextChannel | discord.Thread | discord.VoiceChannel


@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_contexts(guilds=True)
@app_commands.allowed_installs(guilds=True)
class SettingsCog(commands.GroupCog, group_name="settings", group_description="Rules of this server."):
    """Sets a server's rules."""

    def __init__(self, service: Service) -> None:
        self._rules = service.rules
        self._gate = service.gate

    @app_commands.command(description="Show the rules.")
    async def show(self, interaction: discord.Interaction) -> None:
        """Show the rules."""
        place = await begin(interaction, hidden=True)
        await _show(interaction, await self._rules.shown(place))

    @app_commands.command(description="Open a channel to the bot; while none is opened, all are open.")
    @app_commands.describe(channel="Which one", is_open="Whether it is open")
    @app_commands.rename(is_open="open")
    async def channel(self, interaction: discord.Interaction, channel: Channel, *, is_open: bool) -> None:
        """Open or close a channel."""
        place = await begin(interaction, hidden=True)
        await _show(interaction, await self._rules.open_channel(place, channel.id, is_open=is_open))

    @app_commands.command(description="Ask for a role to use the bot; without one, everybody may.")
    @app_commands.describe(role="Which one")
    async def role(self, interaction: discord.Interaction, role: discord.Role | None = None) -> None:
        """Ask for a role."""
        place = await begin(interaction, hidden=True)
        await _show(interaction, await self._rules.ask_role(place, role.id if role else None))

    @app_commands.command(description="Limit the unfinished requests of a member.")
    @app_commands.describe(requests="How many; without a number it is the bot's own limit")
    async def limit(
        self,
        interaction: discord.Interaction,
        requests: app_commands.Range[int, 1, _HIGHEST_LIMIT] | None = None,
    ) -> None:
        """Limit requests."""
        place = await begin(interaction, hidden=True)
        await _show(interaction, await self._rules.limit(place, requests))

    @app_commands.command(description="Cover all pictures outside of age-restricted channels.")
    @app_commands.describe(always="Whether all are covered")
    async def spoilers(self, interaction: discord.Interaction, *, always: bool) -> None:
        """Cover pictures."""
        place = await begin(interaction, hidden=True)
        await _show(interaction, await self._rules.cover(place, covers=always))

    @app_commands.command(description="Show what was refused or withheld in this server.")
    async def log(self, interaction: discord.Interaction) -> None:
        """Show the log of moderation."""
        place = await begin(interaction, hidden=True)
        entries = await self._gate.noted(admins_server(place), limit=MOST_LOGGED)
        await interaction.edit_original_response(content=log_text(entries))

    @app_commands.command(description="Forget every rule.")
    async def reset(self, interaction: discord.Interaction) -> None:
        """Forget the rules."""
        place = await begin(interaction, hidden=True)
        await _show(interaction, await self._rules.reset(place))


async def _show(interaction: discord.Interaction, rules: Rules) -> None:
    await interaction.edit_original_response(content=rules_text(rules))
