"""Small pieces of text in Discord's markdown; text of users formats nothing and mentions nobody."""

import math

import discord

from bot.tongue import mark, say

_BAR = 12
_STEADINESS = (
    (0.9, mark("very steady")),
    (0.75, mark("steady")),
    (0.6, mark("fairly steady")),
    (-1.0, mark("unsteady")),
)


def shown(text: str, *, longest: int = 300) -> str:
    """Return a user's text, cut and escaped."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return discord.utils.escape_mentions(discord.utils.escape_markdown(cut))


def bar(fraction: float) -> str:
    """Return a progress bar."""
    full = min(_BAR, max(0, math.floor(fraction * _BAR)))
    return f"{'▰' * full}{'▱' * (_BAR - full)} {fraction:.0%}"


def soon(moment: float) -> str:
    """Return a moment, in seconds since 1970, as every reader's client counts it."""
    return f"<t:{math.ceil(moment)}:R>"


def listed(words: tuple[str, ...], *, most: int = 8) -> str:
    """Return words of a user, one after the other."""
    more = ", …" if len(words) > most else ""
    return ", ".join(f"*{shown(word, longest=40)}*" for word in words[:most]) + more


def steadiness(score: float) -> str:
    """Return an identity score in words and as a number."""
    words = next(word for least, word in _STEADINESS if score >= least)
    return f"{say(words)} ({score:.2f})"
