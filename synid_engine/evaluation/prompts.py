"""What evaluation asks for: prompts and seeds of its own, which no stage trains on or picks by.

Every expression is one that both art styles have. Clothes are never named, so they belong to the identity.
"""

from dataclasses import dataclass, field
from typing import Literal

Suite = Literal["quick", "full"]

FIRST_SEED = 9_170_000
"""Seeds of evaluation start here; each group and picture has its own."""

_QUICK_EACH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPrompt:
    """One picture to be asked for.

    Attributes:
        group: What the picture is there to vary.
        words: The prompt.
        seed: The picture's seed.
        expected: Free traits that the words pin down.
    """

    group: Literal["expression", "scene", "framing", "seed"]
    words: str
    seed: int
    expected: dict[str, str] = field(default_factory=dict[str, str])


def _group(
    name: Literal["expression", "scene", "framing", "seed"],
    offset: int,
    rows: tuple[tuple[str, dict[str, str]], ...],
) -> tuple[EvaluationPrompt, ...]:
    return tuple(
        EvaluationPrompt(group=name, words=words, seed=FIRST_SEED + offset + i, expected=expected)
        for i, (words, expected) in enumerate(rows)
    )


def _shows(expression: str, background: str, framing: str = "") -> dict[str, str]:
    shown = {"expression": expression, "background": background}
    return {**shown, "framing": framing} if framing else shown


PROMPTS: tuple[EvaluationPrompt, ...] = (
    *_group(
        "expression",
        100,
        (
            ("weeping, in front of a plain yellow background", _shows("crying", "yellow")),
            ("with a big grin, plain blue background", _shows("laughing", "blue")),
            ("looking furious, plain white background", _shows("angry", "white")),
            ("looking astonished, plain green background", _shows("surprised", "green")),
            ("with eyes closed, plain pink background", _shows("sleepy", "pink")),
            ("yelling, plain grey background", _shows("shouting", "grey")),
        ),
    ),
    *_group(
        "scene",
        200,
        (
            ("with a gentle smile, in a snowy landscape", _shows("smiling", "snow")),
            ("winking at the viewer, at sunset", _shows("winking", "sunset")),
            ("looking unhappy, in the woods", _shows("sad", "forest")),
            ("looking serious, in the city", _shows("neutral", "city")),
            ("laughing out loud, at the seaside", _shows("laughing", "beach")),
            ("looking shocked, under the night sky", _shows("surprised", "night")),
        ),
    ),
    *_group(
        "framing",
        300,
        (
            ("a close-up, with a frown, in the mountains", _shows("sad", "mountains", "close-up")),
            ("seen from afar, looking happy, by the sea", _shows("smiling", "beach", "wide")),
            ("a close-up, giving a wink, plain white background", _shows("winking", "white", "close-up")),
            ("seen from afar, sobbing, in the snow", _shows("crying", "snow", "wide")),
            ("a close-up, screaming, at night", _shows("shouting", "night", "close-up")),
            ("seen from afar, scowling, plain yellow background", _shows("angry", "yellow", "wide")),
        ),
    ),
    *_group(
        "seed",
        400,
        (("smiling softly, in front of mountains", _shows("smiling", "mountains")),) * 6,
    ),
)


PLAIN_PROMPTS: tuple[EvaluationPrompt, ...] = _group(
    "scene",
    500,
    tuple(
        (words, dict[str, str]())
        for words in (
            "reading a newspaper at a kitchen table",
            "buying vegetables at a street market",
            "giving a talk on a stage, laughing",
            "portrait in the last light of a summer day",
            "sitting in a tram, looking out of the window",
            "playing the piano in a dim room, eyes closed",
            "waiting at a bus stop in winter, looking annoyed",
            "painting at an easel in a bright studio",
            "in an old library between tall shelves",
            "drinking tea in a crowded cafe, surprised",
            "leaning on the railing of a bridge in autumn",
            "blowing out candles at a birthday party",
        )
    ),
)
"""For base models that are told ordinary English: whoever looks at the face need not read anything else."""

_QUICK_PLAIN = 4


def plain_prompts(suite: Suite) -> tuple[EvaluationPrompt, ...]:
    """Return 12 prompts in ordinary English, or the first four."""
    return PLAIN_PROMPTS if suite == "full" else PLAIN_PROMPTS[:_QUICK_PLAIN]


def suite_prompts(suite: Suite) -> tuple[EvaluationPrompt, ...]:
    """Return 24 prompts, or the first two of each group."""
    if suite == "full":
        return PROMPTS
    groups = dict.fromkeys(prompt.group for prompt in PROMPTS)
    return tuple(
        prompt for group in groups for prompt in [one for one in PROMPTS if one.group == group][:_QUICK_EACH]
    )
