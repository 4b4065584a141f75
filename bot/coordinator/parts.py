"""What the parts of one coordinator share."""

import asyncio
from dataclasses import dataclass, field

from bot.coordinator.live import LiveEvents
from bot.coordinator.schedule import Schedule
from bot.coordinator.spool import Spool
from bot.coordinator.stores import Stores
from bot.coordinator.verdicts import Verdicts
from bot.errors import sentence
from storage.clock import Clock
from storage.ledger import QueueLimits
from synid_engine.errors import InvalidSettingError, SynIDError
from synid_engine.serving.forecast import Capacity
from synid_engine.serving.link import EngineLink
from synid_engine.serving.messages import STALE_AFTER_S, Failure
from synid_engine.serving.reports import Health, PoseRead, Ready


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorConfig:
    """The coordinator's limits and times.

    Attributes:
        limits: How many unfinished jobs there may be.
        capacity: How many jobs the engine is given at once.
        answer_within_s: How long a question waits for its person.
        tick_s: How often deadlines are looked at.
        stale_after_s: How long an engine may be silent about a job.
        drain_within_s: How long the engine may take to hand its work back.
        redeliver_after_s: How often an outcome that could not be told is tried again.
        adopted_owner_id: Whose the characters become that were made before there was a database.
    """

    limits: QueueLimits = field(default_factory=QueueLimits)
    capacity: Capacity = field(default_factory=Capacity)
    answer_within_s: float = 900.0
    tick_s: float = 1.0
    stale_after_s: float = STALE_AFTER_S
    drain_within_s: float = 30.0
    redeliver_after_s: float = 30.0
    adopted_owner_id: int = 0

    def __post_init__(self) -> None:
        times = ("answer_within_s", "tick_s", "stale_after_s", "drain_within_s", "redeliver_after_s")
        for name in times:
            value: float = getattr(self, name)
            if value <= 0.0:
                raise InvalidSettingError(field=name, value=value, allowed="above 0")


@dataclass(slots=True, kw_only=True)
class EngineView:
    """What is known about the engine of the moment.

    Attributes:
        generation: Its number, from 1.
        ready: What it said when it was loaded; None while it takes no work.
        stage: What it does until then.
        health: What it said of itself last.
        heard_at: When anything came from it last; seconds since 1970.
        is_paused: Whether it handed a job back, or had no room for its files: it gets nothing before the next
            tick.
        is_draining: Whether the coordinator is ending.
        trouble: Why the last step of the coordinator failed; empty when it did not.
    """

    generation: int = 0
    ready: Ready | None = None
    stage: str = ""
    health: Health | None = None
    heard_at: float = 0.0
    is_paused: bool = False
    is_draining: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that the steps of a coordinator work on; `untold` is set when an outcome must be told."""

    config: CoordinatorConfig
    stores: Stores
    spool: Spool
    link: EngineLink
    clock: Clock
    schedule: Schedule
    live: LiveEvents = field(default_factory=LiveEvents)
    engine: EngineView = field(default_factory=EngineView)
    untold: asyncio.Event = field(default_factory=asyncio.Event)
    verdicts: Verdicts[float | None] = field(default_factory=Verdicts[float | None])
    poses: Verdicts[PoseRead] = field(default_factory=Verdicts[PoseRead])


def failure_of(error: SynIDError) -> Failure:
    """Return what the ledger keeps of an error."""
    return Failure(reason=type(error).__name__, detail=sentence(error))
