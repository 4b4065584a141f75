"""The bot's first answer to an interaction: checked against the deadline, the kind and the form.

Source: discord-api-docs, interactions/receiving-and-responding, "Interaction Callback Type".
"""

from bot.loopback.command_rules import CHOICES, SUBCOMMAND
from bot.loopback.command_rules import GROUP as SUBCOMMAND_GROUP
from bot.loopback.components import take_in
from bot.loopback.form import Form, Json, check_form, one_of, record, required
from bot.loopback.interactions import OF_THE_GUILD, metadata, publish_interaction
from bot.loopback.message_payloads import message_payload
from bot.loopback.message_rules import EPHEMERAL, LOADING
from bot.loopback.messages import (
    COMMAND_REPLY,
    MENU_REPLY,
    PLAIN,
    Draft,
    create_message,
    edit_message,
    put_off_message,
)
from bot.loopback.modal_rules import check_modal
from bot.loopback.models import Interaction, InteractionKind, Message, Progress, Upload
from bot.loopback.permissions import USE_EXTERNAL_APPS
from bot.loopback.refusals import not_modelled, refusal
from bot.loopback.world import World

MESSAGE, PUT_OFF, PUT_OFF_UPDATE, UPDATE, OFFER, MODAL = range(4, 10)
_KNOWN = (1, 4, 5, 6, 7, 8, 9, 10, 12)
_FITTING: dict[InteractionKind, frozenset[int]] = {
    InteractionKind.COMMAND: frozenset({MESSAGE, PUT_OFF, MODAL}),
    InteractionKind.COMPONENT: frozenset({MESSAGE, PUT_OFF, PUT_OFF_UPDATE, UPDATE, MODAL}),
    InteractionKind.AUTOCOMPLETE: frozenset({OFFER}),
    InteractionKind.MODAL: frozenset({MESSAGE, PUT_OFF, PUT_OFF_UPDATE, UPDATE}),
}


def answer_interaction(
    world: World, interaction: Interaction, body: Json, uploads: tuple[Upload, ...]
) -> Json:
    """Take the bot's first answer.

    Args:
        world: The state.
        interaction: Found by id and token.
        body: `type` and `data`.
        uploads: Files for the message, if it is one.

    Returns:
        What Discord answers `with_response`.

    Raises:
        RefusalError: Too late (10062), a second answer (40060), or a fault in the form (50035), which leaves
            the interaction waiting.
    """
    late = world.clock.now() > interaction.created_at + world.config.acknowledge_within_s
    if interaction.progress == Progress.FAILED or (interaction.progress == Progress.WAITING and late):
        raise refusal("unknown interaction")
    if interaction.progress == Progress.ACKNOWLEDGED:
        raise refusal("already acknowledged")
    kind = _kind(interaction, body)
    message = _answer(world, interaction, kind, body.get("data") or {}, uploads)
    interaction.progress = Progress.ACKNOWLEDGED
    interaction.answer_kind = kind
    publish_interaction(world, interaction)
    return _told(world, interaction, message)


def _kind(interaction: Interaction, body: Json) -> int:
    check_form(body, record({"type": required(one_of(*_KNOWN)), "data": record({})}))
    kind: int = body["type"]
    if kind in {10, 12}:
        raise not_modelled(f"interaction callback type {kind}")
    fits = kind in _FITTING[interaction.kind]
    if kind in {PUT_OFF_UPDATE, UPDATE} and interaction.source_id is None:
        fits = False
    if not fits:
        form = Form()
        form.refuse(
            ("type",),
            "INTERACTION_CALLBACK_TYPE_INVALID",
            "Invalid interaction response type for this interaction.",
        )
        form.close()
    return kind


def _answer(
    world: World, interaction: Interaction, kind: int, data: Json, uploads: tuple[Upload, ...]
) -> Message | None:
    if kind == OFFER:
        interaction.choices = _offered(interaction, data)
        return None
    if kind == MODAL:
        check_modal(data)
        interaction.modal = data | {"components": take_in(data["components"], [], {}, Form())}
        return None
    if kind in {PUT_OFF_UPDATE, UPDATE} and interaction.source_id is not None:
        source = world.message(interaction.channel_id, interaction.source_id)
        interaction.original_id = source.id
        return edit_message(world, source, data, uploads) if kind == UPDATE else source
    channel = world.channel(interaction.channel_id)
    draft = Draft(
        author_id=world.bot_id,
        body=data,
        uploads=uploads,
        kind=_message_kind(interaction),
        interaction=metadata(world, interaction),
        ephemeral_to=interaction.user_id if is_hidden(world, interaction, data) else None,
        by_webhook=True,
        reply_to=interaction.source_id,
    )
    message = (
        put_off_message(world, channel, draft) if kind == PUT_OFF else create_message(world, channel, draft)
    )
    interaction.original_id = message.id
    return message


def _message_kind(interaction: Interaction) -> int:
    if interaction.kind != InteractionKind.COMMAND:
        return PLAIN
    return COMMAND_REPLY if interaction.data["type"] == 1 else MENU_REPLY


def is_hidden(world: World, interaction: Interaction, data: Json) -> bool:
    """Tell whether only the user sees an answer: the bot asked, or the server allows no foreign apps."""
    if (data.get("flags") or 0) & EPHEMERAL:
        return True
    if interaction.guild_id is None or OF_THE_GUILD in interaction.owners:
        return False
    channel = world.channel(interaction.channel_id)
    return not world.permissions(channel, interaction.user_id) & USE_EXTERNAL_APPS


def focused(options: list[Json]) -> Json | None:
    """Return the option that a user is typing in."""
    for option in options:
        if option.get("focused"):
            return option
        if option["type"] in {SUBCOMMAND, SUBCOMMAND_GROUP}:
            inner = focused(option.get("options") or [])
            if inner is not None:
                return inner
    return None


def _offered(interaction: Interaction, data: Json) -> list[Json]:
    option = focused(interaction.data.get("options") or [])
    kind: int = option["type"] if option else 3
    check_form(data, record({"choices": CHOICES[kind]}))
    return data.get("choices") or []


def _told(world: World, interaction: Interaction, message: Message | None) -> Json:
    told: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
    told |= {"channel_id": str(interaction.channel_id)}
    if interaction.guild_id is not None:
        told["guild_id"] = str(interaction.guild_id)
    resource: Json = {"type": interaction.answer_kind}
    if message is not None:
        told |= {
            "response_message_id": str(message.id),
            "response_message_loading": bool(message.flags & LOADING),
            "response_message_ephemeral": bool(message.flags & EPHEMERAL),
        }
        resource["message"] = message_payload(world, message)
    return {"interaction": told, "resource": resource}
