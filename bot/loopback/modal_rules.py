"""What a modal may be.

Source: discord-api-spec `openapi.json`, discord-api-docs components/reference.
"""

from bot.loopback.component_rules import (
    CHECKBOX,
    CHECKBOX_GROUP,
    COMPONENT_ID,
    CUSTOM_ID,
    FILE_UPLOAD,
    LABEL,
    RADIO_GROUP,
    ROW,
    SELECT_RULES,
    SELECTS,
    TEXT_DISPLAY,
    TEXT_INPUT,
    check_range,
    check_unique,
    walk,
)
from bot.loopback.form import (
    Field,
    Form,
    Json,
    Place,
    Rule,
    array,
    boolean,
    by_type,
    check_form,
    integer,
    one_of,
    record,
    required,
    text,
)

MOST_PARTS = 5

_INPUT: dict[str, Field | Rule] = {
    "id": COMPONENT_ID,
    "custom_id": required(CUSTOM_ID),
    "style": required(one_of(1, 2)),
    "label": text(45, least=1),
    "value": text(4000),
    "placeholder": text(100),
    "required": boolean,
    "min_length": integer(0, 4000),
    "max_length": integer(1, 4000),
}
_CHOICE = record(
    {
        "label": required(text(100, least=1)),
        "value": required(text(100, least=1)),
        "description": text(100),
        "default": boolean,
    }
)
_FIELD: dict[str, Field | Rule] = {"id": COMPONENT_ID, "custom_id": required(CUSTOM_ID), "required": boolean}
_LABELLED: dict[int, Rule] = SELECT_RULES | {
    TEXT_INPUT: record(_INPUT),
    FILE_UPLOAD: record(_FIELD | {"min_values": integer(0, 10), "max_values": integer(1, 10)}),
    RADIO_GROUP: record(_FIELD | {"options": required(array(_CHOICE, 10, least=2))}),
    CHECKBOX_GROUP: record(
        _FIELD
        | {
            "options": required(array(_CHOICE, 10, least=1)),
            "min_values": integer(0, 10),
            "max_values": integer(1, 10),
        }
    ),
    CHECKBOX: record({"id": COMPONENT_ID, "custom_id": required(CUSTOM_ID), "default": boolean}),
}
_ROWED_INPUT = record(_INPUT | {"label": required(text(45, least=1))})
_PARTS: dict[int, Rule] = {
    ROW: record(
        {"id": COMPONENT_ID, "components": required(array(by_type({TEXT_INPUT: _ROWED_INPUT}), 1, least=1))}
    ),
    LABEL: record(
        {
            "id": COMPONENT_ID,
            "label": required(text(45, least=1)),
            "description": text(100, least=1),
            "component": required(by_type(_LABELLED)),
        }
    ),
    TEXT_DISPLAY: record({"id": COMPONENT_ID, "content": required(text(4000, least=1))}),
}
_SHAPE = record(
    {
        "custom_id": required(CUSTOM_ID),
        "title": required(text(45, least=1)),
        "components": required(array(by_type(_PARTS), MOST_PARTS, least=1)),
    }
)


def _spanning(body: Json, _place: Place, form: Form) -> None:
    everything = list(walk(body["components"]))
    check_unique(everything, form)
    for place, component in everything:
        kind = component["type"]
        if kind in SELECTS or kind == CHECKBOX_GROUP:
            check_range(component, place, form)
        elif kind == TEXT_INPUT:
            _check_input(component, place, form)
        elif kind == FILE_UPLOAD and (component.get("max_values") or 1) < (component.get("min_values") or 0):
            form.refuse((*place, "max_values"), "BASE_TYPE_MIN", "max_values must be at least min_values.")


def _check_input(field: Json, place: Place, form: Form) -> None:
    least, most = field.get("min_length") or 0, field.get("max_length") or 4000
    if least > most:
        form.refuse(
            (*place, "min_length"), "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}."
        )
    value = field.get("value") or ""
    if value and not least <= len(value) <= most:
        form.refuse(
            (*place, "value"), "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length."
        )


def check_modal(data: Json) -> None:
    """Raise unless a modal is one that Discord shows.

    Raises:
        RefusalError: 50035, with every fault under its place.
    """
    check_form(data, _SHAPE, _spanning)
