"""The brackets that people weigh the words of a prompt with. Knows nothing about tokens or models."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LOUDER = 1.1
MOST_WEIGHT = 10.0
_MARK = re.compile(
    r"\\(?P<escaped>[\\()\[\]])|(?P<open>[(\[])|:\s*(?P<number>\d*\.?\d+)\s*\)|(?P<close>[)\]])"
)
_RATIO = re.compile(r"(?<=\d):\s*\d+\s*\)")
_READ = re.compile(r"[\\()\[\]]")
_PARTNERS = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighedText:
    """A part of a prompt.

    Attributes:
        text: As it is to be read; may be empty.
        weight: 1 for words without brackets.
    """

    text: str
    weight: float = 1.0


def weighed_texts(prompt: str) -> tuple[WeighedText, ...]:
    r"""Split a prompt at its brackets: `(louder)`, `(louder:1.4)`, `[softer]`, nested at will.

    A round pair multiplies by 1.1 or by its number, a square one divides by 1.1. `\(` is a bracket that is
    read. So are brackets without a partner: a prompt with none or with a `:)` comes back as it is. A number
    above 10 is no weight, nor is a whole one behind a digit: `(at 10:30)` is a time of day, and `(16:9)` a
    ratio. Brackets in brackets weigh no more than 10 either.

    Brackets that weigh separate what they stand between, so that no two halves make a word that a look at
    the prompt would not have found.

    Source: AUTOMATIC1111's stable-diffusion-webui, attention/emphasis.
    Deviation: there a bracket that is never closed weighs all that follows.
    """
    reader = _Reader()
    end = 0
    for mark in _MARK.finditer(prompt):
        reader.read(prompt[end : mark.start()])
        reader.mark(mark)
        end = mark.end()
    reader.read(prompt[end:])
    return reader.parts()


def plain_text(prompt: str) -> str:
    """Return a prompt as those read it who know no weights."""
    return "".join(part.text for part in weighed_texts(prompt))


def written(parts: Iterable[WeighedText]) -> str:
    """Write the parts of a prompt, so that `weighed_texts` reads them again."""
    pieces: list[str] = []
    is_open = False  # whether plain words would run into those before them
    for part in parts:
        text = _READ.sub(r"\\\g<0>", part.text)
        is_plain = part.weight == 1 and not is_open
        pieces.append(text if is_plain else f"({text}:{round(part.weight, 3)})")
        is_open = is_plain
    return "".join(pieces)


class _Reader:
    """Reads from left to right; an opening bracket is text until its partner comes."""

    def __init__(self) -> None:
        self._texts: list[str | None] = []  # None where a bracket weighs
        self._weights: list[float] = []
        self._opened: list[int] = []

    def read(self, text: str | None) -> None:
        self._texts.append(text)
        self._weights.append(1.0)

    def mark(self, mark: re.Match[str]) -> None:
        number, closing = mark["number"], mark["close"] or ")"
        if mark["escaped"]:
            self.read(mark["escaped"])
        elif mark["open"]:
            self._opened.append(len(self._texts))
            self.read(mark["open"])
        elif not self._opened or self._texts[self._opened[-1]] != _PARTNERS[closing]:
            self.read(mark[0])
        elif _is_weight(mark):
            self._close(float(number))
        else:
            self.read("" if number is None else mark[0][:-1])
            self._close(LOUDER if closing == ")" else 1 / LOUDER)

    def parts(self) -> tuple[WeighedText, ...]:
        found: list[WeighedText] = []
        text, weight = "", 1.0
        for piece, own in zip((*self._texts, None), (*self._weights, 1.0), strict=True):
            if piece is not None:
                text, weight = text + piece, own
                continue
            if text:
                found.append(WeighedText(text=text, weight=weight))
            text = ""
        return tuple(found) or (WeighedText(text=""),)

    def _close(self, factor: float) -> None:
        start = self._opened.pop()
        self._texts[start] = None
        for place in range(start, len(self._weights)):
            self._weights[place] = min(self._weights[place] * factor, MOST_WEIGHT)
        self.read(None)


def _is_weight(mark: re.Match[str]) -> bool:
    number = mark["number"]
    return number is not None and float(number) <= MOST_WEIGHT and not _RATIO.match(mark.string, mark.start())
