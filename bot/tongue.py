"""The language that people are answered in: English texts are the keys, and a file for each other language.

Which language is spoken belongs to the task that answers: commands and buttons set it from the interaction,
cards and outcomes from the note of their chat.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files

LOCALES = ("de", "es", "ja", "zh-CN")
_SPOKEN: ContextVar[str] = ContextVar("spoken", default="en")


def say(text: str, /, **fields: object) -> str:
    """Return an English text in the language of the moment, with its fields filled in."""
    words = catalogue(_SPOKEN.get()).get(text, text)
    return words.format_map(fields)


def mark(text: str, /) -> str:
    """Return a text that is to be translated where it is said; says nothing itself."""
    return text


def translated(text: str, /) -> str:
    """Return a text that was marked elsewhere in the language of the moment, and any other as it is."""
    return catalogue(_SPOKEN.get()).get(text, text)


def speak(locale: str) -> None:
    """Speak a language from now on in this task; one that nobody has translated is English."""
    _SPOKEN.set(tongue_of(locale))


@contextmanager
def speaking(locale: str) -> Generator[None]:
    """Speak a language while the block lasts."""
    token = _SPOKEN.set(tongue_of(locale))
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def tongue_of(locale: str) -> str:
    """Return the language that is spoken for one of Discord's locales: `es` for `es-419`."""
    if locale in LOCALES:
        return locale
    language = locale.partition("-")[0]
    return language if language in LOCALES else "en"


@cache
def catalogue(locale: str) -> dict[str, str]:
    """Return what is translated; nothing for English."""
    if locale not in LOCALES:
        return {}
    read: dict[str, str] = json.loads(files("bot").joinpath(f"locales/{locale}.json").read_text("utf-8"))
    return read
