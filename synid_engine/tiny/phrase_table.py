"""The table of every phrase the lexicon knows: the captions' wordings and the words near to them.

Knows nothing about texts: `phrases` looks for the phrases, `lexicon` makes sense of them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from synid_engine.tiny import near_words as near
from synid_engine.tiny import vocabulary as vocab

Kind = Literal[
    "value",
    "noun",
    "color",
    "modifier",
    "person",
    "age",
    "role",
    "thing",
    "quality",
    "no",
    "stop",
    "mark",
    "unknown",
]
COVERED_HAIR = ("hijab", "turban", "beanie")
NOUNS = {
    "hair": ("hair", "haired", "hairs", "locks", "strands", "hair color", "hair colour", "tresses"),
    "beard": ("facial hair",),
    "skin": ("skin", "skinned", "complexion", "skin tone", "skin color", "skin colour"),
    "wall": ("background", "backdrop", "wall", "bg"),
    "clothes": ("clothes", "clothing", "outfit", "top", "attire", "garment", "garb", "clothed", "wardrobe"),
}
NEGATIONS = (
    "no",
    "not",
    "without",
    "no longer",
    "doesn't have",
    "has no",
    "isn't",
    "don't",
    "doesn't",
    "lacks",
    "minus",
)
_ANCHORS = {
    "hair": "hair",
    "facial_hair": "beard",
    "glasses": "glasses",
    "clothes": "clothes",
    "skin": "skin",
}
LEAD = re.compile(r"^(?:with |looking |feeling |giving |making )?(?:an? |the )?")
_MEN = ("man", "guy", "boy", "grandpa")
_HEADS = ("blond", "blonde", "brunette")
_WOMEN = ("woman", "girl", "grandma")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a phrase is: a trait's value, or for other kinds a group; adjectives look for its `anchor`."""

    kind: Kind
    trait: str = ""
    value: str = ""
    anchor: str = ""
    pattern: str = ""
    near: bool = False
    role: bool = False


@lru_cache(maxsize=1)
def phrase_table() -> Mapping[str, Entry]:
    """Build phrase -> entry; of two entries of one phrase the first wins."""
    entries: dict[str, Entry] = {}
    for phrase, entry in (*_drawable(), *_adjectives(), *_people(), *_hair_people(), *_undrawable()):
        entries.setdefault(" ".join(plain_words(phrase)), entry)
    return entries


def _drawable() -> Iterator[tuple[str, Entry]]:
    yield from _trained()
    yield from _listed(near.SAME, near=False)
    yield from _listed(near.NEAR, near=True)
    for anchor, nouns in NOUNS.items():
        for noun in nouns:
            yield noun, Entry("noun", anchor=anchor)


def _adjectives() -> Iterator[tuple[str, Entry]]:
    for color in sorted(color_phrases()):
        yield color, Entry("color")
    for group, words in near.MODIFIERS.items():
        for word in split_words(words):
            yield word, Entry("modifier", value=group, anchor="hair" if group == "bangs" else "")


def _undrawable() -> Iterator[tuple[str, Entry]]:
    lists: tuple[tuple[Kind, str, str], ...] = (
        ("role", "person", near.ROLES),
        ("thing", "thing", near.THINGS),
        ("quality", "", near.QUALITIES),
        ("no", "", ",".join(NEGATIONS)),
        ("stop", "", near.STOP),
    )
    for kind, anchor, words in lists:
        for word in split_words(words):
            yield word, Entry(kind, anchor=anchor)


def _trained() -> Iterator[tuple[str, Entry]]:
    """Yield the captions' own wordings, whole and without their opening words."""
    tables = [*vocab.TRAIT_WORDINGS.items(), ("expression", vocab.EXPRESSION_ADJECTIVES)]
    tables += [("skin", vocab.SKIN_ADJECTIVES), ("hair", vocab.HAIR_ADJECTIVES)]
    tables += [("background", vocab.BACKGROUND_TAGS), ("framing", vocab.FRAMING_PREFIXES)]
    for trait, wordings in tables:
        if trait in ("hair_color", "clothes_color"):
            continue
        for value, patterns in wordings.items():
            for pattern in patterns:
                plain = " ".join(pattern.replace("{}", "").split())
                entry = _value(trait, value, pattern=pattern)
                bare = LEAD.sub("", plain).removesuffix(" of")
                if bare not in color_phrases():  # `tan` may be a coat's
                    yield plain, entry
                    yield bare, entry


def _listed(tables: Mapping[str, near.Words], *, near: bool) -> Iterator[tuple[str, Entry]]:
    for trait, values in tables.items():
        for value, words in values.items():
            for word in split_words(words):
                yield word, _value(trait, value, near=near)


def _value(trait: str, value: str, *, pattern: str = "", near: bool = False) -> Entry:
    anchor = "headwear" if value in COVERED_HAIR else _ANCHORS.get(trait, "")
    if not pattern:
        pattern = vocab.TRAIT_WORDINGS[trait][value][0]
    return Entry("value", trait, value, "" if value in ("none", "bald") else anchor, pattern, near)


def _people() -> Iterator[tuple[str, Entry]]:
    for wordings in (vocab.PEOPLE, vocab.YOUNG_PEOPLE, vocab.OLD_PEOPLE, {"man": vocab.BOYS}):
        for kind, words in wordings.items():
            for word in words:
                yield word, Entry("person", kind, word, "person")
    roles = set(split_words(near.ROLES))
    for noun, words in near.PEOPLE.items():
        kind = "woman" if noun in _WOMEN else "man" if noun in _MEN else "person"
        for word in split_words(words):
            yield word, Entry("person", kind, noun, "person", role=word in roles)
    for age, words in near.AGES.items():
        for word in split_words(words):
            yield word, Entry("age", value=age)


def _hair_people() -> Iterator[tuple[str, Entry]]:
    """Yield redhead and brunette; blond is a colour before it is a person."""
    for kind, nouns in vocab.HAIR_COLOR_PEOPLE.items():
        for color, words in nouns.items():
            for word in words:
                yield word, Entry("person", kind, word, color)


@lru_cache(maxsize=1)
def color_tables() -> Mapping[str, Mapping[str, str]]:
    """Build colour word -> value, one table for each kind of noun that has a colour."""
    sources: dict[str, tuple[near.Words, vocab.Wordings]] = {
        "hair": (near.HAIR_COLORS, vocab.HAIR_COLOR),
        "clothes": (near.CLOTHES_COLORS, vocab.CLOTHES_COLOR),
        "skin": (near.SKIN_COLORS, {}),
        "wall": (near.WALL_COLORS, vocab.WALL_COLORS),
    }
    tables: dict[str, dict[str, str]] = {}
    for kind, (words, trained) in sources.items():
        own = {word: value for value, options in trained.items() for word in options}
        for value, listed in words.items():
            for word in split_words(listed):
                own.setdefault(word, value)
        tables[kind] = own
    return tables


@lru_cache(maxsize=1)
def color_phrases() -> frozenset[str]:
    """Name every colour, plain and shaded."""
    bases = {word for own in color_tables().values() for word in own}
    shaded = {f"{prefix} {base}" for prefix in split_words(near.COLOR_PREFIXES) for base in bases}
    return frozenset((bases | shaded) - {f"{skin} {head}" for skin in ("pale", "fair") for head in _HEADS})


def read_color(kind: str, phrase: str) -> tuple[str, bool] | None:
    """Say what a colour phrase is on one kind of noun.

    Returns:
        The world's value and whether the phrase is a caption's own, or None for a colour not to be had there.
    """
    own = color_tables()[kind]
    trained = {
        "hair": vocab.HAIR_COLOR,
        "clothes": vocab.CLOTHES_COLOR,
        "wall": vocab.WALL_COLORS,
        "skin": {value: tuple(split_words(words)) for value, words in near.SKIN_COLORS.items()},
    }[kind]
    words = phrase.split()
    for start in range(len(words)):
        rest = " ".join(words[start:])
        if rest in own:
            return own[rest], start == 0 and rest in trained[own[rest]]
    return None


@lru_cache(maxsize=1)
def trained_words() -> frozenset[str]:
    """Name every single word that captions use."""
    colors = (
        word for own in (vocab.HAIR_COLOR, vocab.CLOTHES_COLOR) for words in own.values() for word in words
    )
    return frozenset(
        word for phrase in (*(p for p, _ in _trained()), *colors) for word in plain_words(phrase)
    )


def plain_words(phrase: str) -> list[str]:
    """Split a phrase of ours."""
    return phrase.replace("-", " ").replace(",", " ").split()


def split_words(text: str) -> list[str]:
    """Split one cell of a word table."""
    return [
        " ".join(word.split()).replace("-", " ")
        for word in text.replace("\n", " ").split(",")
        if word.strip()
    ]
