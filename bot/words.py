"""What the base model says of people's words: which it does not know, and what it draws by name.

All of it follows from which model is configured, not from the engine's reports: Discord is told the commands
before an engine is up, and people go on choosing while it is down.
"""

from pathlib import Path
from typing import Protocol

from bot.tongue import mark
from synid_engine.synid.repertoire import Repertoire, folder_repertoire

_NAMES = (
    mark("close-up"),
    mark("head tilted left"),
    mark("head tilted right"),
    mark("looking straight ahead"),
    mark("square"),
    mark("wide shot"),
    mark("front"),
    mark("three-quarter left"),
    mark("three-quarter right"),
    mark("profile left"),
    mark("profile right"),
    mark("looking up"),
    mark("looking down"),
    mark("full body"),
    mark("sitting"),
    mark("walking"),
    mark("running"),
    mark("waving"),
    mark("arms crossed"),
    mark("pointing"),
    mark("hands on hips"),
    mark("from behind"),
    mark("arms raised"),
)
"""What the embedded model declares, and the poses of models with a ControlNet, as people read them."""


class Words(Protocol):
    """The contract."""

    @property
    def styles(self) -> tuple[str, ...]:
        """Art styles to offer; none if any may be tried."""
        ...

    @property
    def repertoire(self) -> Repertoire:
        """Poses and shapes to offer; no others can be had."""
        ...

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """Return the words of a text that the base model does not know or cannot draw."""
        ...


class AnyWords:
    """For base models that know more words than anybody can list."""

    styles: tuple[str, ...] = ()

    def __init__(self, repertoire: Repertoire | None = None) -> None:
        self.repertoire = repertoire or Repertoire()

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """See `Words`."""
        del text
        return ()


class EmbeddedWords:
    """For the embedded model, whose world is known to the last word."""

    def __init__(self) -> None:
        from synid_engine.tiny.vocabulary import STYLE
        from synid_engine.tiny.wording import WorldWording

        self._wording = WorldWording()
        self._styles = tuple(STYLE)

    @property
    def styles(self) -> tuple[str, ...]:
        """See `Words`."""
        return self._styles

    @property
    def repertoire(self) -> Repertoire:
        """See `Words`."""
        return self._wording.repertoire

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """See `Words`."""
        return self._wording.not_drawn(text)


def words_of(model: Path | None) -> Words:
    """Return the words of a base model's folder; None is the embedded model."""
    return EmbeddedWords() if model is None else AnyWords(repertoire_of(model))


def repertoire_of(model: Path | None) -> Repertoire:
    """Return what a base model declares, without its words; None is the embedded model."""
    from synid_engine.tiny.repertoire import REPERTOIRE

    return REPERTOIRE if model is None else folder_repertoire(model)
