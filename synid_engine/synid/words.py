"""How the words of an identity and the words of a scene become a prompt.

Clothes belong to the identity unless the scene names clothes: then the scene wins.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from synid_engine.synid.repertoire import Repertoire

_CLOTHES = re.compile(r"\b(wearing|wears|dressed (in|as)|clothed in|clad in|outfit)\b", re.IGNORECASE)


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
    """A description as it was written, split at commas.

    Attributes:
        description: At least one word; the part before the first comma or preposition names the person.
        style: Art style; may be empty.
    """

    description: str
    style: str = ""

    def prompt(self, scene: str) -> str:
        """Return the description, without its clothes if the scene names clothes, and the scene."""
        parts = [part.strip() for part in self.description.split(",")]
        if _CLOTHES.search(scene):
            parts = [_CLOTHES.split(part)[0].strip() for part in parts]
        return _joined(*parts, scene, self.style)

    def bare_prompt(self, scene: str) -> str:
        """Return the person's noun and the scene."""
        return _joined(re.split(r",| with | wearing | in ", self.description)[0], scene, self.style)

    def negative_prompt(self, scene: str) -> str:
        """Return the description's clothes if the scene names clothes, else nothing."""
        if not _CLOTHES.search(scene):
            return ""
        found = _CLOTHES.search(self.description)
        return self.description[found.start() :].split(",")[0].strip() if found else ""

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


def _joined(*parts: str) -> str:
    return ", ".join(part.strip() for part in parts if part.strip())
