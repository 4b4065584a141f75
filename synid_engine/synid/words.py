"""How the words of an identity and the words of a scene become a prompt.

Clothes belong to the identity unless the scene names clothes: then the scene wins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from synid_engine.runtime.prompt import WeighedText, plain_text, weighed_texts, written
from synid_engine.synid.repertoire import Repertoire

_CLOTHES = re.compile(r"\b(wearing|wears|dressed (in|as)|clothed in|clad in|outfit)\b", re.IGNORECASE)
_OF_CLOTHES = re.compile(_CLOTHES.pattern + r".*", re.IGNORECASE | re.DOTALL)


@runtime_checkable
class IdentityWords(Protocol):
    """The words of one character."""

    def prompt(self, scene: str) -> str:
        """Return a prompt that describes the character in a scene."""
        ...

    def bare_prompt(self, scene: str) -> str:
        """Return a prompt for anybody in that scene: what is left for the identity to say."""
        ...

    def negative_prompt(self, scene: str) -> str:
        """Return what to steer away from: the character's own clothes, where the scene names others."""
        ...

    def somebody(self, seed: int) -> "IdentityWords":
        """Return the words of one among the people whom these leave open; another seed may be another one."""
        ...

    def filled(self, text: str) -> "IdentityWords":
        """Return these words with what they leave open filled in from a text; what they say stays."""
        ...


@runtime_checkable
class Wording(Protocol):
    """Reads people's words for a base model."""

    @property
    def repertoire(self) -> Repertoire:
        """What the base model draws by name."""
        ...

    @property
    def bank_weight(self) -> float:
        """What a strength of 1 weighs: 1 where the bank alone says who it is, less where words say it too."""
        ...

    def identity(self, description: str, style: str | None) -> IdentityWords:
        """Read a description.

        Raises:
            InvalidSettingError: The base model has no such style.
        """
        ...

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """Return the words of a text that the base model cannot draw."""
        ...

    def normalized(self, text: str) -> str:
        """Return a text in words that the base model knows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainIdentityWords:
    """A description as it was written, split at the commas between its brackets.

    Attributes:
        description: At least one word; the part before the first comma or preposition names the person.
        style: Art style; may be empty.
    """

    description: str
    style: str = ""

    def prompt(self, scene: str) -> str:
        """Return the description, without its clothes if the scene names clothes, and the scene."""
        if not _CLOTHES.search(plain_text(scene)):
            return _joined(*self.description.split(","), scene, self.style)
        undressed = (written(_undressed(clause)) for clause in _clauses(self.description))
        return _joined(*undressed, scene, self.style)

    def bare_prompt(self, scene: str) -> str:
        """Return the person's noun and the scene."""
        noun = re.split(r",| with | wearing | in ", plain_text(self.description))[0]
        return _joined(_unweighed(noun), scene, self.style)

    def negative_prompt(self, scene: str) -> str:
        """Return the description's clothes if the scene names clothes, else nothing."""
        if not _CLOTHES.search(plain_text(scene)):
            return ""
        said = map(_said, _clauses(self.description))
        return _joined(*(_unweighed(found[0]) for one in said if (found := _OF_CLOTHES.search(one))))

    def somebody(self, seed: int) -> "PlainIdentityWords":
        """Return the description: nobody knows what such a model leaves open."""
        return self

    def filled(self, text: str) -> "PlainIdentityWords":
        """Return the description: likewise."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainWording:
    """For base models that were trained on ordinary English: every word is left as it is."""

    repertoire: Repertoire = field(default_factory=Repertoire)
    bank_weight: float = 1.0

    def identity(self, description: str, style: str | None) -> IdentityWords:
        """Take a description as it is."""
        return PlainIdentityWords(description=description, style=style or "")

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """Return nothing: nobody knows what such a model cannot draw."""
        return ()

    def normalized(self, text: str) -> str:
        """Return the text."""
        return text


_Clause = Sequence[WeighedText]


def _clauses(description: str) -> Sequence[_Clause]:
    """Split a description at its commas; those of words that are weighed together keep them together."""
    clauses: list[list[WeighedText]] = [[]]
    for part in weighed_texts(description):
        first, *others = part.text.split(",") if part.weight == 1 else [part.text]
        clauses[-1].append(replace(part, text=first))
        clauses += [[replace(part, text=other)] for other in others]
    return clauses


def _said(clause: _Clause) -> str:
    return "".join(part.text for part in clause)


def _undressed(clause: _Clause) -> _Clause:
    """Leave the clothes out, and the brackets that were around them alone."""
    room = len(_OF_CLOTHES.sub("", _said(clause)).rstrip(" ,"))
    kept: list[WeighedText] = []
    for part in clause:
        kept.append(replace(part, text=part.text[:room]))
        room -= len(kept[-1].text)
    return [part for part in kept if part.text]


def _unweighed(text: str) -> str:
    """Write a text whose brackets are to be read."""
    return written([WeighedText(text=text)])


def _joined(*parts: str) -> str:
    return ", ".join(part.strip() for part in parts if part.strip())
