"""Finds known phrases in a text: the longest first, with room for a colour inside, over plurals, hyphens and slips.

Knows what each phrase is (a trait's value, a colour, a noun that takes adjectives, ...), not what they mean together.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from synid_engine.tiny.phrase_table import LEAD, Entry, color_phrases, phrase_table, trained_words

_SLOTTED = ("hair", "facial_hair", "clothes")
_TOKEN = re.compile(r"\w+(?:'\w+)?|\d\w*|[^\w\s]")
_MARKS = set(",.;:!?()[]{}\"'*~-+&=|<>#@%`_…\u201c\u201d\u2013\u2014\\")
_SLIP_LETTERS = 7


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase found; `colors` are those that stood inside it."""

    entry: Entry
    text: str
    colors: tuple[str, ...] = ()


def find_phrases(text: str) -> tuple[list[Match], list[tuple[str, str]]]:
    """Cut a text into known phrases, marks and unknown words.

    Returns:
        The matches in order, nothing left out, and the slips of spelling that were mended, as (written, read).
    """
    tokens, slips = _mend(tokenize(text))
    matches: list[Match] = []
    i = 0
    while i < len(tokens):
        match, used = _longest(tokens, i)
        matches.append(match)
        i += used
    return matches, slips


def tokenize(text: str) -> list[str]:
    """Split into lower-case words and marks; hyphens and slashes part words."""
    text = (
        text.lower()
        .replace("\u2019", "'")
        .replace("/", " , ")
        .replace("-", " ")
        .replace("_", " ")
        .replace("\n", " , ")
    )
    return [token.removesuffix("'s") if token not in _singles() else token for token in _TOKEN.findall(text)]


def _longest(tokens: list[str], i: int) -> tuple[Match, int]:
    best: tuple[int, Match] | None = None
    for words, entry in _candidates(tokens[i]):
        used, colors = _fits(tokens, i, words, slot=entry.trait in _SLOTTED)
        if used and (
            best is None or used > best[0] or (used == best[0] and len(best[1].colors) > len(colors))
        ):
            if entry.kind not in ("color", "stop") and _cuts_color(tokens, i + used):
                continue
            best = used, Match(entry, LEAD.sub("", " ".join(tokens[i : i + used])), colors)
    if best is not None:
        return best[1], best[0]
    return Match(Entry("mark" if tokens[i] in _MARKS else "unknown"), tokens[i]), 1


def _cuts_color(tokens: list[str], end: int) -> bool:
    """Whether a phrase that ends here would tear a colour apart, as `in a forest` does `forest green`."""
    return end < len(tokens) and _color_length(tokens, end - 1) > 1


def _candidates(token: str) -> Iterator[tuple[tuple[str, ...], Entry]]:
    index = _index()
    for form in _forms(token):
        yield from index.get(form, ())


def _forms(token: str) -> tuple[str, ...]:
    forms = [token]
    if token.endswith("s") and len(token) > 3:  # noqa: PLR2004
        forms.append(token[:-1])
        if token.endswith("es"):
            forms.append(token[:-2])
        if token.endswith("ies"):
            forms.append(f"{token[:-3]}y")
    return tuple(forms)


def _fits(
    tokens: list[str], start: int, words: tuple[str, ...], *, slot: bool
) -> tuple[int, tuple[str, ...]]:
    """Count the tokens that a phrase takes up, 0 where it does not fit; with `slot` a colour may stand inside."""
    i, colors = start, list[str]()
    for position, word in enumerate(words):
        while slot and position and i < len(tokens) and word not in _forms(tokens[i]):
            length = _color_length(tokens, i)
            if not length:
                return 0, ()
            colors.append(" ".join(tokens[i : i + length]))
            i += length
        if i >= len(tokens) or word not in _forms(tokens[i]):
            return 0, ()
        i += 1
    return i - start, tuple(colors)


def _color_length(tokens: list[str], i: int) -> int:
    colors = color_phrases()
    return next((n for n in (3, 2, 1) if i + n <= len(tokens) and " ".join(tokens[i : i + n]) in colors), 0)


def _mend(tokens: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Read an unknown long word as the one known word that is a single slip away."""
    mended: list[str] = []
    slips: list[tuple[str, str]] = []
    for token in tokens:
        known = any(form in _singles() for form in _forms(token))
        options = set[str]() if known or len(token) < _SLIP_LETTERS else _one_slip_away(token)
        if len(options) == 1:
            slips.append((token, min(options)))
        mended.append(min(options) if len(options) == 1 else token)
    return mended, slips


def _one_slip_away(token: str) -> set[str]:
    cuts = [(token[:i], token[i:]) for i in range(1, len(token) + 1)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = {a + b[1:] for a, b in cuts if b}
    words |= {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    words |= {a + c + b[1:] for a, b in cuts if b for c in letters}
    words |= {a + c + b for a, b in cuts for c in letters}
    return words & trained_words()


@lru_cache(maxsize=1)
def _index() -> Mapping[str, list[tuple[tuple[str, ...], Entry]]]:
    index: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    for phrase, entry in phrase_table().items():
        words = tuple(phrase.split())
        if words:
            index.setdefault(words[0], []).append((words, entry))
    return index


@lru_cache(maxsize=1)
def _singles() -> frozenset[str]:
    return frozenset(word for phrase in phrase_table() for word in phrase.split())
