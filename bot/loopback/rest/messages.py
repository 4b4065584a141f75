"""Messages in channels, as the bot's own user."""

from bot.loopback.form import Json, array, check_form, record, required, snowflake
from bot.loopback.gateway_events import MESSAGE_CONTENT
from bot.loopback.message_payloads import message_payload
from bot.loopback.messages import Draft, create_message, delete_message, edit_message
from bot.loopback.models import Channel, ChannelKind, Message
from bot.loopback.permissions import (
    ATTACH_FILES,
    EMBED_LINKS,
    MANAGE_MESSAGES,
    READ_MESSAGE_HISTORY,
    sending_needs,
)
from bot.loopback.refusals import refusal
from bot.loopback.rest.access import need, seen_channel
from bot.loopback.rest.call import Call, Route
from bot.loopback.snowflakes import created_at
from bot.loopback.world import World

_MOST_LISTED = 100
_USUALLY_LISTED = 50
_OLDEST_BULK_S = 14 * 24 * 3600.0
_CLOSED: Json = {"content": "", "embeds": [], "attachments": [], "components": []}


def _told(world: World, message: Message) -> Json:
    told = message_payload(world, message)
    open_to_bot = (
        message.author_id == world.bot_id
        or world.bot_id in message.mentioned_user_ids
        or world.channels[message.channel_id].guild_id is None
        or world.config.privileged_intents & MESSAGE_CONTENT
    )
    return told if open_to_bot else told | _CLOSED


def _public_message(call: Call, channel: Channel) -> Message:
    message = call.world.message(channel.id, call.id("message_id"))
    if message.ephemeral_to is not None:
        raise refusal("unknown message")
    return message


def _list(call: Call) -> list[Json]:
    channel, world = seen_channel(call), call.world
    limit = call.number("limit", _USUALLY_LISTED, least=1, most=_MOST_LISTED)
    if not world.permissions(channel, world.bot_id) & READ_MESSAGE_HISTORY:
        return []
    check_form(dict(call.query), record({"before": snowflake, "after": snowflake, "around": snowflake}))
    every = [one for one in world.messages.get(channel.id, {}).values() if one.ephemeral_to is None]
    chosen = _page(sorted(every, key=lambda one: one.id, reverse=True), call, limit)
    return [_told(world, message) for message in chosen]


def _page(newest_first: list[Message], call: Call, limit: int) -> list[Message]:
    if "after" in call.query:
        later = [one for one in newest_first if one.id > int(call.query["after"])]
        return later[-limit:]
    if "around" in call.query:
        middle = int(call.query["around"])
        near = sorted(newest_first, key=lambda one: abs(one.id - middle))[:limit]
        return sorted(near, key=lambda one: one.id, reverse=True)
    before = int(call.query["before"]) if "before" in call.query else None
    return [one for one in newest_first if before is None or one.id < before][:limit]


def _get(call: Call) -> Json:
    channel = seen_channel(call)
    need(call.world, channel, READ_MESSAGE_HISTORY)
    return _told(call.world, _public_message(call, channel))


def may_write(world: World, channel: Channel, body: Json, *, with_files: bool) -> None:
    """Raise unless the bot may write such a message in a channel."""
    if channel.kind == ChannelKind.CATEGORY:
        raise refusal("not a text channel")
    need(world, channel, sending_needs(channel))
    if with_files:
        need(world, channel, ATTACH_FILES)
    if body.get("embeds"):
        need(world, channel, EMBED_LINKS)
    if body.get("message_reference") and not world.permissions(channel, world.bot_id) & READ_MESSAGE_HISTORY:
        raise refusal("no history to reply to")
    if channel.locked and channel.archived:
        raise refusal("thread is archived")
    if channel.kind == ChannelKind.DIRECT:
        _may_write_to(world, channel)


def _may_write_to(world: World, channel: Channel) -> None:
    other = next(user_id for user_id in channel.recipient_ids if user_id != world.bot_id)
    reachable = world.shares_a_guild(other, world.bot_id) or other in world.installs
    if not reachable or not world.users[other].accepts_direct_messages:
        raise refusal("cannot message this user")


def _repeated(world: World, channel: Channel, body: Json) -> Message | None:
    nonce = body.get("nonce")
    if nonce is None or not body.get("enforce_nonce"):
        return None
    since = world.clock.now() - world.config.nonce_window_s
    for message in world.messages.get(channel.id, {}).values():
        own = message.author_id == world.bot_id and not message.by_webhook
        if own and str(message.nonce) == str(nonce) and created_at(message.id) >= since:
            return message
    return None


def _create(call: Call) -> Json:
    channel, world, body = seen_channel(call), call.world, call.fields()
    may_write(world, channel, body, with_files=bool(call.uploads))
    message = _repeated(world, channel, body)
    if message is None:
        channel.archived = False
        message = create_message(
            world, channel, Draft(author_id=world.bot_id, body=body, uploads=call.uploads)
        )
    return message_payload(world, message, with_nonce=True)


def _edit(call: Call) -> Json:
    channel = seen_channel(call)
    message = _public_message(call, channel)
    if message.author_id != call.world.bot_id:
        raise refusal("not the author")
    if call.uploads:
        need(call.world, channel, ATTACH_FILES)
    return message_payload(call.world, edit_message(call.world, message, call.fields(), call.uploads))


def _delete(call: Call) -> None:
    channel = seen_channel(call)
    message = _public_message(call, channel)
    if message.author_id != call.world.bot_id:
        if channel.guild_id is None:
            raise refusal("not for direct messages")
        need(call.world, channel, MANAGE_MESSAGES)
    delete_message(call.world, message)


def _delete_many(call: Call) -> None:
    channel, world = seen_channel(call), call.world
    if channel.guild_id is None:
        raise refusal("not for direct messages")
    need(world, channel, MANAGE_MESSAGES)
    check_form(call.body, record({"messages": required(array(snowflake, unique=True))}))
    ids = [int(message_id) for message_id in call.fields()["messages"]]
    if not 1 < len(ids) <= _MOST_LISTED:
        raise refusal("bulk delete count")
    if any(created_at(message_id) < world.clock.now() - _OLDEST_BULK_S for message_id in ids):
        raise refusal("too old")
    for message_id in ids:
        message = world.messages.get(channel.id, {}).get(message_id)
        if message is not None and message.ephemeral_to is None:
            delete_message(world, message)


_CHANNEL = "/channels/{channel_id}/messages"
ROUTES = (
    Route(method="GET", path=_CHANNEL, handle=_list),
    Route(method="POST", path=_CHANNEL, handle=_create, bucket="message create"),
    Route(method="POST", path=f"{_CHANNEL}/bulk-delete", handle=_delete_many),
    Route(method="GET", path=f"{_CHANNEL}/{{message_id}}", handle=_get),
    Route(method="PATCH", path=f"{_CHANNEL}/{{message_id}}", handle=_edit, bucket="message edit"),
    Route(method="DELETE", path=f"{_CHANNEL}/{{message_id}}", handle=_delete, bucket="message delete"),
)
