"""Who may do what with the app: which installs an action counts for, and which commands a user is shown.

Source: discord-api-docs, interactions/application-commands, "Contexts" and "Installation Context".
"""

from bot.loopback.form import Json
from bot.loopback.interactions import (
    BOT_DIRECT_CONTEXT,
    GUILD_CONTEXT,
    OF_THE_GUILD,
    OF_THE_USER,
    PRIVATE_CONTEXT,
    context_of,
)
from bot.loopback.models import Channel, Command, User
from bot.loopback.permissions import ADMINISTRATOR, USE_APPLICATION_COMMANDS, VIEW_CHANNEL
from bot.loopback.world import World

_GUILD_INSTALL, _USER_INSTALL = 0, 1


class NotOfferedError(Exception):
    """The user's own client would not let them do this.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def installs(world: World, user: User, channel: Channel, kinds: list[int]) -> dict[str, str]:
    """Return who installed the app for what a user does in a place, as Discord writes it.

    Args:
        world: The state.
        user: Who acts.
        channel: Where.
        kinds: Installs that the command supports: 0 in guilds, 1 for users.

    Returns:
        "0" with the guild's id (or "0" in direct messages with the bot), "1" with the user's.
    """
    owners: dict[str, str] = {}
    guild = world.guild_of(channel)
    if _GUILD_INSTALL in kinds:
        if guild is not None and guild.has_commands:
            owners[OF_THE_GUILD] = str(guild.id)
        elif context_of(world, channel) == BOT_DIRECT_CONTEXT and world.shares_a_guild(user.id, world.bot_id):
            owners[OF_THE_GUILD] = "0"
    if _USER_INSTALL in kinds and user.id in world.installs:
        owners[OF_THE_USER] = str(user.id)
    return owners


def contexts_of(body: Json) -> list[int]:
    """Return where a command can be used."""
    if body.get("contexts") is not None:
        return body["contexts"]
    if body.get("dm_permission") is False:
        return [GUILD_CONTEXT]
    return [GUILD_CONTEXT, BOT_DIRECT_CONTEXT, PRIVATE_CONTEXT]


def refusal_of(world: World, user: User, channel: Channel, command: Command) -> str | None:
    """Return why a user is not shown a command in a place; None if they are."""
    body = command.body
    context = context_of(world, channel)
    kinds: list[int] = body.get("integration_types") or [_GUILD_INSTALL]
    if command.guild_id is not None and command.guild_id != channel.guild_id:
        return "it belongs to another server"
    if command.guild_id is None and context not in contexts_of(body):
        return "it is not offered in this kind of place"
    owners = installs(world, user, channel, [_GUILD_INSTALL] if command.guild_id else kinds)
    if not owners or (context == PRIVATE_CONTEXT and OF_THE_USER not in owners):
        return "the app is not installed for it"
    if body.get("nsfw") and not (
        user.is_adult and (channel.guild_id is None or world.is_age_restricted(channel))
    ):
        return "it is age-restricted"
    return _permission_refusal(world, user, channel, command, owners)


def _permission_refusal(
    world: World, user: User, channel: Channel, command: Command, owners: dict[str, str]
) -> str | None:
    held = world.permissions(channel, user.id)
    if not held & VIEW_CHANNEL:
        return "the channel is hidden"
    if not held & USE_APPLICATION_COMMANDS:
        return "the user may not use commands here"
    wanted = command.body.get("default_member_permissions")
    if wanted is None or channel.guild_id is None or OF_THE_GUILD not in owners or held & ADMINISTRATOR:
        return None
    needed = int(wanted)
    return "the user lacks its permissions" if not needed or held & needed != needed else None


def offered_commands(world: World, user: User, channel: Channel) -> list[Command]:
    """Return every command that a user is shown in a place."""
    scopes = [None] if channel.guild_id is None else [channel.guild_id, None]
    every = [command for scope in scopes for command in world.commands.get(scope, {}).values()]
    return [command for command in every if refusal_of(world, user, channel, command) is None]


def find_command(world: World, user: User, channel: Channel, name: str, kind: int) -> Command:
    """Return a command by its name.

    Raises:
        NotOfferedError: There is none, or the user is not shown it here.
    """
    scopes = [channel.guild_id, None] if channel.guild_id else [None]
    for scope in scopes:
        for command in world.commands.get(scope, {}).values():
            if command.name == name and command.kind == kind:
                reason = refusal_of(world, user, channel, command)
                if reason is not None:
                    raise NotOfferedError(f"{name}: {reason}")
                return command
    raise NotOfferedError(f"there is no command {name}")


def may_act(world: World, user: User, channel: Channel) -> None:
    """Raise unless a user sees a place.

    Raises:
        NotOfferedError: It is hidden from them, or for adults.
    """
    if not world.permissions(channel, user.id) & VIEW_CHANNEL:
        raise NotOfferedError("the channel is hidden")
    if world.is_age_restricted(channel) and not user.is_adult:
        raise NotOfferedError("the channel is age-restricted")
