"""The figures of an evaluation, in words and numbers."""

from collections.abc import Sequence

from bot import prose
from bot.tongue import mark, say
from synid_engine.serving.messages import Measure

SAME_CHARACTER = "same character, face traits"
FIGURE_WORDS = {
    SAME_CHARACTER: mark("same face as the portrait"),
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
    "same character, clothes too",
    "face likeness to portrait",
    "expressions followed",
    "scenes followed",
    "framings followed",
    "words agree (CLIP-T)",
)
_DIGITS = {"": 2, "%": 0, "s": 1, "KB": 0}


def summary(figures: Sequence[Measure]) -> list[str]:
    """Return how steady a character is, and the figures that say why."""
    known = {one.name: one for one in figures}
    same = known.get(SAME_CHARACTER)
    lines = [] if same is None else [say("Identity: {score}", score=prose.steadiness(same.value / 100))]
    return [*lines, *figure_lines([one for name in (SAME_CHARACTER, *_SHOWN) if (one := known.get(name))])]


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
