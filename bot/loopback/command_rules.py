"""What an application command may be.

Source: discord-api-spec `openapi.json`, discord-api-docs interactions/application-commands.
"""

import re

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
    mapping,
    number,
    one_of,
    parts,
    places,
    record,
    required,
    text,
)

CHAT_INPUT, USER, MESSAGE = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER_OPTION, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = (
    range(1, 12)
)
MOST_OF_A_KIND = {CHAT_INPUT: 100, USER: 15, MESSAGE: 15}
MOST_TEXT = 8000
MOST_OPTIONS = 25
MOST_CHOICES = 25
SAFE_INTEGER = (1 << 53) - 1
# fmt: off
LOCALES = frozenset((
    "ar", "bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi", "fr", "he", "hi",
    "hr", "hu", "id", "it", "ja", "ko", "lt", "nl", "no", "pl", "pt-BR", "ro", "ru", "sv-SE", "th",
    "tr", "uk", "vi", "zh-CN", "zh-TW",
))
# fmt: on
_WORD = re.compile(
    r"[-_'\w]{1,32}"
)  # \w is Unicode's letters and digits; Devanagari and Thai marks come with it

_NAME = text(32, least=1)
_DESCRIPTION = text(100, least=1)
_NAMED: dict[str, Field | Rule] = {
    "name": required(_NAME),
    "name_localizations": mapping(_NAME, LOCALES),
    "description": required(_DESCRIPTION),
    "description_localizations": mapping(_DESCRIPTION, LOCALES),
    "required": boolean,
}


def _choices(value: Rule) -> Rule:
    name = text(100, least=1)
    fields = {"name": required(name), "name_localizations": mapping(name, LOCALES), "value": required(value)}
    return array(record(fields), MOST_CHOICES)


_WHOLE, _ANY_NUMBER = integer(-SAFE_INTEGER, SAFE_INTEGER), number(-SAFE_INTEGER, SAFE_INTEGER)
CHOICES: dict[int, Rule] = {
    STRING: _choices(text(100)),
    INTEGER: _choices(_WHOLE),
    NUMBER: _choices(_ANY_NUMBER),
}
_VALUES: dict[int, Rule] = {
    STRING: record(
        _NAMED
        | {
            "autocomplete": boolean,
            "choices": CHOICES[STRING],
            "min_length": integer(0, 6000),
            "max_length": integer(1, 6000),
        }
    ),
    INTEGER: record(
        _NAMED
        | {"autocomplete": boolean, "choices": CHOICES[INTEGER], "min_value": _WHOLE, "max_value": _WHOLE}
    ),
    NUMBER: record(
        _NAMED
        | {
            "autocomplete": boolean,
            "choices": CHOICES[NUMBER],
            "min_value": _ANY_NUMBER,
            "max_value": _ANY_NUMBER,
        }
    ),
    CHANNEL: record(_NAMED | {"channel_types": array(integer(0, 16), unique=True)}),
    **{kind: record(_NAMED) for kind in (BOOLEAN, USER_OPTION, ROLE, MENTIONABLE, ATTACHMENT)},
}
_SUBCOMMAND: dict[int, Rule] = {
    SUBCOMMAND: record(_NAMED | {"options": array(by_type(_VALUES), MOST_OPTIONS)})
}
_OPTIONS = (
    _VALUES | _SUBCOMMAND | {GROUP: record(_NAMED | {"options": array(by_type(_SUBCOMMAND), MOST_OPTIONS)})}
)
_SHAPE = record(
    {
        "type": one_of(CHAT_INPUT, USER, MESSAGE),
        "name": required(_NAME),
        "name_localizations": mapping(_NAME, LOCALES),
        "description": text(100),
        "description_localizations": mapping(text(100), LOCALES),
        "options": array(by_type(_OPTIONS), MOST_OPTIONS),
        "default_member_permissions": integer(0, (1 << 54) - 1, or_digits=True),
        "dm_permission": boolean,
        "contexts": array(one_of(0, 1, 2), least=1, unique=True),
        "integration_types": array(one_of(0, 1), least=1, unique=True),
        "nsfw": boolean,
    }
)


def check_command(body: Json) -> None:
    """Raise unless a command is one that Discord registers.

    Raises:
        RefusalError: 50035, with every fault under its place.
    """
    check_form(body, _SHAPE, _check_kind, _check_options, _check_size)


def check_commands(bodies: list[Json]) -> None:
    """Raise unless a whole list of commands can be registered together.

    Raises:
        RefusalError: 50035, with every fault under its place.
    """

    def spanning(commands: list[Json], _place: Place, form: Form) -> None:
        seen: set[tuple[int, str]] = set()
        for place, body in places(commands, ()):
            for rule in (_check_kind, _check_options, _check_size):
                rule(body, place, form)
            key = (body.get("type") or CHAT_INPUT, body["name"])
            if key in seen:
                form.refuse(
                    (*place, "name"),
                    "APPLICATION_COMMANDS_DUPLICATE_NAME",
                    "Application command names must be unique",
                )
            seen.add(key)

    check_form(bodies, array(_SHAPE, sum(MOST_OF_A_KIND.values())), spanning)


def _check_word(name: str, place: Place, form: Form) -> None:
    if not _is_word(name):
        form.refuse((*place, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _is_word(name: str) -> bool:
    marks = "".join(letter if not _is_mark(letter) else "a" for letter in name)
    return bool(_WORD.fullmatch(marks)) and name == name.lower()


def _is_mark(letter: str) -> bool:
    return "\u0900" <= letter <= "\u097f" or "\u0e00" <= letter <= "\u0e7f"


def _check_kind(body: Json, place: Place, form: Form) -> None:
    if (body.get("type") or CHAT_INPUT) == CHAT_INPUT:
        _check_word(body["name"], place, form)
        if not body.get("description"):
            form.refuse((*place, "description"), "BASE_TYPE_REQUIRED", "This field is required")
        return
    for name in ("description", "options"):
        if body.get(name):
            form.refuse(
                (*place, name),
                "APPLICATION_COMMAND_CONTEXT_MENU_FIELD",
                "Context menu commands cannot have this field",
            )


def _check_options(body: Json, place: Place, form: Form) -> None:
    options: list[Json] = body.get("options") or []
    optional_came, names = False, set[str]()
    for here, option in places(options, (*place, "options")):
        _check_word(option["name"], here, form)
        if option["name"] in names:
            form.refuse(
                (*here, "name"),
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
                "Option name must be unique",
            )
        names.add(option["name"])
        if option["type"] in {SUBCOMMAND, GROUP}:
            _check_options(option, here, form)
        elif option.get("required") and optional_came:
            form.refuse(
                here,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_came |= not option.get("required")
        _check_value(option, here, form)
    kinds = {option["type"] in {SUBCOMMAND, GROUP} for option in options}
    if len(kinds) > 1:
        form.refuse(
            (*place, "options"),
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and sub-command group option types are mutually exclusive to all other types",
        )


def _check_value(option: Json, place: Place, form: Form) -> None:
    if option["type"] not in CHOICES:
        return
    if option.get("autocomplete") and option.get("choices"):
        form.refuse(
            place, "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", "Choices cannot be used with autocomplete"
        )
    least, most = ("min_length", "max_length") if option["type"] == STRING else ("min_value", "max_value")
    low, high = option.get(least), option.get(most)
    if low is not None and high is not None and low > high:
        form.refuse((*place, least), "APPLICATION_COMMAND_OPTION_MIN_MAX", f"{least} must be at most {most}")


def _longest(part: Json, name: str) -> int:
    localised: Json = part.get(f"{name}_localizations") or {}
    return max(len(written) for written in (part.get(name) or "", *localised.values()))


def command_length(command: Json) -> int:
    """Count a command's characters: names, descriptions and values; of the translations only the longest."""
    own = _longest(command, "name") + _longest(command, "description")
    return own + sum(_option_length(option) for option in parts(command, "options"))


def _option_length(option: Json) -> int:
    if option["type"] in {SUBCOMMAND, GROUP}:
        return command_length(option)
    choices = parts(option, "choices") if option["type"] in CHOICES else []
    values = sum(_longest(choice, "name") + len(str(choice["value"])) for choice in choices)
    return _longest(option, "name") + _longest(option, "description") + values


def _check_size(body: Json, place: Place, form: Form) -> None:
    if command_length(body) > MOST_TEXT:
        form.refuse(place, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({MOST_TEXT})")
