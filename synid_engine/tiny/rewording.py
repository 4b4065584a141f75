"""Says what was understood of a text as one caption, in words that the model was trained on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synid_engine.tiny import vocabulary as vocab
from synid_engine.tiny.phrase_table import COVERED_HAIR
from synid_engine.tiny.phrases import Match

_APART = ("clean", "without")
_AGED = ("old", "young", "elderly", "teen")


@dataclass(frozen=True, slots=True)
class _Speaker:
    traits: Mapping[str, str]
    said: Mapping[str, str]

    def word(self, trait: str, color: str = "") -> str:
        """Word one trait: as the text did if a caption would, else most plainly; or not at all."""
        if trait not in self.traits:
            return ""
        options = vocab.TRAIT_WORDINGS[trait][self.traits[trait]]
        pattern = self.said.get(trait, options[0])
        if pattern not in options:
            pattern = options[0]
        if color and "{}" not in pattern:
            pattern = next((option for option in options if "{}" in option), pattern)
        return " ".join(pattern.format(color).split())


def reword(traits: Mapping[str, str], said: Mapping[str, str], matches: Sequence[Match]) -> str:
    """Compose the caption.

    Args:
        traits: the values understood.
        said: the text's own wordings of some of them.
        matches: where the people word is looked for.
    """
    speaker = _Speaker(traits, said)
    pieces = [
        *_person(speaker, choose_noun(matches)),
        _clothes(speaker),
        *(speaker.word(trait) for trait in ("expression", "background", "tilt", "framing", "style")),
    ]
    text = ", ".join(piece for piece in pieces if piece)
    return re.sub(r"\ban? (?=([a-z]))", lambda match: "an " if match[1] in "aeiou" else "a ", text)


def _person(speaker: _Speaker, noun: str) -> list[str]:
    style = speaker.traits.get("hair")
    hair_color = speaker.word("hair_color")
    if style in COVERED_HAIR:
        hair = speaker.word("hair", speaker.word("clothes_color"))
    else:
        hair = speaker.word("hair", "" if style == "bald" else hair_color)
    beard = speaker.word("facial_hair", hair_color if style in (*COVERED_HAIR, "bald") else "")
    if not hair and hair_color:
        hair = f"{hair_color} hair"
    having = [item for item in (hair, beard, speaker.word("skin"), speaker.word("glasses")) if item]
    apart = [item for item in having if item.startswith(_APART)]
    nouns = [item for item in having if item not in apart]
    return [f"{noun} with {_and(nouns)}" if nouns else noun, *apart]


def _clothes(speaker: _Speaker) -> str:
    covered = speaker.traits.get("hair") in COVERED_HAIR
    color = "" if covered else speaker.word("clothes_color")
    clothes = speaker.word("clothes", color) or (f"{color} clothes" if color else "")
    return f"wearing {clothes}" if clothes else ""


def choose_noun(matches: Sequence[Match]) -> str:
    """Choose the people word: the first said that names a sex, else one after the pronouns, else `person`."""
    people = [match.entry for match in matches if match.entry.kind == "person"]
    noun = next(
        (entry.value for entry in people if entry.trait != "person"), people[0].value if people else ""
    )
    words = {match.text for match in matches}
    if not noun:
        noun = "woman" if words & {"she", "her"} else "man" if words & {"he", "his", "him"} else "person"
    age = next((match.entry.value for match in matches if match.entry.kind == "age"), "")
    if noun == "someone":
        return f"a {age} person" if age else noun
    return f"a {age} {noun}" if age and not noun.startswith(_AGED) else f"a {noun}"


def _and(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
