"""Take in a message's components: number them, tie their pictures to files, and find one again."""

from copy import deepcopy
from typing import Any

from bot.loopback.component_rules import FILE, GALLERY, THUMBNAIL, drop_strange_fields, walk
from bot.loopback.form import Form, Json, Place
from bot.loopback.models import Attachment

SCHEME = "attachment://"


def take_in(
    components: list[Any], attachments: list[Attachment], names: dict[str, Attachment], form: Form
) -> list[Json]:
    """Return checked components as a message keeps them.

    Args:
        components: As they were sent.
        attachments: The message's files.
        names: Names under which files were sent, which differ from those that Discord gave them.
        form: Where a picture that refers to no file is noted.

    Returns:
        A copy in which every component has an id, and every picture names its file.
    """
    kept: list[Json] = deepcopy(components)
    known = {attachment.filename: attachment for attachment in attachments} | names
    everything = list(walk(kept))
    for _, component in everything:
        drop_strange_fields(component)
    used = {component["id"] for _, component in everything if component.get("id")}
    number = 0
    for place, component in everything:
        if not component.get("id"):
            number = next(free for free in range(number + 1, number + len(used) + 2) if free not in used)
            component["id"] = number
        for here, media in _media_of(component, place):
            _tie(media, known, here, form)
    return kept


def _media_of(component: Json, place: Place) -> list[tuple[Place, Json]]:
    kind = component["type"]
    if kind == GALLERY:
        return [
            ((*place, "items", index, "media"), item["media"])
            for index, item in enumerate(component["items"])
        ]
    if kind == THUMBNAIL:
        return [((*place, "media"), component["media"])]
    return [((*place, "file"), component["file"])] if kind == FILE else []


def _tie(media: Json, known: dict[str, Attachment], place: Place, form: Form) -> None:
    url: str = media["url"]
    media.pop("attachment_id", None)
    if url.startswith(SCHEME):
        name = url.removeprefix(SCHEME)
        if name in known:
            media["attachment_id"] = known[name].id
        else:
            form.refuse(
                (*place, "url"),
                "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                f"The referenced attachment '{name}' was not found",
            )
        return
    own = next((one for one in known.values() if f"/{one.id}/" in url), None)
    if own is not None:
        media["attachment_id"] = own.id


def find_component(components: list[Json], custom_id: str) -> Json | None:
    """Return the component with a custom id."""
    return next((part for _, part in walk(components) if part.get("custom_id") == custom_id), None)
