"""Help as text, made from the commands themselves."""

from collections.abc import Sequence

from discord import app_commands

from bot.coordinator.client import CoordinatorHealth
from bot.tongue import say

_LONGEST = 1900


def help_text(commands: Sequence[object]) -> str:
    """Return every command with what it does."""
    lines = [
        say("### What I can do"),
        say("Describe a character in words; I learn it and draw it, always the same."),
    ]
    for command in commands:
        if isinstance(command, app_commands.Group):
            inside = ", ".join(one.name for one in command.commands)
            lines.append(f"**/{command.name}** {say(command.description)} ({inside})")
        elif isinstance(command, app_commands.Command):
            lines.append(f"**/{command.name}** {say(command.description)}")
    return "\n".join(lines)[:_LONGEST]


def about_text(health: CoordinatorHealth, *, version: str, servers: int) -> str:
    """Return what runs here."""
    model = say("not loaded yet")
    if health.is_ready:
        model = say("{model} on {device}", model=health.model_id, device=health.device)
    return "\n".join(
        [
            say("### About"),
            say(
                "SynID bot {version}, on its owner's own machine; nothing is sent to other services.",
                version=version,
            ),
            say("Model: {model}", model=model),
            say(
                "Requests: {in_work} in work, {waiting} waiting",
                in_work=health.in_engine,
                waiting=health.queued,
            ),
            say("Servers: {count}", count=servers),
            say(
                "Your data: **/privacy export** and **/privacy delete**. "
                "Nothing that you write trains a model."
            ),
        ]
    )
