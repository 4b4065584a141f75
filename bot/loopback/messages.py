"""Create, edit and delete messages: checked as a whole, then done, then told.

It knows nothing about who may: callers have asked `permissions`.
"""

from dataclasses import dataclass
from typing import TypeVar

from bot.loopback.cdn import keep
from bot.loopback.changes import Change
from bot.loopback.components import SCHEME, take_in
from bot.loopback.form import Form, Json, check_form
from bot.loopback.mentions import note_mentions
from bot.loopback.message_payloads import attachment_payload, message_payload
from bot.loopback.message_rules import (
    EPHEMERAL,
    FLAGS_THAT_COUNT,
    LOADING,
    MOST_FILES,
    REFERENCE,
    SUPPRESS_EMBEDS,
    VERSION_TWO,
    check_message,
)
from bot.loopback.models import Attachment, Channel, Message, Upload
from bot.loopback.refusals import RefusalError, not_modelled, refusal
from bot.loopback.world import World

PLAIN, REPLY, COMMAND_REPLY, MENU_REPLY = 0, 19, 20, 23
Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message on its way.

    Attributes:
        kind: Discord's number.
        interaction: Its interaction_metadata.
        ephemeral_to: The only user who will see it.
        by_webhook: Whether it comes through an interaction's token.
        reply_to: The message that Discord shows it under, for what answers an interaction.
    """

    author_id: int
    body: Json
    uploads: tuple[Upload, ...] = ()
    kind: int = PLAIN
    interaction: Json | None = None
    ephemeral_to: int | None = None
    by_webhook: bool = False
    reply_to: int | None = None


def publish_message(world: World, event: str, message: Message, *, with_nonce: bool = False) -> None:
    """Tell of a message, with what the gateway adds to it."""
    channel = world.channels[message.channel_id]
    data = message_payload(world, message, with_nonce=with_nonce)
    if channel.guild_id is not None:
        data["guild_id"] = str(channel.guild_id)
    data["channel_type"] = int(channel.kind)
    world.changes.publish(
        Change(
            event=event,
            data=data,
            channel_id=channel.id,
            guild_id=channel.guild_id,
            only_for=message.ephemeral_to,
        )
    )


def create_message(world: World, channel: Channel, draft: Draft) -> Message:
    """Create a message.

    Raises:
        RefusalError: The draft breaks a rule; nothing has happened then.
    """
    flags = (draft.body.get("flags") or 0) & FLAGS_THAT_COUNT & ~EPHEMERAL
    message = Message(
        id=world.ids.next(),
        channel_id=channel.id,
        author_id=draft.author_id,
        kind=draft.kind,
        flags=flags | (EPHEMERAL if draft.ephemeral_to else 0),
        tts=bool(draft.body.get("tts")),
        ephemeral_to=draft.ephemeral_to,
        nonce=draft.body.get("nonce"),
        interaction=draft.interaction,
        by_webhook=draft.by_webhook,
    )
    _refer(world, channel, message, draft)
    _fill(world, channel, message, draft.body, draft.uploads)
    world.messages.setdefault(channel.id, {})[message.id] = message
    if draft.ephemeral_to is None:
        channel.last_message_id = message.id
    publish_message(world, "MESSAGE_CREATE", message, with_nonce=True)
    return message


def put_off_message(world: World, channel: Channel, draft: Draft) -> Message:
    """Create the message that says that the bot is thinking."""
    message = Message(
        id=world.ids.next(),
        channel_id=channel.id,
        author_id=draft.author_id,
        kind=draft.kind,
        flags=LOADING | (EPHEMERAL if draft.ephemeral_to else 0),
        ephemeral_to=draft.ephemeral_to,
        interaction=draft.interaction,
        by_webhook=True,
    )
    _refer(world, channel, message, draft)
    world.messages.setdefault(channel.id, {})[message.id] = message
    publish_message(world, "MESSAGE_CREATE", message)
    return message


def edit_message(world: World, message: Message, body: Json, uploads: tuple[Upload, ...] = ()) -> Message:
    """Change a message; fields that are absent stay.

    Raises:
        RefusalError: The change breaks a rule; nothing has happened then.
    """
    channel = world.channels[message.channel_id]
    was_thinking = bool(message.flags & LOADING)
    _fill(world, channel, message, body, uploads)
    message.flags &= ~LOADING
    if "flags" in body:
        wanted = body["flags"] or 0
        message.flags = message.flags & ~SUPPRESS_EMBEDS | wanted & (SUPPRESS_EMBEDS | VERSION_TWO)
    if not was_thinking:
        message.edited_at = world.clock.now()
    publish_message(world, "MESSAGE_UPDATE", message)
    return message


def delete_message(world: World, message: Message) -> None:
    """Take a message away, and its files."""
    channel = world.channels[message.channel_id]
    del world.messages[message.channel_id][message.id]
    for attachment in message.attachments:
        world.attachments.pop(attachment.id, None)
    guild = {} if channel.guild_id is None else {"guild_id": str(channel.guild_id)}
    data: Json = {"id": str(message.id), "channel_id": str(message.channel_id), **guild}
    world.changes.publish(
        Change(
            event="MESSAGE_DELETE",
            data=data,
            channel_id=channel.id,
            guild_id=channel.guild_id,
            only_for=message.ephemeral_to,
        )
    )


def _fill(world: World, channel: Channel, message: Message, body: Json, uploads: tuple[Upload, ...]) -> None:
    """Check a body against a message, then put it in; all or nothing."""
    version_two = bool((message.flags | (body.get("flags") or 0)) & VERSION_TWO)
    check_message(body, version_two=version_two)
    for name in ("poll", "sticker_ids"):
        if body.get(name):
            raise not_modelled(f"the field {name} of a message")
    content = _value(body, "content", message.content) or ""
    embeds: list[Json] = _value(body, "embeds", message.embeds) or []
    _refuse_legacy(content, embeds, version_two=version_two)
    check_uploads(world, channel, uploads)
    files = _Files(world, channel, message, body, uploads)
    components = message.components
    try:
        if "components" in body:
            form = Form()
            components = take_in(body["components"] or [], files.attachments, files.names, form)
            form.close()
        if not (content or embeds or components or files.attachments):
            raise refusal("empty message")
    except RefusalError:
        files.drop_new()
        raise
    files.settle()
    message.content, message.components, message.attachments = content, components, files.attachments
    message.embeds = [files.embed(embed) for embed in embeds] if "embeds" in body else embeds
    note_mentions(world, channel, message, body)


def _value(body: Json, name: str, before: Kind) -> Kind | None:
    return body.get(name, before)


def _refuse_legacy(content: str, embeds: list[Json], *, version_two: bool) -> None:
    form = Form()
    for name, value in (("content", content), ("embeds", embeds)):
        if version_two and value:
            form.refuse(
                (name,),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
    form.close()


def check_uploads(world: World, channel: Channel, uploads: tuple[Upload, ...]) -> None:
    """Raise if a file, or all together, are too large, or too many."""
    limit = world.upload_limit(channel)
    sizes = [len(upload.data) for upload in uploads]
    if any(size > limit for size in sizes) or sum(sizes) > max(world.config.request_limit_bytes, limit):
        raise refusal("too large")
    if len(uploads) > MOST_FILES:
        form = Form()
        form.refuse(("files",), "BASE_TYPE_MAX_LENGTH", f"Must be {MOST_FILES} or fewer in length.")
        form.close()


class _Files:
    """The files that a message has after a request: those kept, then those that came."""

    def __init__(
        self, world: World, channel: Channel, message: Message, body: Json, uploads: tuple[Upload, ...]
    ) -> None:
        self._world = world
        listed: list[Json] | None = body.get("attachments")
        by_key = {int(entry["id"]): entry for entry in listed or []}
        keys = {upload.key for upload in uploads}
        before = {one.id: one for one in message.attachments}
        self._refuse_strangers(listed or [], keys | before.keys())
        kept = [one for one in message.attachments if listed is None or one.id in by_key]
        if len(kept) + len(uploads) > MOST_FILES:
            form = Form()
            form.refuse(("attachments",), "BASE_TYPE_MAX_LENGTH", f"Must be {MOST_FILES} or fewer in length.")
            form.close()
        self._new = [keep(world, upload, channel.id, by_key.get(upload.key)) for upload in uploads]
        self._old = [one for one in message.attachments if one not in kept]
        self.attachments: list[Attachment] = kept + self._new
        self._told = {one: by_key.get(one.id) or {} for one in kept}
        self.names = {upload.filename: one for upload, one in zip(uploads, self._new, strict=True)}

    @staticmethod
    def _refuse_strangers(listed: list[Json], known: set[int]) -> None:
        form = Form()
        for index, entry in enumerate(listed):
            if int(entry["id"]) not in known:
                form.refuse(("attachments", index, "id"), "ATTACHMENT_NOT_FOUND", "Attachment data not found")
        form.close()

    def drop_new(self) -> None:
        """Forget what came: the request is refused."""
        for one in self._new:
            del self._world.attachments[one.id]

    def settle(self) -> None:
        """Forget what the message has no longer, and describe what it keeps anew."""
        for one in self._old:
            self._world.attachments.pop(one.id, None)
        for one, told in self._told.items():
            one.description = told.get("description", one.description)
            one.is_spoiler = bool(told.get("is_spoiler", one.is_spoiler))

    def embed(self, embed: Json) -> Json:
        """Return an embed whose pictures are links, as Discord keeps it."""
        known = {one.filename: one for one in self.attachments} | self.names
        told: Json = {"type": "rich"} | embed
        for part, name in (
            ("image", "url"),
            ("thumbnail", "url"),
            ("author", "icon_url"),
            ("footer", "icon_url"),
        ):
            picture: Json = told.get(part) or {}
            url: str = picture.get(name) or ""
            one = known.get(url.removeprefix(SCHEME))
            if url.startswith(SCHEME) and one is not None:
                told[part] = picture | {name: attachment_payload(self._world, one)["url"]}
        return told


def _refer(world: World, channel: Channel, message: Message, draft: Draft) -> None:
    message.reference = _reference(world, channel, draft)
    if message.reference is not None and message.kind == PLAIN:
        message.kind = REPLY


def _reference(world: World, channel: Channel, draft: Draft) -> Json | None:
    here = world.messages.get(channel.id, {})
    given: Json | None = draft.body.get("message_reference")
    if draft.by_webhook or given is None:
        return _reference_to(channel, draft.reply_to) if draft.reply_to in here else None
    check_form(given, REFERENCE)
    if given.get("type"):
        raise not_modelled("forwarded messages")
    if int(given["message_id"]) in here:
        return _reference_to(channel, int(given["message_id"]))
    if given.get("fail_if_not_exists", True):
        form = Form()
        form.refuse(("message_reference",), "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
        form.close()
    return None


def _reference_to(channel: Channel, message_id: int | None) -> Json:
    return {"type": 0, "channel_id": str(channel.id), "message_id": str(message_id)}
