"""Reads ordinary English about a character: what this world can draw of it, and what it cannot.

Adjectives and colours belong to the noun that follows within the clause, else to the one before; colours that
only hair has (auburn, blonde) go to the hair. The first mention of a trait wins; another value is told.
Nothing is dropped silently: a word ends in a trait, in `cannot_draw`, in `unknown`, or is a word of grammar.

Knows nothing about pictures or models. Values are those of `world`, as `vocabulary` writes them.
"""

import re
from dataclasses import dataclass, field

from synid_engine.tiny import vocabulary as vocab
from synid_engine.tiny.binding import COLORS_OF_PEOPLE, HAIR_WORDS, Bindings, bind
from synid_engine.tiny.phrase_table import COVERED_HAIR, read_color
from synid_engine.tiny.phrases import Match, find_phrases
from synid_engine.tiny.rewording import reword

_BIG = {"big", "long", "shaggy", "spiky"}
_SHARPENED = {
    ("sad", "crying"),
    ("smiling", "laughing"),
    ("angry", "shouting"),
    ("neutral", "sleepy"),
    ("portrait", "close-up"),
    ("portrait", "wide"),
    ("beard", "big beard"),
}
_AGE_NUMBER = re.compile(r"\d+s?")
# The first line whose adjectives all describe the hair decides its style.
_HAIR_RULES: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(groups.split("+")), value)
    for groups, value in (
        ("tied", "bun"),
        ("long wavy", "long wavy"),
        ("short+curly", "short curly"),
        ("short+wavy", "short curly"),
        ("curly", "curly"),
        ("long+spiky", "long wavy"),
        ("long+shaggy", "long wavy"),
        ("medium", "shoulder-length"),
        ("wavy", "long wavy"),
        ("shaggy", "mullet"),
        ("spiky", "spiky"),
        ("thin", "balding"),
        ("long", "long straight"),
        ("short", "short"),
        ("straight", "long straight"),
        ("bangs", "bob"),
        ("neat", "short"),
        ("small", "short"),
        ("big", "curly"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What was understood of a text.

    `traits` holds the world's values; `normalised` says the same in words that the model was trained on.
    `unknown` are words never heard of; `cannot_draw` are understood but not of this world, or contradict what
    was said before; `approximated` are (said, taken for).
    """

    traits: dict[str, str]
    normalised: str
    unknown: tuple[str, ...]
    cannot_draw: tuple[str, ...]
    approximated: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Reading:
    """The state of one text while it is read."""

    matches: list[Match]
    bindings: Bindings
    traits: dict[str, str] = field(default_factory=dict[str, str])
    wordings: dict[str, str] = field(default_factory=dict[str, str])
    unknown: list[str] = field(default_factory=list[str])
    cannot_draw: list[str] = field(default_factory=list[str])
    approximated: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def settle(self, trait: str, value: str, said: str, *, exact: bool, wording: str = "") -> None:
        """Take a value, unless the text said another one before."""
        if (self.traits.get(trait), value) in _SHARPENED:
            self.traits.pop(trait)
            self.wordings.pop(trait, None)
        if trait == "framing" and value == "portrait" and trait in self.traits:
            return  # a full-body portrait is a full body
        known = self.traits.setdefault(trait, value)
        if known != value:
            self.cannot_draw.append(said)
            return
        if wording:
            self.wordings.setdefault(trait, wording)
        if not exact:
            self.approximated.append((said, value))


def understand(text: str) -> Understanding:
    """Read a description or a prompt.

    Args:
        text: ordinary English of any length; an empty one says nothing.
    """
    matches, slips = find_phrases(text)
    reading = _Reading(matches, bind(matches))
    reading.approximated.extend(slips)
    _read_homeless(reading)
    for i, match in enumerate(matches):
        if i in reading.bindings.negated:
            _read_negated(reading, match)
        else:
            _read(reading, i, match)
    _read_hair(reading)
    return Understanding(
        traits=reading.traits,
        normalised=reword(reading.traits, reading.wordings, matches),
        unknown=tuple(dict.fromkeys(reading.unknown)),
        cannot_draw=tuple(dict.fromkeys(reading.cannot_draw)),
        approximated=tuple(dict.fromkeys(reading.approximated)),
    )


def _read_homeless(reading: _Reading) -> None:
    """Read the adjectives that have no noun in the text."""
    for i in reading.bindings.on_clothes:
        _read_color(reading, "clothes", reading.matches[i].text, "clothes")
    for i in reading.bindings.on_skin:
        _read_color(reading, "skin", reading.matches[i].text, "skin")
    reading.cannot_draw.extend(reading.matches[i].text for i in reading.bindings.homeless)


def _read(reading: _Reading, i: int, match: Match) -> None:
    entry = match.entry
    if entry.kind == "value":
        _read_value(reading, i, match)
    elif entry.kind in ("noun", "person"):
        _read_noun(reading, i, match)
    elif entry.kind in ("role", "thing"):
        _read_undrawable(reading, i, match)
    elif entry.kind == "modifier" and entry.anchor:
        for color in _colors(reading, i):
            _read_color(reading, "hair", color, match.text)
    elif entry.kind == "quality":
        reading.cannot_draw.append(match.text)
    elif entry.kind == "unknown":
        (reading.cannot_draw if _AGE_NUMBER.fullmatch(match.text) else reading.unknown).append(match.text)


def _read_value(reading: _Reading, i: int, match: Match) -> None:
    entry, groups = match.entry, _groups(reading, i)
    value, wording = entry.value, entry.pattern
    if entry.trait == "facial_hair" and value == "beard" and groups & _BIG:
        value, wording = "big beard", ""
    elif entry.trait == "glasses" and value == "square glasses" and "round" in groups:
        value, wording = "round glasses", ""
    if entry.trait == "hair":
        _check_hair_words(reading, i, value)
    exact = not entry.near
    reading.settle(entry.trait, value, match.text, exact=exact, wording=wording if exact else "")
    for color in (*match.colors, *_colors(reading, i)):
        _read_color(reading, entry.anchor, color, match.text)


def _check_hair_words(reading: _Reading, i: int, value: str) -> None:
    """Report the adjectives that a hair style does not show: a `messy bun` is a bun."""
    for j in reading.bindings.bound.get(i, ()):
        said = reading.matches[j]
        if said.entry.kind == "modifier" and said.text not in " ".join(vocab.HAIR[value]):
            reading.approximated.append((f"{said.text} {reading.matches[i].text}", value))


def _read_noun(reading: _Reading, i: int, match: Match) -> None:
    entry = match.entry
    if entry.kind == "person":
        if entry.role:
            reading.cannot_draw.append(match.text)
        if entry.anchor != "person":  # redhead
            reading.settle("hair_color", entry.anchor, match.text, exact=True)
        for color in _colors(reading, i):
            _read_person_color(reading, color)
        return
    for color in _colors(reading, i):
        _read_color(reading, entry.anchor, color, match.text)
    if entry.anchor == "hair":
        reading.bindings.on_hair.extend(
            j for j in reading.bindings.bound.get(i, ()) if reading.matches[j].entry.kind == "modifier"
        )
    elif entry.anchor == "beard":
        reading.settle(
            "facial_hair", "big beard" if _groups(reading, i) & _BIG else "beard", match.text, exact=True
        )
    else:
        _report_adjectives(reading, i, match.text)


def _report_adjectives(reading: _Reading, i: int, noun: str) -> None:
    for j in reading.bindings.bound.get(i, ()):
        if reading.matches[j].entry.kind == "modifier":
            reading.cannot_draw.append(f"{reading.matches[j].text} {noun}")


def _read_person_color(reading: _Reading, color: str) -> None:
    if color in COLORS_OF_PEOPLE:
        reading.settle("skin", COLORS_OF_PEOPLE[color], color, exact=True)
        return
    kind = (
        "hair" if read_color("skin", color) is None or color.rsplit(maxsplit=1)[-1] in HAIR_WORDS else "skin"
    )
    _read_color(reading, kind, color, "person")


def _read_undrawable(reading: _Reading, i: int, match: Match) -> None:
    """Report a thing together with its adjectives; a role leaves its hair and skin colours to the person."""
    said = [reading.matches[j].text for j in sorted(reading.bindings.bound.get(i, ()))]
    if match.entry.kind == "role":
        for color in _colors(reading, i):
            _read_person_color(reading, color)
        said = []
    reading.cannot_draw.append(" ".join([*said, match.text]))


def _read_color(reading: _Reading, anchor: str, color: str, noun: str) -> None:
    kind = {"hair": "hair", "beard": "hair", "skin": "skin", "wall": "wall"}.get(anchor, "clothes")
    if anchor == "glasses":
        if color not in ("black", "dark"):
            reading.cannot_draw.append(f"{color} {noun}")
        return
    found = read_color(kind, color)
    if found is None:
        reading.cannot_draw.append(f"{color} {noun}")
        return
    trait = {"hair": "hair_color", "skin": "skin", "wall": "background"}.get(kind, "clothes_color")
    value, exact = found
    wording = color if exact and kind in ("hair", "clothes") else ""
    differs = reading.traits.get(trait, value) != value
    said = f"{color} {noun}" if differs and color not in noun.split() else noun if differs else color
    reading.settle(trait, value, said, exact=exact, wording=wording)


def _read_negated(reading: _Reading, match: Match) -> None:
    entry = match.entry
    denied = {"glasses": "none", "facial_hair": "none"}.get(entry.trait)
    if entry.anchor == "hair" and entry.kind == "noun":
        reading.settle("hair", "bald", f"no {match.text}", exact=True)
    elif entry.anchor == "beard" and entry.kind == "noun":
        reading.settle("facial_hair", "none", f"no {match.text}", exact=True)
    elif denied is not None and entry.value != "none":
        reading.settle(entry.trait, denied, f"no {match.text}", exact=True)
    elif entry.trait == "expression":
        reading.settle("expression", "neutral", f"not {match.text}", exact=False)
    elif entry.kind == "unknown":
        reading.unknown.append(match.text)
    else:
        reading.cannot_draw.append(f"no {match.text}")


def _read_hair(reading: _Reading) -> None:
    """Decide the hair style by its adjectives, where no noun such as `bob` has."""
    said: list[Match] = []
    for j in sorted(reading.bindings.on_hair):
        match = reading.matches[j]
        if match.entry.kind == "color":
            _read_color(reading, "hair", match.text, "hair")
        else:
            said.append(match)
    if not said:
        return
    words = " ".join(match.text for match in said)
    groups = {match.entry.value for match in said}
    if "hair" in reading.traits:
        style = reading.traits["hair"]
        if style in COVERED_HAIR:
            reading.cannot_draw.append(f"{words} hair")
        else:
            reading.approximated.append((f"{words} hair", style))
        return
    value = next((value for rule, value in _HAIR_RULES if rule <= groups), None)
    if value is None:
        reading.cannot_draw.append(f"{words} hair")
        return
    trained = " ".join(vocab.HAIR[value]).replace("{}", "")
    reading.settle("hair", value, f"{words} hair", exact=all(match.text in trained for match in said))


def _groups(reading: _Reading, i: int) -> set[str]:
    return {reading.matches[j].entry.value for j in reading.bindings.bound.get(i, ())} - {""}


def _colors(reading: _Reading, i: int) -> list[str]:
    bound = (reading.matches[j] for j in reading.bindings.bound.get(i, ()))
    return [match.text for match in bound if match.entry.kind == "color"]
