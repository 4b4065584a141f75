"""What a job was asked for, in words."""

from bot.tongue import say
from synid_engine.serving.messages import AnyWork, CreateWork, RenderWork


def asked(work: AnyWork) -> str:
    """Return a person's own words, or what they asked for without any."""
    match work:
        case CreateWork():
            return work.identity
        case RenderWork():
            return work.prompt
        case _:
            return say("evaluation")
