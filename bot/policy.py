"""Which texts are drawn: their form, the words in them, and what their words say together.

Knows neither Discord nor stores. The lists are data: `policy.toml` here, and a file of the same form that
the owner of the bot may name. A list of words stops nobody who is set on it; pictures are judged besides.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from bot.chat_errors import RefusedTextError, UnreadablePolicyError
from bot.requests import clean_text
from bot.settings import Settings
from synid_engine.errors import InvalidSettingError
from synid_engine.serving.judging import Judging, judge_limits

LONGEST_PROMPT = 1000
_MOST_COMBINING = 8
"""Marks upon one letter: more are not writing but a tower over the neighbours' messages."""
_ACCENTS = re.compile("[\u0300-\u036f]")
_NOT_LETTERS = re.compile(r"[\W_]+")
_SPELT_OUT = re.compile(r"\b(?:\w ){2,}\w\b")
_DIGITS = str.maketrans("013457@$", "oieastas")
_AGES = re.compile(
    r"(?<!\d)(?:1[0-7]|[1-9])[ ]?"
    r"(?:years? old|year|yrs? old|yr|yo|y o|jahre? alt|jahrige?r?|anos|歳|才|岁)"
)
_LISTS = ("minors", "sexual", "suggestive", "refused", "patterns", "allowed")
_JUDGES = "judges"


class PromptPolicy(Protocol):
    """Decides which texts are drawn."""

    def clean(self, text: str, *, field: str) -> str:
        """Return a text as it may be stored, whatever its words.

        Raises:
            InvalidRequestError: Its form is refused.
        """
        ...

    def check(self, text: str, *, field: str) -> str:
        """Return a text as it may be used.

        Raises:
            InvalidRequestError: Its form is refused.
            RefusedTextError: A word is.
        """
        ...

    def check_together(self, texts: Sequence[str], *, field: str) -> None:
        """Look at texts that describe one picture.

        Raises:
            RefusedTextError: They describe what neither may.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WordLists:
    """Lists of words, and patterns that are refused.

    Attributes:
        minors: Words for people who are not of age.
        sexual: Words that are refused for everybody.
        suggestive: Words that are refused together with minors.
        refused: Further words that are refused.
        patterns: Further patterns that are.
    """

    minors: frozenset[str] = frozenset()
    sexual: frozenset[str] = frozenset()
    suggestive: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()


def read_lists(extra: Path | None = None) -> WordLists:
    """Read the lists.

    Args:
        extra: A file that adds to them; None is none.

    Raises:
        UnreadablePolicyError: It is not there, or not of the form.
    """
    own = _tables(files("bot").joinpath("policy.toml").read_text("utf-8"), "policy.toml")
    added = _tables("", "") if extra is None else _read_extra(extra)
    allowed = {_plain(one) for one in added["allowed"]}
    both = {name: {_plain(one) for one in (*own[name], *added[name])} for name in _LISTS}
    return WordLists(
        minors=frozenset(both["minors"]),
        sexual=frozenset(both["sexual"] - allowed),
        suggestive=frozenset(both["suggestive"]),
        refused=frozenset(both["refused"] - allowed),
        patterns=(*own["patterns"], *added["patterns"]),
    )


def judging_of(settings: Settings) -> Judging:
    """Return who looks at pictures: the judges of the owner's file, else the usual one.

    Raises:
        UnreadablePolicyError: The file is not there, or names a judge or a limit that there is not.
    """
    if settings.policy is None:
        return Judging(limit=settings.nsfw_threshold)
    named = _toml(_text_of(settings.policy), str(settings.policy)).get(_JUDGES, {})
    if not isinstance(named, dict):
        raise UnreadablePolicyError(path=settings.policy, detail=f"{_JUDGES} is no table")
    try:
        limits = {str(name): float(one) for name, one in named.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - any TOML
        return Judging(limit=settings.nsfw_threshold, judges=judge_limits(limits))
    except (TypeError, ValueError) as error:
        detail = f"{_JUDGES} has a limit that is no number"
        raise UnreadablePolicyError(path=settings.policy, detail=detail) from error
    except InvalidSettingError as error:
        detail = f"{error.field}: {error.value} is not {error.allowed}"
        raise UnreadablePolicyError(path=settings.policy, detail=detail) from error


def _read_extra(path: Path) -> dict[str, tuple[str, ...]]:
    return _tables(_text_of(path), str(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadablePolicyError(path=path, detail=str(error)) from error


def _toml(text: str, name: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadablePolicyError(path=Path(name), detail=str(error)) from error


def _tables(text: str, name: str) -> dict[str, tuple[str, ...]]:
    read = {key: value for key, value in _toml(text, name).items() if key != _JUDGES}
    found: dict[str, tuple[str, ...]] = dict.fromkeys(_LISTS, ())
    for key, value in read.items():
        if key not in found or not isinstance(value, list):
            raise UnreadablePolicyError(path=Path(name), detail=f"{key} is no list that is known")
        found[key] = tuple(str(one) for one in value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - any TOML
    for pattern in found["patterns"]:
        try:
            re.compile(pattern)
        except re.error as error:
            raise UnreadablePolicyError(path=Path(name), detail=f"{pattern}: {error}") from error
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPolicy:
    """Length, control characters, towers of marks, and lists of words; see `PromptPolicy`.

    Sexual words with those for minors are refused whatever the lists of the owner allow.

    Attributes:
        lists: The words.
        always_sexual: The sexual words that nobody can allow beside a minor.
        longest: Characters of a text.
    """

    lists: WordLists
    always_sexual: frozenset[str] = field(default_factory=lambda: read_lists().sexual)
    longest: int = LONGEST_PROMPT

    def clean(self, text: str, *, field: str) -> str:
        """See `PromptPolicy`."""
        cleaned = clean_text(text, field=field)
        if len(cleaned) > self.longest:
            raise RefusedTextError(field=field, reason="long")
        if _longest_tower(cleaned) > _MOST_COMBINING:
            raise RefusedTextError(field=field, reason="marks")
        return cleaned

    def check(self, text: str, *, field: str) -> str:
        """See `PromptPolicy`."""
        cleaned = self.clean(text, field=field)
        self.check_together((cleaned,), field=field)
        return cleaned

    def check_together(self, texts: Sequence[str], *, field: str) -> None:
        """See `PromptPolicy`."""
        readings = [reading for text in texts for reading in _readings(text)]
        lists = self.lists
        is_minor = _any(lists.minors, readings) or any(_AGES.search(one) for one in readings)
        if is_minor and _any(self.always_sexual | lists.sexual | lists.suggestive, readings):
            raise RefusedTextError(field=field, reason="minors")
        if _any(lists.sexual, readings):
            raise RefusedTextError(field=field, reason="sexual")
        patterns = [re.compile(one, re.IGNORECASE) for one in lists.patterns]
        if _any(lists.refused, readings) or any(one.search(text) for one in patterns for text in texts):
            raise RefusedTextError(field=field, reason="listed")


def _readings(text: str) -> tuple[str, ...]:
    """Return a text without accents and signs, also with digits as letters, and spelt-out words joined."""
    plain = [_plain(text), _plain(text.translate(_DIGITS))]
    joined = [_SPELT_OUT.sub(lambda match: match[0].replace(" ", ""), one) for one in plain]
    return tuple(dict.fromkeys((*plain, *joined)))


def _plain(text: str) -> str:
    composed = unicodedata.normalize("NFKC", text)
    visible = "".join(one for one in composed if unicodedata.category(one) != "Cf")
    bare = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", visible.casefold())))
    return " ".join(_NOT_LETTERS.sub(" ", bare).split())


def _any(words: Iterable[str], readings: Sequence[str]) -> bool:
    for word in words:
        if word.isascii():
            found = any(f" {word} " in f" {one} " or f" {word}s " in f" {one} " for one in readings)
        else:
            found = any(word in one for one in readings)
        if found:
            return True
    return False


def _longest_tower(text: str) -> int:
    longest = height = 0
    for character in text:
        height = height + 1 if unicodedata.combining(character) else 0
        longest = max(longest, height)
    return longest
