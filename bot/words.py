"""What the loaded base model says of people's words: which it does not know, and which art styles it has."""

from typing import Protocol


class Words(Protocol):
    """The contract."""

    @property
    def styles(self) -> tuple[str, ...]:
        """Art styles to offer; none if any may be tried."""
        ...

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """Return the words of a text that the base model does not know or cannot draw."""
        ...


class AnyWords:
    """For base models that know more words than anybody can list."""

    styles: tuple[str, ...] = ()

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

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """See `Words`."""
        return self._wording.not_drawn(text)
