"""Prompts of a character in the words that the embedded model was trained on.

What the scene says of a trait wins over the description; clothes that the scene names replace the character's
own, colour included.
"""

from dataclasses import dataclass, replace

from synid_engine.errors import InvalidSettingError
from synid_engine.runtime.prompt import plain_text
from synid_engine.synid.repertoire import Repertoire
from synid_engine.synid.words import IdentityWords
from synid_engine.tiny import vocabulary as vocab
from synid_engine.tiny.completion import complete
from synid_engine.tiny.lexicon import Understanding, understand
from synid_engine.tiny.phrases import Match, find_phrases
from synid_engine.tiny.repertoire import REPERTOIRE
from synid_engine.tiny.rewording import choose_noun, reword

_CLOTHES = ("clothes", "clothes_color")
# What belongs to a person; all else belongs to a scene.
_IDENTITY = ("style", "hair", "hair_color", "skin", "facial_hair", "glasses", *_CLOTHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldIdentityWords:
    """A description as this world understands it.

    Attributes:
        traits: What it says of the person and the art style.
        matches: Its phrases, where the people word is looked for.
    """

    traits: dict[str, str]
    matches: tuple[Match, ...]

    def prompt(self, scene: str) -> str:
        """Return the caption of the character in a scene."""
        said = _understood(scene).traits
        own = {trait: value for trait, value in self.traits.items() if trait not in self._replaced(said)}
        return reword({**own, **said}, {}, self.matches)

    def bare_prompt(self, scene: str) -> str:
        """Return the caption of anybody in that scene, in the character's art style."""
        style = {trait: value for trait, value in self.traits.items() if trait == "style"}
        return reword({**style, **_understood(scene).traits}, {}, self.matches)

    def negative_prompt(self, scene: str) -> str:
        """Return the character's own clothes if the scene names others, else nothing."""
        replaced = self._replaced(_understood(scene).traits)
        clothes = {trait: self.traits[trait] for trait in replaced if trait in self.traits}
        return reword(clothes, {}, ()).partition(", ")[2] if clothes else ""

    def somebody(self, seed: int) -> "WorldIdentityWords":
        """Return these words with every open trait filled in."""
        return replace(self, traits=complete(self.traits, choose_noun(self.matches), seed))

    def filled(self, text: str) -> "WorldIdentityWords":
        """Return these words with the open traits that a text names."""
        said = _understood(text).traits
        return replace(
            self, traits={trait: said[trait] for trait in _IDENTITY if trait in said} | self.traits
        )

    @staticmethod
    def _replaced(said: dict[str, str]) -> tuple[str, ...]:
        if "clothes" in said:
            return _CLOTHES
        return ("clothes_color",) if "clothes_color" in said else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldWording:
    """For base models that were trained in the drawn world.

    Every trait of that world has a word, and what a description leaves open is filled in; a bank that says
    the same again as loudly only takes from what the scene says (`synid bench frontier`).
    """

    repertoire: Repertoire = REPERTOIRE
    bank_weight: float = 0.5

    def identity(self, description: str, style: str | None) -> IdentityWords:
        """Read a description; a style that is given wins over one that it names.

        Raises:
            InvalidSettingError: The world has no such style.
        """
        said = _understood(description).traits
        traits = {trait: said[trait] for trait in _IDENTITY if trait in said}
        if style is not None:
            found = style if style in vocab.STYLE else _understood(f"{style} style").traits.get("style")
            if found is None:
                raise InvalidSettingError(field="style", value=style, allowed=" or ".join(vocab.STYLE))
            traits["style"] = found
        matches, _ = find_phrases(plain_text(description))
        return WorldIdentityWords(traits=traits, matches=tuple(matches))

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """Return the words that were never heard of, and those that this world cannot draw."""
        read = _understood(text)
        return tuple(dict.fromkeys((*read.unknown, *read.cannot_draw)))

    def normalized(self, text: str) -> str:
        """Return the caption of what was understood; an empty text stays empty."""
        return _understood(text).normalised if text.strip() else ""


def _understood(text: str) -> Understanding:
    """Read a text without its weights, which this world has no use for."""
    return understand(plain_text(text))
