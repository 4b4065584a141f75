"""What a job was asked for, in words."""

from bot.tongue import say
from synid_engine.serving.messages import AnyWork, CreateWork, RenderWork
from synid_engine.synid.repertoire import posed


def asked(work: AnyWork) -> str:
    """Return a person's own words, or what they asked for without any."""
    match work:
        case CreateWork():
            return work.identity
        case RenderWork():
            return posed(work.prompt, work.pose)
        case _:
            return say("evaluation")
