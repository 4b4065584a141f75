"""Write messages, their files and components as Discord's JSON.

Source: discord-api-docs, resources/message, components/reference.
"""

from bot.loopback.cdn import link
from bot.loopback.component_rules import FILE, GALLERY, THUMBNAIL
from bot.loopback.form import Json
from bot.loopback.models import Attachment, Message
from bot.loopback.payloads import user_payload
from bot.loopback.snowflakes import created_at, timestamp
from bot.loopback.world import World


def attachment_payload(world: World, attachment: Attachment) -> Json:
    """Write a file, with a link that works from now on."""
    url = link(world, attachment)
    told: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": len(attachment.data),
        "url": url,
        "proxy_url": url,
        "content_type": attachment.content_type,
        "flags": int(attachment.is_spoiler) << 5,
    }
    if attachment.width is not None:
        told |= {"width": attachment.width, "height": attachment.height}
    if attachment.description:
        told["description"] = attachment.description
    if attachment.ephemeral:
        told["ephemeral"] = True
    return told


def _media(world: World, media: Json) -> Json:
    attachment = world.attachments.get(int(media.get("attachment_id") or 0))
    if attachment is None:
        return media | {"proxy_url": media["url"]}
    told = attachment_payload(world, attachment)
    size = {"width": told.get("width"), "height": told.get("height")}
    kept = {name: told[name] for name in ("url", "proxy_url", "content_type")}
    return kept | size | {"attachment_id": str(attachment.id), "loading_state": 2}


def component_payload(world: World, component: Json) -> Json:
    """Write a component, its files as links."""
    told = dict(component)
    if told["type"] == GALLERY:
        told["items"] = [item | {"media": _media(world, item["media"])} for item in told["items"]]
    elif told["type"] == THUMBNAIL:
        told["media"] = _media(world, told["media"])
    elif told["type"] == FILE:
        told["file"] = _media(world, told["file"])
        attachment = world.attachments.get(int(told["file"].get("attachment_id") or 0))
        if attachment is not None:
            told |= {"name": attachment.filename, "size": len(attachment.data)}
    if told.get("components"):
        told["components"] = [component_payload(world, part) for part in told["components"]]
    if told.get("accessory"):
        told["accessory"] = component_payload(world, told["accessory"])
    return told


def message_payload(
    world: World, message: Message, *, with_nonce: bool = False, with_referenced: bool = True
) -> Json:
    """Write a message; its nonce only where it has just been created, what it refers to one message deep."""
    told: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel_id),
        "author": user_payload(world.users[message.author_id]),
        "type": message.kind,
        "content": message.content,
        "timestamp": timestamp(created_at(message.id)),
        "edited_timestamp": timestamp(message.edited_at) if message.edited_at else None,
        "tts": message.tts,
        "mention_everyone": message.mentions_everyone,
        "mentions": [user_payload(world.users[user_id]) for user_id in message.mentioned_user_ids],
        "mention_roles": [str(role_id) for role_id in message.mentioned_role_ids],
        "attachments": [attachment_payload(world, one) for one in message.attachments],
        "embeds": message.embeds,
        "components": [component_payload(world, part) for part in message.components],
        "pinned": False,
        "flags": message.flags,
    }
    if message.author_id == world.bot_id:
        told["application_id"] = str(world.bot_id)
    if message.by_webhook:
        told["webhook_id"] = str(world.bot_id)
    if message.interaction is not None:
        told["interaction_metadata"] = message.interaction
    if message.reference is not None:
        told["message_reference"] = message.reference
        if with_referenced:
            told["referenced_message"] = _referenced(world, message.reference)
    if with_nonce and message.nonce is not None:
        told["nonce"] = message.nonce
    return told


def _referenced(world: World, reference: Json) -> Json | None:
    referred = world.messages.get(int(reference["channel_id"]), {}).get(int(reference["message_id"]))
    return None if referred is None else message_payload(world, referred, with_referenced=False)
