"""What a message's components may be: the shapes, and the rules that span several of them.

Source: discord-api-spec `openapi.json`, discord-api-docs components/reference.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from bot.loopback.form import (
    Field,
    Form,
    Json,
    Place,
    Rule,
    array,
    boolean,
    by_type,
    integer,
    link,
    one_of,
    parts,
    places,
    record,
    required,
    snowflake,
    text,
)

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = range(
    1, 9
)
SECTION, TEXT_DISPLAY, THUMBNAIL, GALLERY, FILE, SEPARATOR = range(9, 15)
CONTAINER, LABEL, FILE_UPLOAD = 17, 18, 19
RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 21, 22, 23
SELECTS = frozenset({STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT})

LINK_STYLE, PREMIUM_STYLE = 5, 6
MOST_COMPONENTS = 40
MOST_ROWS = 5
MOST_IN_A_ROW = 5
MOST_TEXT = 4000
MOST_MEDIA = 64
UINT24 = 0xFFFFFF

CUSTOM_ID = text(100, least=1)
COMPONENT_ID = integer(0, (1 << 31) - 1)
EMOJI = record({"id": snowflake, "name": required(text(32))})
SELECT_OPTION = record(
    {
        "label": required(text(100, least=1)),
        "value": required(text(100, least=1)),
        "description": text(100),
        "default": boolean,
        "emoji": EMOJI,
    }
)
SELECT_FIELDS: dict[str, Field | Rule] = {
    "id": COMPONENT_ID,
    "custom_id": required(CUSTOM_ID),
    "placeholder": text(150),
    "min_values": integer(0, 25),
    "max_values": integer(1, 25),
    "disabled": boolean,
    "required": boolean,
}
_DEFAULT_VALUES = array(
    record({"id": required(snowflake), "type": required(one_of("user", "role", "channel"))}), 25
)
SELECT_RULES: dict[int, Rule] = {
    STRING_SELECT: record(SELECT_FIELDS | {"options": required(array(SELECT_OPTION, 25, least=1))}),
    USER_SELECT: record(SELECT_FIELDS | {"default_values": _DEFAULT_VALUES}),
    ROLE_SELECT: record(SELECT_FIELDS | {"default_values": _DEFAULT_VALUES}),
    MENTIONABLE_SELECT: record(SELECT_FIELDS | {"default_values": _DEFAULT_VALUES}),
    CHANNEL_SELECT: record(
        SELECT_FIELDS
        | {"default_values": _DEFAULT_VALUES, "channel_types": array(integer(0, 16), unique=True)}
    ),
}
_BUTTON_SHAPE = record(
    {
        "id": COMPONENT_ID,
        "custom_id": CUSTOM_ID,
        "style": required(one_of(*range(1, 7))),
        "label": text(80),
        "disabled": boolean,
        "url": link("http", "https", "discord", most=512),
        "sku_id": snowflake,
        "emoji": EMOJI,
    }
)


def _button(value: Json, place: Place, form: Form) -> None:
    _BUTTON_SHAPE(value, place, form)
    style = value.get("style")
    own = {LINK_STYLE: "url", PREMIUM_STYLE: "sku_id"}.get(int(style or 0), "custom_id")
    foreign = "url" if own == "custom_id" else "custom_id"
    if value.get(own) is None:
        form.refuse((*place, own), "BASE_TYPE_REQUIRED", "This field is required")
    if value.get(foreign) is not None:
        form.refuse(
            place,
            "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
            "A custom id and url cannot both be specified",
        )
    if style != PREMIUM_STYLE and not value.get("label") and not value.get("emoji"):
        form.refuse(place, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A label or emoji is required")


_MEDIA = record({"url": required(link("http", "https", "attachment"))})
_ALT_TEXT = text(1024, least=1)
_TEXT_DISPLAY = record({"id": COMPONENT_ID, "content": required(text(MOST_TEXT, least=1))})
_THUMBNAIL = record(
    {"id": COMPONENT_ID, "media": required(_MEDIA), "description": _ALT_TEXT, "spoiler": boolean}
)
_GALLERY_ITEM = record({"media": required(_MEDIA), "description": _ALT_TEXT, "spoiler": boolean})
_IN_A_ROW: dict[int, Rule] = {BUTTON: _button, **SELECT_RULES}
_LEGACY: dict[int, Rule] = {
    ROW: record({"id": COMPONENT_ID, "components": required(array(by_type(_IN_A_ROW), least=1))})
}
_INSIDE: dict[int, Rule] = _LEGACY | {
    SECTION: record(
        {
            "id": COMPONENT_ID,
            "components": required(array(by_type({TEXT_DISPLAY: _TEXT_DISPLAY}), 3, least=1)),
            "accessory": required(by_type({BUTTON: _button, THUMBNAIL: _THUMBNAIL})),
        }
    ),
    TEXT_DISPLAY: _TEXT_DISPLAY,
    GALLERY: record({"id": COMPONENT_ID, "items": required(array(_GALLERY_ITEM, 10, least=1))}),
    FILE: record(
        {
            "id": COMPONENT_ID,
            "file": required(record({"url": required(link("attachment"))})),
            "spoiler": boolean,
        }
    ),
    SEPARATOR: record({"id": COMPONENT_ID, "spacing": one_of(1, 2), "divider": boolean}),
}
_TOP: dict[int, Rule] = _INSIDE | {
    CONTAINER: record(
        {
            "id": COMPONENT_ID,
            "accent_color": integer(0, UINT24),
            "spoiler": boolean,
            "components": required(array(by_type(_INSIDE), MOST_COMPONENTS, least=1)),
        }
    )
}
_LEGACY_LIST = array(by_type(_LEGACY), MOST_ROWS)
_NEW_LIST = array(by_type(_TOP), MOST_COMPONENTS)


_HAVE_PARTS: dict[str, frozenset[int]] = {
    "components": frozenset({ROW, SECTION, CONTAINER}),
    "accessory": frozenset({SECTION}),
    "component": frozenset({LABEL}),
}
INTERACTIVE = SELECTS | {BUTTON, TEXT_INPUT, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX}


def drop_strange_fields(component: Json) -> None:
    """Take away what belongs to other kinds of components: Discord knows no such field there."""
    for name, kinds in (*_HAVE_PARTS.items(), ("custom_id", INTERACTIVE)):
        if component["type"] not in kinds:
            component.pop(name, None)


def walk(components: list[Any], place: Place = ("components",)) -> Iterator[tuple[Place, Json]]:
    """Yield every component with its place: each before what is inside it."""
    for here, component in places(components, place):
        yield here, component
        kind = component["type"]
        if kind in _HAVE_PARTS["components"]:
            yield from walk(component["components"], (*here, "components"))
        for single in ("accessory", "component"):
            if kind in _HAVE_PARTS[single]:
                yield (*here, single), component[single]


def check_components(components: list[Any], form: Form, *, version_two: bool) -> None:
    """Note every fault in a message's components."""
    (_NEW_LIST if version_two else _LEGACY_LIST)(components, ("components",), form)
    if form.faults:
        return
    everything = list(walk(components))
    check_unique(everything, form)
    for place, component in everything:
        if component["type"] == ROW:
            _check_row(component, place, form)
        elif component["type"] in SELECTS:
            check_range(component, place, form)
    if version_two:
        _check_totals(everything, form)


def check_unique(everything: list[tuple[Place, Json]], form: Form) -> None:
    """Note custom ids and component ids that come twice."""
    for name, code in (("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED"), ("id", "COMPONENT_ID_DUPLICATED")):
        seen: Counter[Any] = Counter()
        for place, component in everything:
            value = component.get(name)
            if not value or (name == "custom_id" and component["type"] not in INTERACTIVE):
                continue
            seen[value] += 1
            if seen[value] > 1:
                told = (
                    "Component custom id cannot be duplicated"
                    if name == "custom_id"
                    else "Component id cannot be duplicated"
                )
                form.refuse((*place, name), code, told)


def check_range(select: Json, place: Place, form: Form) -> None:
    """Note a select that asks for more than it offers, or offers the same twice."""
    least, most = select.get("min_values"), select.get("max_values")
    if (1 if most is None else most) < (1 if least is None else least):
        form.refuse((*place, "max_values"), "BASE_TYPE_MIN", "max_values must be at least min_values.")
    options = parts(select, "options") if select["type"] in {STRING_SELECT, CHECKBOX_GROUP} else []
    if options and (most or 1) > len(options):
        form.refuse(
            (*place, "max_values"),
            "NUMBER_TYPE_MAX",
            f"int value should be less than or equal to {len(options)}.",
        )
    if len({option["value"] for option in options}) < len(options):
        form.refuse(
            (*place, "options"),
            "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
            "The specified option value is already used",
        )


def _check_row(row: Json, place: Place, form: Form) -> None:
    kinds = [part["type"] for part in row["components"]]
    if len(kinds) > MOST_IN_A_ROW or (len(kinds) > 1 and any(kind in SELECTS for kind in kinds)):
        form.refuse(
            place, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width"
        )


def _check_totals(everything: list[tuple[Place, Json]], form: Form) -> None:
    if len(everything) > MOST_COMPONENTS:
        form.refuse(("components",), "BASE_TYPE_MAX_LENGTH", f"Must be {MOST_COMPONENTS} or fewer in length.")
    written = sum(len(part.get("content") or "") for _, part in everything if part["type"] == TEXT_DISPLAY)
    if written > MOST_TEXT:
        form.refuse(
            ("components",),
            "COMPONENT_TEXT_SIZE_EXCEEDED",
            f"The total text size of components must not exceed {MOST_TEXT}",
        )
    media = sum(_media_count(part) for _, part in everything)
    if media > MOST_MEDIA:
        form.refuse(("components",), "COMPONENT_MEDIA_EXCEEDED", f"Must have {MOST_MEDIA} or fewer media.")


def _media_count(part: Json) -> int:
    return len(part["items"]) if part["type"] == GALLERY else int(part["type"] == THUMBNAIL)
