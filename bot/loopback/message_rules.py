"""What a message may be: content, embeds, mentions, attachments, flags.

Source: discord-api-spec `openapi.json`, discord-api-docs resources/message.
"""

from typing import Any

from bot.loopback.component_rules import UINT24, check_components
from bot.loopback.form import (
    Form,
    Json,
    Place,
    array,
    boolean,
    check_form,
    integer,
    link,
    number,
    one_of,
    parts,
    record,
    required,
    snowflake,
    text,
)

SUPPRESS_EMBEDS, EPHEMERAL, LOADING, SILENT, VERSION_TWO = 1 << 2, 1 << 6, 1 << 7, 1 << 12, 1 << 15
FLAGS_THAT_COUNT = SUPPRESS_EMBEDS | EPHEMERAL | SILENT | VERSION_TWO
MOST_CONTENT = 2000
MOST_EMBED_TEXT = 6000
MOST_FILES = 10

_PICTURE_URL = link("http", "https", "attachment")
_EMBED = record(
    {
        "title": text(256),
        "description": text(4096),
        "url": link("http", "https"),
        "color": integer(0, UINT24),
        "timestamp": text(64),
        "author": record(
            {"name": text(256, least=1), "url": link("http", "https"), "icon_url": _PICTURE_URL}
        ),
        "footer": record({"text": text(2048), "icon_url": _PICTURE_URL}),
        "image": record({"url": _PICTURE_URL}),
        "thumbnail": record({"url": _PICTURE_URL}),
        "fields": array(
            record(
                {
                    "name": required(text(256, least=1)),
                    "value": required(text(1024, least=1)),
                    "inline": boolean,
                }
            ),
            25,
        ),
    }
)
_ATTACHMENT = record(
    {
        "id": required(snowflake),
        "filename": text(1024, least=1),
        "description": text(1024),
        "title": text(1024),
        "is_spoiler": boolean,
        "duration_secs": number(0),
        "waveform": text(400),
    }
)
_MENTIONS = record(
    {
        "parse": array(one_of("users", "roles", "everyone"), unique=True),
        "users": array(snowflake, 100, unique=True),
        "roles": array(snowflake, 100, unique=True),
        "replied_user": boolean,
    }
)
REFERENCE = record(
    {
        "message_id": required(snowflake),
        "channel_id": snowflake,
        "guild_id": snowflake,
        "fail_if_not_exists": boolean,
        "type": one_of(0, 1),
    }
)


def _nonce(value: Any, place: Place, form: Form) -> None:
    (text(25) if isinstance(value, str) else integer())(value, place, form)


_SHAPE = record(
    {
        "content": text(MOST_CONTENT),
        "embeds": array(_EMBED, 10),
        "allowed_mentions": _MENTIONS,
        "components": array(record({}), 40),
        "flags": integer(0, (1 << 31) - 1),
        "attachments": array(_ATTACHMENT, MOST_FILES),
        "message_reference": REFERENCE,
        "nonce": _nonce,
        "enforce_nonce": boolean,
        "tts": boolean,
        "sticker_ids": array(snowflake, 3),
        "poll": record({}),
    }
)


def check_message(body: Json, *, version_two: bool) -> None:
    """Raise unless a message, new or edited, is one that Discord takes.

    Args:
        body: What was sent.
        version_two: Whether the message is made of components only, by its old or its new flags.

    Raises:
        RefusalError: 50035, with every fault under its place.
    """

    def spanning(value: Json, _place: Place, form: Form) -> None:
        if value.get("components") is not None:
            check_components(value["components"], form, version_two=version_two)
        if version_two:
            _check_legacy_fields(value, form)
        _check_embeds(value, form)
        _check_mentions(value, form)

    check_form(body, _SHAPE, spanning)


def _check_legacy_fields(body: Json, form: Form) -> None:
    for name in ("content", "embeds", "sticker_ids", "poll"):
        if body.get(name):
            form.refuse(
                (name,),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def embed_length(embed: Json) -> int:
    """Count the characters of an embed that Discord counts."""
    fields: list[Json] = embed.get("fields") or []
    footer: Json = embed.get("footer") or {}
    author: Json = embed.get("author") or {}
    counted = [embed.get("title"), embed.get("description"), footer.get("text"), author.get("name")]
    counted += [part for field in fields for part in (field["name"], field["value"])]
    return sum(len(part) for part in counted if part)


def _check_embeds(body: Json, form: Form) -> None:
    if sum(embed_length(embed) for embed in parts(body, "embeds")) > MOST_EMBED_TEXT:
        form.refuse(
            ("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MOST_EMBED_TEXT}"
        )


def _check_mentions(body: Json, form: Form) -> None:
    allowed: Json = body.get("allowed_mentions") or {}
    for name in ("users", "roles"):
        if allowed.get(name) and name in (allowed.get("parse") or []):
            form.refuse(
                ("allowed_mentions",),
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.',
            )
