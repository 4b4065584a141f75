"""The figures of an evaluation, in words and numbers."""

from collections.abc import Sequence

from bot.features.picture._looks import FACE
from bot.tongue import mark, say
from synid_engine.serving.findings import Look, Measure

FIGURE_WORDS = {
    "same character, face traits": mark("same face as the portrait"),
    "same character, clothes too": mark("same face and clothes"),
    "face likeness to portrait": mark("likeness of the face to the portrait"),
    "face likeness of pairs": mark("likeness of the faces to each other"),
    "picture likeness (CLIP-I)": mark("likeness of the pictures to the portrait (CLIP-I)"),
    "expressions followed": mark("expressions as asked for"),
    "scenes followed": mark("scenes as asked for"),
    "framings followed": mark("framings as asked for"),
    "spread of face sizes": mark("spread of the face's sizes"),
    "expressions shown of those asked for": mark("different expressions of those asked for"),
    "words agree (CLIP-T)": mark("agreement with the words (CLIP-T)"),
    "seconds a picture": mark("time of a picture"),
    "bytes besides pictures": mark("size of the character without pictures"),
}
"""By the names that the suite gives them."""

_SHOWN = (
    "same character, face traits",
    "same character, clothes too",
    "face likeness to portrait",
    "expressions followed",
    "scenes followed",
    "framings followed",
    "words agree (CLIP-T)",
)
_DIGITS = {"": 2, "%": 0, "s": 1, "KB": 0}


def summary(figures: Sequence[Measure], looks: Sequence[Look]) -> list[str]:
    """Return in how many pictures the face is the portrait's, and the figures beside it.

    The words that a creation's card has for its score are not said here: they are for another measure, and
    eight pictures are too few for a verdict.
    """
    known = {one.name: one for one in figures}
    lines = [one for name in _SHOWN if (one := known.get(name))]
    return [*_counted(looks), *figure_lines(lines)]


def _counted(looks: Sequence[Look]) -> list[str]:
    if not looks:
        return []
    same, count = sum(FACE not in one.misses for one in looks), len(looks)
    return [
        say(
            "{same} of {count} pictures show the portrait's face, as a classifier reads them.",
            same=same,
            count=count,
        )
    ]


def figure_lines(figures: Sequence[Measure]) -> list[str]:
    """Return each figure as a line, with its 95 % interval where there is one."""
    return [f"- {say(FIGURE_WORDS.get(one.name, one.name))}: {_value(one)}" for one in figures]


def _value(one: Measure) -> str:
    digits = _DIGITS.get(one.unit, 2)
    value = f"{one.value:.{digits}f} {one.unit}".rstrip()
    if one.interval is None:
        return value
    low, high = (f"{end:.{digits}f}" for end in one.interval)
    return say("{value} (95 %: {low} to {high})", value=value, low=low, high=high)
