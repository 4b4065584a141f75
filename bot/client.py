"""The Discord client: its commands, its buttons, its one way to tell of errors. Knows no feature."""

import hashlib
import json

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.answering import apologise
from bot.buttons import Handler, RowButton, take_form
from bot.tongue import speak


class Tree(app_commands.CommandTree[commands.Bot]):
    """The commands."""

    async def interaction_check(self, interaction: discord.Interaction[commands.Bot], /) -> bool:
        """Speak the person's language; everybody may ask."""
        speak(str(interaction.locale))
        return True

    async def on_error(
        self, interaction: discord.Interaction[commands.Bot], error: app_commands.AppCommandError, /
    ) -> None:
        """Tell the person."""
        if interaction.type is not discord.InteractionType.autocomplete:
            await apologise(interaction, error)


class BotClient(commands.Bot):
    """A client without privileged intents, that never mentions anybody.

    Attributes:
        presses: What each button does, by its kind and verb; likewise `forms`.
    """

    def __init__(self, *, connector: aiohttp.BaseConnector | None = None) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=True
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            connector=connector,
        )
        self.presses: dict[str, Handler] = {}
        self.forms: dict[str, Handler] = {}
        self.add_dynamic_items(RowButton)
        self.add_listener(take_form, "on_interaction")

    def command_digest(self) -> str:
        """Return what changes when the commands, or the application, do."""
        bodies = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        bodies += [
            menu.to_dict(self.tree)
            for kind in (discord.AppCommandType.user, discord.AppCommandType.message)
            for menu in self.tree.get_commands(type=kind)
        ]
        text = json.dumps([self.application_id, bodies], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()
