"""What a person typed, checked before anything slow starts."""

import unicodedata

from synid_engine.errors import InvalidRequestError

LONGEST_TEXT = 2000
LONGEST_KEY = 200
MOST_PICTURES = 64
LARGEST_SEED = 2**63 - 1
LARGEST_CHAT_SEED = 2**53 - 1  # Discord's numbers go no further
_UNPRINTABLE = frozenset({"Cc", "Cs", "Co"})


class EmptyTextError(InvalidRequestError):
    """A description or prompt says nothing in words; `field` tells which."""

    def __init__(self, *, field: str) -> None:
        super().__init__(field)
        self.field = field


class LongTextError(InvalidRequestError):
    """A description or prompt has more characters than `limit`."""

    def __init__(self, *, field: str, length: int, limit: int) -> None:
        super().__init__(field, length, limit)
        self.field = field
        self.length = length
        self.limit = limit


class UnprintableTextError(InvalidRequestError):
    """A description or prompt has a control character; `position` counts from 1."""

    def __init__(self, *, field: str, position: int) -> None:
        super().__init__(field, position)
        self.field = field
        self.position = position


class NoTerminalError(InvalidRequestError):
    """A question was asked for where nobody can answer."""


class UnknownBenchError(InvalidRequestError):
    """There is no bench called `name`; `known` lists those that exist."""

    def __init__(self, *, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known


def clean_text(text: str, *, field: str) -> str:
    """Return a description or prompt composed (NFC), on one line, with single spaces.

    Raises:
        EmptyTextError: No letter or digit is in it.
        LongTextError: It has more than 2000 characters.
        UnprintableTextError: It has control characters other than spaces, tabs and line ends.
    """
    if len(text) > LONGEST_TEXT:
        raise LongTextError(field=field, length=len(text), limit=LONGEST_TEXT)
    for position, character in enumerate(text, start=1):
        if character not in "\t\r\n" and unicodedata.category(character) in _UNPRINTABLE:
            raise UnprintableTextError(field=field, position=position)
    cleaned = " ".join(unicodedata.normalize("NFC", text).split())
    if not any(character.isalnum() for character in cleaned):
        raise EmptyTextError(field=field)
    return cleaned
