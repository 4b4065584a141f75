"""What may be asked for and shown. Knows neither Discord nor stores."""

import unicodedata
from dataclasses import dataclass
from typing import Protocol

from bot.chat_errors import AgeGateError, RefusedTextError
from bot.requests import clean_text

LONGEST_PROMPT = 1000
_MOST_COMBINING = 8
"""Marks upon one letter: more are not writing but a tower over the neighbours' messages."""


class PromptPolicy(Protocol):
    """Decides which texts are drawn."""

    def check(self, text: str, *, field: str) -> str:
        """Return a text as it may be used.

        Raises:
            InvalidRequestError: It may not.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPolicy:
    """Length, control characters and towers of marks; no list of words.

    Attributes:
        longest: Characters of a text.

    """

    longest: int = LONGEST_PROMPT

    def check(self, text: str, *, field: str) -> str:
        """See `PromptPolicy`."""
        cleaned = clean_text(text, field=field)
        if len(cleaned) > self.longest:
            raise RefusedTextError(field=field, reason=f"it has more than {self.longest} characters")
        if _longest_tower(cleaned) > _MOST_COMBINING:
            raise RefusedTextError(field=field, reason="it has too many marks on one letter")
        return cleaned


def _longest_tower(text: str) -> int:

    longest = height = 0
    for character in text:
        height = height + 1 if unicodedata.combining(character) else 0
        longest = max(longest, height)
    return longest


def is_covered(*, wished: bool, server_covers: bool, is_age_restricted: bool) -> bool:
    """Decide whether pictures are posted as spoilers.

    Args:
        wished: Whether the asker wants it.
        server_covers: Whether the server covers all pictures outside of age-restricted channels.
        is_age_restricted: Whether the channel is for adults.
    """
    return wished or (server_covers and not is_age_restricted)


def require_uncovering(*, server_covers: bool, is_age_restricted: bool) -> None:
    """Find out whether pictures may be uncovered.

    Raises:
        AgeGateError: The server covers all pictures here.
    """
    if server_covers and not is_age_restricted:
        raise AgeGateError
