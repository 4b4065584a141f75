"""Help as text, made from the commands themselves."""

from collections.abc import Sequence

from discord import app_commands

from bot.coordinator.client import CoordinatorHealth

_LONGEST = 1900


def help_text(commands: Sequence[object]) -> str:
    """Return every command with what it does."""
    lines = ["### What I can do", "Describe a character in words; I learn it and draw it, always the same."]
    for command in commands:
        if isinstance(command, app_commands.Group):
            inside = ", ".join(one.name for one in command.commands)
            lines.append(f"**/{command.name}** {command.description} ({inside})")
        elif isinstance(command, app_commands.Command):
            lines.append(f"**/{command.name}** {command.description}")
    return "\n".join(lines)[:_LONGEST]


def about_text(health: CoordinatorHealth, *, version: str, servers: int) -> str:
    """Return what runs here."""
    model = f"{health.model_id} on {health.device}" if health.is_ready else "not loaded yet"
    return "\n".join(
        [
            "### About",
            f"SynID bot {version}, on its owner's own machine; nothing is sent to other services.",
            f"Model: {model}",
            f"Requests: {health.in_engine} in work, {health.queued} waiting",
            f"Servers: {servers}",
            "Your data: **/privacy export** and **/privacy delete**. Nothing that you write trains a model.",
        ]
    )
