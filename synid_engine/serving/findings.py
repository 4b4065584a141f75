"""What an evaluation found out about a character, as it travels."""

from synid_engine.serving.plain_data import Message


class Measure(Message):
    """A number that an evaluation measured; `interval` holds the ends of its 95 % interval, if it has one."""

    name: str
    value: float
    unit: str = ""
    interval: tuple[float, float] | None = None


class Look(Message):
    """What was seen in one picture of an evaluation.

    Attributes:
        prompt: What was asked for.
        misses: What is not as it should be: `face`, `clothes`, `expression`, `background`, `framing`.
    """

    prompt: str
    misses: tuple[str, ...] = ()
