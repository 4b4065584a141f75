"""What the engine does with a job, in words for people.

What it adds in English, such as the step and the loss of a training, is for terminals: a card has its bar.
"""

from bot.tongue import mark, translated

STAGE_WORDS = {
    "anchors": mark("Drawing the first pictures"),
    "projector": mark("Learning the character"),
    "bootstrap": mark("Learning from its own pictures"),
    "drift": mark("Checking how steady the character is"),
    "adapter": mark("Learning the details"),
    "render": mark("Drawing"),
    "load": mark("Loading what looks at the pictures"),
    "draw": mark("Drawing and looking at the pictures"),
}
"""By the names that the engine gives them."""


def stage_words(stage: str) -> str:
    """Return a stage in the language of the moment; one that nobody has put into words, by its name."""
    return translated(STAGE_WORDS.get(stage, stage))
