"""Channels and threads."""

from bot.loopback.changes import Change
from bot.loopback.form import Field, Json, Rule, boolean, check_form, integer, one_of, record, required, text
from bot.loopback.models import Channel, ChannelKind
from bot.loopback.payloads import channel_payload, user_payload
from bot.loopback.permissions import (
    CREATE_PRIVATE_THREADS,
    CREATE_PUBLIC_THREADS,
    MANAGE_CHANNELS,
    MANAGE_THREADS,
    sending_needs,
)
from bot.loopback.refusals import not_modelled, refusal
from bot.loopback.rest.access import need, seen_channel
from bot.loopback.rest.call import Call, Route
from bot.loopback.world import World

_SLOWEST_S = 21_600
_THREAD: dict[str, Field | Rule] = {
    "name": required(text(100, least=1)),
    "auto_archive_duration": one_of(60, 1440, 4320, 10080),
    "rate_limit_per_user": integer(0, _SLOWEST_S),
    "type": one_of(10, 11, 12),
    "invitable": boolean,
}
_THREAD_CHANGE = record({**_THREAD, "name": text(100, least=1), "archived": boolean, "locked": boolean})
_CHANNEL_CHANGE = record({"name": text(100, least=1), "topic": text(1024), "nsfw": boolean})
_CHANGEABLE = ("name", "topic", "nsfw", "archived", "locked")


def publish_channel(world: World, event: str, channel: Channel, **added: object) -> None:
    """Tell of a channel."""
    data = channel_payload(world, channel) | added
    world.changes.publish(Change(event=event, data=data, channel_id=channel.id, guild_id=channel.guild_id))


def _get(call: Call) -> Json:
    return channel_payload(call.world, seen_channel(call))


def _patch(call: Call) -> Json:
    channel, world, body = seen_channel(call), call.world, call.fields()
    if channel.guild_id is None:
        raise refusal("not for direct messages")
    check_form(body, _THREAD_CHANGE if channel.is_thread else _CHANNEL_CHANGE)
    if channel.owner_id != world.bot_id or not channel.is_thread:
        need(world, channel, MANAGE_THREADS if channel.is_thread else MANAGE_CHANNELS)
    ignored = body.keys() - set(_CHANGEABLE)
    if ignored:
        raise not_modelled(f"changing {', '.join(sorted(ignored))} of a channel")
    for name, value in body.items():
        setattr(channel, name, value)
    publish_channel(world, "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE", channel)
    return channel_payload(world, channel)


def _delete(call: Call) -> Json:
    channel, world = seen_channel(call), call.world
    told = channel_payload(world, channel)
    if channel.guild_id is None:
        return told
    need(world, channel, MANAGE_THREADS if channel.is_thread else MANAGE_CHANNELS)
    publish_channel(world, "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", channel)
    del world.channels[channel.id]
    world.messages.pop(channel.id, None)
    return told


def _type(call: Call) -> None:
    channel, world = seen_channel(call), call.world
    need(world, channel, sending_needs(channel))
    data: Json = {
        "channel_id": str(channel.id),
        "user_id": str(world.bot_id),
        "timestamp": int(world.clock.now()),
        "user": user_payload(world.users[world.bot_id]),
    }
    world.changes.publish(
        Change(event="TYPING_START", data=data, channel_id=channel.id, guild_id=channel.guild_id)
    )


def create_thread(
    world: World,
    parent: Channel,
    owner_id: int,
    name: str,
    *,
    kind: ChannelKind,
    thread_id: int | None = None,
) -> Channel:
    """Hang a thread from a channel."""
    thread = Channel(
        id=thread_id or world.ids.next(),
        kind=kind,
        name=name,
        guild_id=parent.guild_id,
        parent_id=parent.id,
        owner_id=owner_id,
        created_at=world.clock.now(),
        thread_member_ids={owner_id},
    )
    world.channels[thread.id] = thread
    publish_channel(world, "THREAD_CREATE", thread, newly_created=True)
    return thread


def _start_thread(call: Call, kind: ChannelKind, thread_id: int | None = None) -> Json:
    channel, world, body = seen_channel(call), call.world, call.fields()
    if channel.guild_id is None or channel.is_thread or channel.kind == ChannelKind.CATEGORY:
        raise refusal("not for this kind of channel")
    check_form(body, record(_THREAD))
    private = kind == ChannelKind.PRIVATE_THREAD
    need(world, channel, CREATE_PRIVATE_THREADS if private else CREATE_PUBLIC_THREADS)
    thread = create_thread(world, channel, world.bot_id, body["name"], kind=kind, thread_id=thread_id)
    return channel_payload(world, thread)


def _start_thread_alone(call: Call) -> Json:
    wanted = call.fields().get("type", ChannelKind.PRIVATE_THREAD)
    check_form({"type": wanted}, record({"type": one_of(10, 11, 12)}))
    return _start_thread(call, ChannelKind(wanted))


def _start_thread_from_message(call: Call) -> Json:
    channel = seen_channel(call)
    message = call.world.message(channel.id, call.id("message_id"))
    if message.ephemeral_to is not None:
        raise refusal("unknown message")
    if message.id in call.world.channels:
        raise refusal("thread exists")
    news = channel.kind == ChannelKind.ANNOUNCEMENT
    return _start_thread(
        call, ChannelKind.ANNOUNCEMENT_THREAD if news else ChannelKind.PUBLIC_THREAD, message.id
    )


def _join(call: Call) -> None:
    channel = _thread(call)
    channel.thread_member_ids.add(call.world.bot_id)


def _leave(call: Call) -> None:
    _thread(call).thread_member_ids.discard(call.world.bot_id)


def _thread(call: Call) -> Channel:
    channel = seen_channel(call)
    if not channel.is_thread:
        raise refusal("not for this kind of channel")
    return channel


_ONE = "/channels/{channel_id}"
ROUTES = (
    Route(method="GET", path=_ONE, handle=_get),
    Route(method="PATCH", path=_ONE, handle=_patch),
    Route(method="DELETE", path=_ONE, handle=_delete),
    Route(method="POST", path=f"{_ONE}/typing", handle=_type, bucket="typing"),
    Route(method="POST", path=f"{_ONE}/threads", handle=_start_thread_alone),
    Route(method="POST", path=f"{_ONE}/messages/{{message_id}}/threads", handle=_start_thread_from_message),
    Route(method="PUT", path=f"{_ONE}/thread-members/@me", handle=_join),
    Route(method="DELETE", path=f"{_ONE}/thread-members/@me", handle=_leave),
)
