"""What people ask for in a chat, and a job as they see it."""

from dataclasses import dataclass, field

from bot.moderation import PictureRule
from synid_engine.serving.messages import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateWish:
    """A character as a person asks for it.

    Attributes:
        ask: Whether they choose the portrait.
        seed: The same seed and words make the same character; None draws one by lot.
    """

    name: str
    description: str
    style: str = ""
    ask: bool = True
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawWish:
    """Pictures as a person asks for them; what is None is left to the engine.

    Attributes:
        pose_picture: A picture of somebody in the pose that is wanted.
    """

    character: str
    prompt: str
    pictures: int = 1
    seed: int | None = None
    negative: str = ""
    style: str = ""
    pose: str = ""
    pose_picture: bytes | None = None
    pose_strength: float | None = None
    shape: str = ""
    strength: float | None = None
    spoiler: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job as people see it.

    Attributes:
        names: The characters that it is about, as they are called now.
        not_drawn: Words that the base model does not know or cannot draw.
        is_covered: Whether its pictures are spoilers.
        server_id: Where it was asked for; None outside of servers that have the bot.
        may_post: Whether the bot may write messages of its own there.
        withheld: How many of its pictures are not shown.
        rule: Which pictures are.
    """

    job: Job
    names: tuple[str, ...]
    not_drawn: tuple[str, ...]
    is_covered: bool
    server_id: int | None
    may_post: bool
    withheld: int = 0
    rule: PictureRule = field(default_factory=PictureRule)
