"""What Discord itself shows of the commands, in its users' languages."""

import discord
from discord import app_commands

from bot.tongue import catalogue, tongue_of


class CommandTranslator(app_commands.Translator):
    """Translates what Discord itself shows of the commands; their names stay, so that help can name them."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return a description, or the name of a menu or a choice, in a locale; None leaves it English."""
        named = (
            app_commands.TranslationContextLocation.command_name,
            app_commands.TranslationContextLocation.group_name,
            app_commands.TranslationContextLocation.parameter_name,
        )
        is_menu = isinstance(context.data, app_commands.ContextMenu)
        if context.location in named and not is_menu:
            return None
        return catalogue(tongue_of(str(locale))).get(string.message)
