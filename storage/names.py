"""What a character may be called, and the folder that the name leads to."""

import hashlib
import re
import unicodedata

from storage.errors import InvalidNameError

LONGEST_NAME = 40
_LONGEST_SLUG = 24
_UNPRINTABLE = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_UNSEEN = frozenset({"Cf", "Mn", "Me", "Zs"})
_TURNING = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)  # they reorder the text around them


def clean_name(name: str) -> str:
    """Normalise a name as a person typed it.

    Args:
        name: Any text; emoji and every script are welcome.

    Returns:
        The name composed (NFC), with single spaces and none at its ends, 1 to 40 characters.

    Raises:
        InvalidNameError: It is empty or invisible, too long, or has control characters or path parts.
    """
    cleaned = re.sub(" +", " ", unicodedata.normalize("NFC", name)).strip(" ")
    if any(unicodedata.category(character) in _UNPRINTABLE or character in _TURNING for character in cleaned):
        raise InvalidNameError(name=name, reason="unprintable")
    if not any(unicodedata.category(character) not in _UNSEEN for character in cleaned):
        raise InvalidNameError(name=name, reason="empty")
    if len(cleaned) > LONGEST_NAME:
        raise InvalidNameError(name=name, reason="long")
    if "/" in cleaned or "\\" in cleaned or cleaned.startswith("."):
        raise InvalidNameError(name=name, reason="path")
    return cleaned


def name_key(name: str) -> str:
    """Return what two names share when people read them as one: case, width and invisible marks removed."""
    folded = unicodedata.normalize("NFKC", clean_name(name)).casefold()
    return "".join(character for character in folded if unicodedata.category(character) != "Cf")


def folder_name(name: str) -> str:
    """Return the folder of a name: readable ASCII and a hash, the same for names that read as one."""
    key = name_key(name)
    ascii_key = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode()
    slug = re.sub("[^a-z0-9]+", "-", ascii_key).strip("-")[:_LONGEST_SLUG].strip("-")
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return f"{slug}-{digest}" if slug else digest
