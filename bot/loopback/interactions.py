"""What users do, on its way to the bot: the interaction, its deadline and its payload.

Source: discord-api-docs, interactions/receiving-and-responding.
"""

import secrets
from dataclasses import dataclass

from bot.loopback.changes import INTERACTION, Change
from bot.loopback.form import Json
from bot.loopback.message_payloads import message_payload
from bot.loopback.models import Channel, Guild, Interaction, InteractionKind, Message, Progress
from bot.loopback.payloads import channel_payload, member_payload, user_payload
from bot.loopback.permissions import EVERYONE, IN_DIRECT_MESSAGES, OF_EVERY_INTERACTION
from bot.loopback.world import World

GUILD_CONTEXT, BOT_DIRECT_CONTEXT, PRIVATE_CONTEXT = range(3)
OF_THE_GUILD, OF_THE_USER = "0", "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What a user does.

    Attributes:
        data: What the bot is told of it.
        owners: Who installed the app for it, as Discord writes it.
        name: The command's full name, for what is shown above the answer.
        source: The message that it starts from.
    """

    kind: InteractionKind
    user_id: int
    channel: Channel
    data: Json
    owners: dict[str, str]
    name: str | None = None
    source: Message | None = None


def context_of(world: World, channel: Channel) -> int:
    """Return Discord's number for where an interaction happens."""
    if channel.guild_id is not None:
        return GUILD_CONTEXT
    return BOT_DIRECT_CONTEXT if world.bot_id in channel.recipient_ids else PRIVATE_CONTEXT


def open_interaction(world: World, doing: Doing) -> Interaction:
    """Send what a user does to the bot, and start the time that it has."""
    interaction = Interaction(
        id=world.ids.next(),
        token=secrets.token_urlsafe(48),
        kind=doing.kind,
        user_id=doing.user_id,
        channel_id=doing.channel.id,
        guild_id=doing.channel.guild_id,
        data=doing.data,
        owners=doing.owners,
        context=context_of(world, doing.channel),
        created_at=world.clock.now(),
        name=doing.name,
        source_id=doing.source.id if doing.source else None,
    )
    world.interactions[interaction.id] = interaction
    world.interactions_by_token[interaction.token] = interaction
    due = interaction.created_at + world.config.acknowledge_within_s
    world.clock.call_at(due, lambda: expire(world, interaction))
    over = interaction.created_at + world.config.token_life_s
    world.clock.call_at(over + 1, lambda: forget(world, interaction))
    publish_interaction(world, interaction)
    world.changes.publish(Change(event="INTERACTION_CREATE", data=interaction_payload(world, interaction)))
    return interaction


def expire(world: World, interaction: Interaction) -> None:
    """Tell the user that the application did not respond, unless it has."""
    if interaction.progress == Progress.WAITING:
        interaction.progress = Progress.FAILED
        publish_interaction(world, interaction)


def forget(world: World, interaction: Interaction) -> None:
    """Drop an interaction whose token is over: nothing can be done with it any more."""
    world.interactions.pop(interaction.id, None)
    world.interactions_by_token.pop(interaction.token, None)


def publish_interaction(world: World, interaction: Interaction) -> None:
    """Tell the user's client how far an interaction has come."""
    data: Json = {
        "id": str(interaction.id),
        "progress": interaction.progress.value,
        "name": interaction.name,
        "modal": interaction.modal,
        "choices": interaction.choices,
    }
    world.changes.publish(
        Change(
            event=INTERACTION,
            data=data,
            channel_id=interaction.channel_id,
            guild_id=interaction.guild_id,
            only_for=interaction.user_id,
        )
    )


def interaction_payload(world: World, interaction: Interaction) -> Json:
    """Write an interaction as the gateway sends it."""
    channel = world.channels[interaction.channel_id]
    user = world.users[interaction.user_id]
    guild = world.guild_of(channel)
    told: Json = {
        "id": str(interaction.id),
        "application_id": str(world.bot_id),
        "type": int(interaction.kind),
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel_id": str(channel.id),
        "channel": channel_payload(world, channel)
        | {"permissions": str(world.permissions(channel, user.id))},
        "app_permissions": str(app_permissions(world, channel)),
        "locale": user.locale,
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": interaction.owners,
        "context": interaction.context,
        "attachment_size_limit": world.upload_limit(channel),
    }
    told |= {"user": user_payload(user)} if guild is None else _of_guild(world, guild, channel, user.id)
    if interaction.source_id is not None:
        told["message"] = message_payload(world, world.message(channel.id, interaction.source_id))
    return told


def _of_guild(world: World, guild: Guild, channel: Channel, user_id: int) -> Json:
    member = member_payload(world, guild.members[user_id])
    return {
        "guild_id": str(guild.id),
        "guild_locale": guild.locale,
        "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
        "member": member | {"permissions": str(world.permissions(channel, user_id))},
    }


def app_permissions(world: World, channel: Channel) -> int:
    """Return what the app may do where an interaction happens."""
    if channel.guild_id is None:
        return IN_DIRECT_MESSAGES
    guild = world.guilds[channel.guild_id]
    if world.bot_id in guild.members:
        return world.permissions(channel, world.bot_id) | OF_EVERY_INTERACTION
    return guild.roles[guild.id].permissions & EVERYONE | OF_EVERY_INTERACTION


def metadata(world: World, interaction: Interaction) -> Json:
    """Write what a message says of the interaction that it answers."""
    told: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "user": user_payload(world.users[interaction.user_id]),
        "authorizing_integration_owners": interaction.owners,
        "name": interaction.name,
    }
    if interaction.kind == InteractionKind.COMPONENT:
        told["interacted_message_id"] = str(interaction.source_id)
    return told
