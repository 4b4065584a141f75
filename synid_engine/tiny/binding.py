"""Decides which noun each adjective and colour of a text belongs to, and what a `no` denies."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from synid_engine.tiny.phrase_table import read_color
from synid_engine.tiny.phrases import Match

_BOUNDARIES = {
    "with",
    "who",
    "in",
    "on",
    "at",
    "wearing",
    "dressed",
    "has",
    "is",
    "are",
    "but",
    "wears",
    "that",
    "of",
    "have",
}
_BACK_BOUNDARIES = {"with", "who", "but", "wearing", "has", "wears"}
_DRESSED = {"in", "wearing", "wears"}
_JOINTS = {"and", "or", "&"}
_HEADS = {"blond", "blonde", "brunette", "redheaded"}
_SKIN_WORDS = ("tan", "tanned", "pale", "fair", "olive", "caramel", "porcelain")
HAIR_WORDS = {
    "blond",
    "blonde",
    "brunette",
    "ginger",
    "auburn",
    "raven",
    "redheaded",
    "chestnut",
    "platinum",
}
_HAIR_GROUPS = {
    "long",
    "medium",
    "curly",
    "wavy",
    "straight",
    "spiky",
    "shaggy",
    "tied",
    "bangs",
    "long wavy",
}
COLORS_OF_PEOPLE = {"black": "dark", "white": "pale", "brown": "brown"}
_DENIABLE = ("value", "noun", "thing", "role", "person", "quality", "unknown")


@dataclass(frozen=True, slots=True)
class Bindings:
    """Indices into the matches: adjectives by their noun, and those without one by where they go."""

    negated: frozenset[int]
    bound: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    on_hair: list[int] = field(default_factory=list[int])
    on_clothes: list[int] = field(default_factory=list[int])
    on_skin: list[int] = field(default_factory=list[int])
    homeless: list[int] = field(default_factory=list[int])


def bind(matches: Sequence[Match]) -> Bindings:
    """Find a noun for every adjective and colour: in the clause ahead, then behind, then over commas."""
    bindings = Bindings(_negated(matches))
    for i, match in enumerate(matches):
        if match.entry.kind in ("color", "modifier"):
            _bind_one(matches, i, bindings)
    return bindings


def _bind_one(matches: Sequence[Match], i: int, bindings: Bindings) -> None:
    match = matches[i]
    is_color = match.entry.kind == "color"
    target = _ahead(matches, i)
    if (
        target is None
        and is_color
        and i
        and matches[i - 1].text in _DRESSED
        and read_color("clothes", match.text)
    ):
        bindings.on_clothes.append(i)
        return
    if target is None:
        target = _behind(matches, i)
        if target is not None and match.text in _SKIN_WORDS and matches[target].entry.anchor != "skin":
            target = None
    if target is None and match.text not in _SKIN_WORDS:
        target = _ahead(matches, i, over_commas=True)
        target = _behind(matches, i, over_commas=True) if target is None else target
    if target is not None:
        bindings.bound.setdefault(target, []).append(i)
    elif _is_hair_word(match):
        bindings.on_hair.append(i)
    elif is_color and match.text.split()[-1] in _SKIN_WORDS and read_color("skin", match.text):
        bindings.on_skin.append(i)
    else:
        bindings.homeless.append(i)


def _negated(matches: Sequence[Match]) -> frozenset[int]:
    """Mark what a `no` or `without` denies: the next noun, and those joined to it by `or`."""
    negated: set[int] = set()
    denying = False
    for i, match in enumerate(matches):
        kind = match.entry.kind
        if kind in ("no", "mark"):
            denying = kind == "no"
        elif denying and kind in _DENIABLE:
            negated.add(i)
            denying = i + 1 < len(matches) and matches[i + 1].text in ("or", "nor")
    return frozenset(negated)


def _is_hair_word(match: Match) -> bool:
    if match.entry.kind == "modifier":
        return match.entry.value in _HAIR_GROUPS
    hair, skin = read_color("hair", match.text), read_color("skin", match.text)
    if hair is None:
        return False
    last = match.text.split()[-1]
    only = (read_color("clothes", last) is None or last in HAIR_WORDS) and skin is None
    return only or last in HAIR_WORDS


def _ahead(matches: Sequence[Match], i: int, *, over_commas: bool = False) -> int | None:
    for j in range(i + 1, len(matches)):
        match = matches[j]
        kind = match.entry.kind
        if kind == "mark":
            if not over_commas or match.text != ",":
                return None
        elif match.text in _JOINTS:
            follower = matches[j + 1].entry.kind if j + 1 < len(matches) else "mark"
            if follower not in ("color", "modifier"):
                return None
        elif match.text in _BOUNDARIES or (
            over_commas and kind not in ("color", "modifier", "value", "noun")
        ):
            return None
        elif match.entry.anchor:
            return (
                j if _takes(match, matches[i]) and not (over_commas and match.entry.kind == "thing") else None
            )
    return None


def _behind(matches: Sequence[Match], i: int, *, over_commas: bool = False) -> int | None:
    for j in range(i - 1, -1, -1):
        match = matches[j]
        kind = match.entry.kind
        if match.text in _BACK_BOUNDARIES:
            return None
        if kind == "mark" and not (over_commas and match.text in (",", ":")):
            return None
        if match.entry.anchor and match.entry.anchor != "person":
            return j if _takes(match, matches[i]) else None
        if over_commas and kind not in ("mark", "color", "modifier"):
            return None
    return None


def _takes(noun: Match, adjective: Match) -> bool:
    """Whether this noun can have this adjective at all; things that cannot be drawn take any."""
    anchor = noun.entry.anchor
    if adjective.entry.kind == "modifier":
        return anchor != "person" and noun.entry.kind != "person"
    if anchor == "person" or noun.entry.kind == "person":
        return _is_hair_word(adjective) or adjective.text in COLORS_OF_PEOPLE or adjective.text in _SKIN_WORDS
    return anchor in ("hair", "beard", "thing") or adjective.text.split()[-1] not in _HEADS
