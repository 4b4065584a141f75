"""Fill in what a message's selects and a modal's fields take, as the user's client does."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.loopback.component_rules import (
    CHANNEL_SELECT,
    CHECKBOX,
    CHECKBOX_GROUP,
    FILE_UPLOAD,
    LABEL,
    MENTIONABLE_SELECT,
    RADIO_GROUP,
    ROLE_SELECT,
    ROW,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    USER_SELECT,
    walk,
)
from bot.loopback.form import Json, parts
from bot.loopback.models import Channel, Role, User
from bot.loopback.options import LocalFile, Resolved
from bot.loopback.people import NotOfferedError

_LONGEST = 4000
_FITTING: dict[int, type | tuple[type, ...]] = {
    STRING_SELECT: str,
    CHECKBOX_GROUP: str,
    USER_SELECT: User,
    ROLE_SELECT: Role,
    MENTIONABLE_SELECT: (User, Role),
    CHANNEL_SELECT: Channel,
    FILE_UPLOAD: LocalFile,
}


def chosen(component: Json, values: Sequence[Any], resolved: Resolved) -> list[str]:
    """Return the values of a select, a group of boxes or a file field.

    Raises:
        NotOfferedError: Too few, too many, or something that is not on offer.
    """
    name, kind = component["custom_id"], component["type"]
    least = component.get("min_values")
    if least is None:
        least = 0 if component.get("required") is False else 1
    most = component.get("max_values") or (len(component["options"]) if kind == CHECKBOX_GROUP else 1)
    if component.get("required") is False and not values:
        return []
    if not least <= len(values) <= most:
        raise NotOfferedError(f"{name} takes {least} to {most} values")
    if not all(isinstance(value, _FITTING[kind]) for value in values):
        raise NotOfferedError(f"{name} takes something else")
    if kind in {STRING_SELECT, CHECKBOX_GROUP}:
        offered = {option["value"] for option in component["options"]}
        if not offered.issuperset(values) or len(set(values)) < len(values):
            raise NotOfferedError(f"{name} does not offer that")
        return list(values)
    if kind == FILE_UPLOAD:
        return [resolved.file(value) for value in values]
    return [resolved.anything(value) for value in values]


def submitted(modal: Json, values: Mapping[str, Any], resolved: Resolved) -> list[Json]:
    """Return a modal's components as they are submitted.

    Args:
        modal: The dialog, as the bot sent it.
        values: By custom id: a string, a list, a bool, or files.
        resolved: Where what the values stand for is noted.

    Raises:
        NotOfferedError: The user's client would not submit it.
    """
    known = {part["custom_id"] for _, part in walk(modal["components"]) if part.get("custom_id")}
    unknown = values.keys() - known
    if unknown:
        raise NotOfferedError(f"there is no field {', '.join(sorted(unknown))}")
    return [_part(part, values, resolved) for part in modal["components"]]


def _part(part: Json, values: Mapping[str, Any], resolved: Resolved) -> Json:
    told: Json = {"type": part["type"], "id": part["id"]}
    if part["type"] == TEXT_DISPLAY:
        return told
    if part["type"] == ROW:
        return told | {"components": [_field(inner, values, resolved) for inner in part["components"]]}
    if part["type"] == LABEL:
        return told | {"component": _field(part["component"], values, resolved)}
    raise NotOfferedError(f"a modal has no component of type {part['type']}")


def _field(field: Json, values: Mapping[str, Any], resolved: Resolved) -> Json:
    kind, name = field["type"], field["custom_id"]
    told: Json = {"type": kind, "id": field["id"], "custom_id": name}
    if kind == TEXT_INPUT:
        return told | {"value": _text(field, values.get(name, field.get("value") or ""))}
    if kind == CHECKBOX:
        return told | {"value": bool(values.get(name, field.get("default")))}
    if kind == RADIO_GROUP:
        return told | {"value": _radio(field, values.get(name))}
    preset = [option["value"] for option in parts(field, "options") if option.get("default")]
    return told | {"values": chosen(field, values.get(name, preset), resolved)}


def _text(field: Json, value: Any) -> str:  # noqa: ANN401 - whatever a test writes
    name = field["custom_id"]
    if not isinstance(value, str):
        raise NotOfferedError(f"{name} takes text")
    least, most = field.get("min_length") or 0, field.get("max_length") or _LONGEST
    if not value:
        if field.get("required", True) is not False:
            raise NotOfferedError(f"{name} is required")
    elif not least <= len(value) <= most:
        raise NotOfferedError(f"{name} takes {least} to {most} characters")
    return value


def _radio(field: Json, value: str | None) -> str | None:
    offered = {option["value"]: option for option in field["options"]}
    if value is None:
        value = next((name for name, option in offered.items() if option.get("default")), None)
    if value is None and field.get("required", True) is not False:
        raise NotOfferedError(f"{field['custom_id']} is required")
    if value is not None and value not in offered:
        raise NotOfferedError(f"{field['custom_id']} does not offer that")
    return value
