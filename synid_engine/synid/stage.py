"""What all stages share: the frozen models, how progress is told, and how a stage goes on after a break."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from synid_engine.errors import InvalidSettingError
from synid_engine.perception.bundle import Perception
from synid_engine.perception.identity_encoder import IdentityEncoder
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.memory_plan import WHOLE, MemoryPlan
from synid_engine.runtime.rng import cpu_generator
from synid_engine.synid.exercise import OWN_ROOM, Classroom

S = TypeVar("S")
T = TypeVar("T")

Report = Callable[[float, str], None]
"""Told the finished share of a stage in [0, 1] and a few words; may raise JobCancelledError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the making of a character or of pictures is.

    Attributes:
        stage: Name of the stage.
        fraction: Finished share of the stage, in [0, 1].
        detail: A few words for people.
        eta_s: Estimated seconds until everything is done; None while nothing is known.
    """

    stage: str
    fraction: float
    detail: str = ""
    eta_s: float | None = None


def decline(make: Callable[[], object]) -> None:
    """Keep nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bookmark(Generic[T]):
    """Where a stage goes on, and where it says that it could be gone on with.

    Attributes:
        found: What an interrupted run of the same stage left; None begins at the beginning.
        offer: Given, after each training step, what makes the state of that moment; whether it is made and
            kept is for whoever keeps checkpoints to decide.
    """

    found: T | None = None
    offer: Callable[[Callable[[], T]], None] = decline


NO_BOOKMARK: Bookmark[Any] = Bookmark()


def inner_bookmark(outer: Bookmark[T], found: S | None, wrap: Callable[[S], T]) -> Bookmark[S]:
    """Return a bookmark for a part of a stage, whose states `wrap` makes into the stage's own."""
    return Bookmark(found=found, offer=lambda make: outer.offer(lambda: wrap(make())))


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StageModels:
    """The frozen models: what draws, and what judges.

    Attributes:
        backbone: Draws.
        perception: Judges.
        identity_encoder: Reads portraits into the tokens that the backbone was trained with; None where it
            was trained with words alone.
        classroom: Where training steps are worked out.
        memory: How much is done at once, and what lives elsewhere than the backbone.
    """

    backbone: Backbone
    perception: Perception
    identity_encoder: IdentityEncoder | None = None
    classroom: Classroom = OWN_ROOM
    memory: MemoryPlan = WHOLE


def stage_generator(seed: int, stage: str) -> torch.Generator:
    """Return a stage's own stream of random numbers, so that skipping a finished stage changes no other."""
    return cpu_generator(stage_seed(seed, stage))


def stage_seed(seed: int, name: str) -> int:
    """Return a 62-bit seed that depends on the character's seed and a name."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2


def ignore_report(fraction: float, detail: str) -> None:
    """Do nothing with it."""


def part_of(report: Report, begin: float | int, end: float | int) -> Report:
    """Return a report that fills only a part of another."""
    return lambda fraction, detail: report(begin + (end - begin) * fraction, detail)


def require_at_least(field: str, value: float | int, low: float | int) -> None:
    """Raise InvalidSettingError unless a setting reaches its least value."""
    if not value >= low:
        raise InvalidSettingError(field=field, value=value, allowed=f"{low} or more")


def require_within(field: str, value: float | int, low: float | int, high: float | int) -> None:
    """Raise InvalidSettingError unless a setting is in its range."""
    if not low <= value <= high:
        raise InvalidSettingError(field=field, value=value, allowed=f"{low} to {high}")
