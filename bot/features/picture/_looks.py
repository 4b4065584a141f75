"""The pictures of an evaluation, one line each: what was asked for, and what is not as it should be.

This is the caption of the sheet, which carries numbers alone; see `synid_engine.serving.evaluation_job`.
"""

from collections.abc import Sequence

from bot import prose
from bot.tongue import mark, say, translated
from synid_engine.serving.findings import Look

FACE = "face"
MISS_WORDS = {
    FACE: mark("the face differs"),
    "clothes": mark("the clothes differ"),
    "expression": mark("another expression"),
    "background": mark("another scene"),
    "framing": mark("another framing"),
}
"""By the names that the engine gives them."""

PROMPT_WORDS = (
    mark("weeping, in front of a plain yellow background"),
    mark("with a big grin, plain blue background"),
    mark("with a gentle smile, in a snowy landscape"),
    mark("winking at the viewer, at sunset"),
    mark("a close-up, with a frown, in the mountains"),
    mark("seen from afar, looking happy, by the sea"),
    mark("smiling softly, in front of mountains"),
)
"""What the quick suite asks for."""


def look_lines(looks: Sequence[Look]) -> list[str]:
    """Return a line for each picture, numbered as on the sheet, and what its frames mean; none for none."""
    lines = [
        f"{number}. {prose.shown(translated(look.prompt))} {_verdict(look)}"
        for number, look in enumerate(looks, start=1)
    ]
    if any(FACE in look.misses for look in looks):
        lines.append(say("-# With a frame: the face differs from the portrait's."))
    return lines


def _verdict(look: Look) -> str:
    if not look.misses:
        return "✓"
    return f"✗ **{', '.join(translated(MISS_WORDS.get(name, name)) for name in look.misses)}**"
