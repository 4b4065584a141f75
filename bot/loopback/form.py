"""Check a request body as Discord does: every fault is collected, each under its place in the form.

It knows the kinds of rules, not the rules themselves.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from bot.loopback.refusals import FORM_IS_INVALID, RefusalError

Json = dict[str, Any]
Place = tuple[str | int, ...]
_INT64 = 1 << 63


@dataclass(slots=True)
class Form:
    """The faults found so far.

    Attributes:
        faults: Where, code and sentence of each.
    """

    faults: list[tuple[Place, str, str]] = field(default_factory=list[tuple[Place, str, str]])

    def refuse(self, place: Place, code: str, message: str) -> None:
        """Note a fault."""
        self.faults.append((place, code, message))

    def close(self) -> None:
        """Raise what was noted, if anything was."""
        if not self.faults:
            return
        errors: Json = {}
        for place, code, message in self.faults:
            node = errors
            for step in place:
                node = cast("Json", node.setdefault(str(step), {}))
            cast("list[Json]", node.setdefault("_errors", [])).append({"code": code, "message": message})
        raise RefusalError(400, FORM_IS_INVALID, "Invalid Form Body", errors)


Rule = Callable[[Any, Place, Form], None]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    Attributes:
        rule: What its value must obey.
        required: Whether it must be there, and not null.
        nullable: Whether it may be null.
    """

    rule: Rule
    required: bool = False
    nullable: bool = True


def required(rule: Rule) -> Field:
    """Make a field that must be there."""
    return Field(rule, required=True, nullable=False)


def _length(value: Collection[Any], place: Place, form: Form, bounds: tuple[int, int | None]) -> None:
    least, most = bounds
    size = len(value)
    if most is not None and least and not least <= size <= most:
        form.refuse(place, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
    elif most is not None and size > most:
        form.refuse(place, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
    elif size < least:
        form.refuse(place, "BASE_TYPE_MIN_LENGTH", f"Must be {least} or more in length.")


def text(most: int | None = None, *, least: int = 0, pattern: re.Pattern[str] | None = None) -> Rule:
    """Demand a string of a length, and of a form."""

    def check(value: Any, place: Place, form: Form) -> None:
        if not isinstance(value, str):
            form.refuse(place, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return
        _length(value, place, form, (least, most))
        if pattern is not None and not pattern.fullmatch(value):
            form.refuse(place, "STRING_TYPE_REGEX", "String value did not match validation regex.")

    return check


def _bounded(value: float, place: Place, form: Form, bounds: tuple[float | None, float | None]) -> None:
    least, most = bounds
    if least is not None and value < least:
        form.refuse(place, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}.")
    if most is not None and value > most:
        form.refuse(place, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")


def integer(least: int | None = -_INT64, most: int | None = _INT64 - 1, *, or_digits: bool = False) -> Rule:
    """Demand a whole number in a range; where `or_digits`, a string of digits will do."""

    def check(value: Any, place: Place, form: Form) -> None:
        digits = or_digits and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value)
        if (isinstance(value, int) and not isinstance(value, bool)) or digits:
            _bounded(int(value), place, form, (least, most))
        else:
            form.refuse(place, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')

    return check


def number(least: float | None = None, most: float | None = None) -> Rule:
    """Demand a number in a range."""

    def check(value: Any, place: Place, form: Form) -> None:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            _bounded(value, place, form, (least, most))
        else:
            form.refuse(place, "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')

    return check


def boolean(value: Any, place: Place, form: Form) -> None:
    """Demand true or false."""
    if not isinstance(value, bool):
        form.refuse(place, "BOOLEAN_TYPE_PARSE", "Must be either true or false.")


def snowflake(value: Any, place: Place, form: Form) -> None:
    """Demand an id."""
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,20}", str(value)):
        form.refuse(place, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')


def one_of(*choices: object) -> Rule:
    """Demand one of a few values."""

    def check(value: Any, place: Place, form: Form) -> None:
        if isinstance(value, bool) or value not in choices:
            told = ", ".join(repr(choice) for choice in choices)
            form.refuse(place, "BASE_TYPE_CHOICES", f"Value must be one of {{{told}}}.")

    return check


def link(*schemes: str, most: int = 2048) -> Rule:
    """Demand an address with one of a few schemes."""

    def check(value: Any, place: Place, form: Form) -> None:
        if not isinstance(value, str):
            form.refuse(place, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return
        _length(value, place, form, (0, most))
        scheme, _, rest = value.partition("://")
        if scheme.lower() not in schemes:
            told = ", ".join(repr(known) for known in schemes)
            form.refuse(place, "URL_TYPE_INVALID_SCHEME", f"Scheme {scheme!r} must be one of ({told}).")
        elif not rest or re.search(r"\s", value) or not _is_well_formed(value):
            form.refuse(place, "URL_TYPE_INVALID_URL", "Not a well formed URL.")

    return check


def _is_well_formed(url: str) -> bool:
    try:
        return bool(urlsplit(url).netloc)
    except ValueError:
        return False


def array(rule: Rule, most: int | None = None, *, least: int = 0, unique: bool = False) -> Rule:
    """Demand a list of a length, each part after a rule."""

    def check(value: Any, place: Place, form: Form) -> None:
        if not isinstance(value, list):
            form.refuse(place, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return
        entries = cast("list[Any]", value)
        _length(entries, place, form, (least, most))
        if unique and len({str(part) for part in entries}) < len(entries):
            form.refuse(place, "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")
        for index, part in enumerate(entries):
            rule(part, (*place, index), form)

    return check


def record(fields: Mapping[str, Field | Rule]) -> Rule:
    """Demand an object; fields that Discord does not know are ignored, as it does."""
    known = {name: rule if isinstance(rule, Field) else Field(rule) for name, rule in fields.items()}

    def check(value: Any, place: Place, form: Form) -> None:
        if not isinstance(value, dict):
            form.refuse(place, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
            return
        given = cast("Json", value)
        for name, rule in known.items():
            if given.get(name) is not None:
                rule.rule(given[name], (*place, name), form)
            elif rule.required or (name in given and not rule.nullable):
                form.refuse((*place, name), "BASE_TYPE_REQUIRED", "This field is required")

    return check


def mapping(rule: Rule, keys: Collection[str]) -> Rule:
    """Demand an object with keys from a list."""

    def check(value: Any, place: Place, form: Form) -> None:
        if not isinstance(value, dict):
            form.refuse(place, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            return
        for key, part in cast("Json", value).items():
            if key in keys:
                rule(part, (*place, key), form)
            else:
                form.refuse((*place, key), "ENUM_TYPE_COERCE", f'Value "{key}" is not a valid enum value.')

    return check


def by_type(kinds: Mapping[int, Rule]) -> Rule:
    """Demand an object whose `type` says which rule it follows."""

    def check(value: Any, place: Place, form: Form) -> None:
        kind = cast("Json", value).get("type") if isinstance(value, dict) else None
        if isinstance(kind, int) and not isinstance(kind, bool) and kind in kinds:
            kinds[kind](value, place, form)
        else:
            told = ", ".join(str(known) for known in kinds)
            form.refuse(
                (*place, "type"), "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({told}).'
            )

    return check


def check_form(body: Any, *rules: Rule) -> None:
    """Raise unless a body obeys every rule.

    Raises:
        RefusalError: 50035, with every fault under its place.
    """
    form = Form()
    for rule in rules:
        rule(body, (), form)
        form.close()


def parts(body: Mapping[str, Any], name: str) -> list[Json]:
    """Return the list in a field; an empty one where it is absent or null."""
    return body.get(name) or []


def places(items: Sequence[Any], place: Place) -> list[tuple[Place, Any]]:
    """Number the parts of a list by their place in the form."""
    return [((*place, index), item) for index, item in enumerate(items)]
