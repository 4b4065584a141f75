"""Where the processes are killed, stopped, cut off or starved of room: drawn by a seed, no kind left out."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from .fuse import Charge

Outside = Literal["engine killed", "coordinator killed", "disk full"]
STAGES = ("anchors", "projector", "bootstrap", "drift", "adapter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong in one life.

    Attributes:
        family: What the summary counts it under.
        charge: A fuse that the process burns itself; None if there is none.
        outside: What the harness does from outside; None if nothing.
        after_s: When, counted from the first submission.
    """

    family: str
    charge: Charge | None = None
    outside: Outside | None = None
    after_s: float = 0.0

    def __str__(self) -> str:
        told: list[str] = []
        if self.outside is not None:
            told.append(f"{self.outside} after {self.after_s:.2f} s")
        if (one := self.charge) is not None:
            told.append(f"{one.where}: {one.action} {one.point}, number {one.count + 1}")
        return " and ".join(told)


def plan(seed: int, points: int) -> list[Fault]:
    """Draw faults: from all families alike, within a family each point once before any comes again."""
    rng = random.Random(seed)  # noqa: S311  (a seeded plan)
    decks = {family: _shuffled(rng, faults) for family, faults in _FAMILIES.items()}
    drawn: list[Fault] = []
    while len(drawn) < points:
        families = [family for family, share in _SHARES.items() for _ in range(share)]
        rng.shuffle(families)
        drawn += [next(decks[family]) for family in families]
    return drawn[:points]


def _shuffled(rng: random.Random, faults: tuple[Fault, ...]) -> Iterator[Fault]:
    """Deal the faults of a family again and again, each time with other numbers."""
    while True:
        for fault in rng.sample(faults, len(faults)):
            charge = fault.charge and replace(fault.charge, count=rng.randint(0, fault.charge.count))
            yield replace(fault, charge=charge, after_s=rng.uniform(0.0, fault.after_s))


def _engine(*points: str, most: int, action: Literal["kill", "stop", "cut"] = "kill") -> tuple[Charge, ...]:
    return tuple(Charge(where="engine", point=point, count=most, action=action) for point in points)


def _coordinator(*points: str, most: int) -> tuple[Charge, ...]:
    return tuple(Charge(where="coordinator", point=point, count=most) for point in points)


_CHARGES: dict[str, tuple[Charge, ...]] = {
    "engine killed at a step": _engine(
        *(f"{when} step of {stage}" for stage in STAGES for when in ("before", "after")),
        *(f"before training of {stage}" for stage in STAGES[1:]),
        *(f"{when} {step}" for step in ("denoise", "decode", "preview") for when in ("before", "after")),
        most=3,
    ),
    "engine killed at a file or a message": _engine(
        *(
            f"{when} {what}"
            for what in ("checkpoint", "result", "file", "sync")
            for when in ("before", "after")
        ),
        *(f"before report {kind}" for kind in ("Started", "Checkpointed", "Asked", "Finished", "Previewed")),
        *(f"after report {kind}" for kind in ("Started", "Checkpointed", "Asked", "Finished", "Previewed")),
        *("before order Assign", "after order Assign"),
        most=1,
    ),
    "coordinator killed between statements": _coordinator("statement", "after statement", most=60),
    "coordinator killed between states": _coordinator(
        *(f"{state} render" for state in ("queued", "leased", "running", "stored", "delivered", "cancelled")),
        *(f"{state} create" for state in ("queued", "leased", "running", "waiting", "stored", "delivered")),
        *("file", "removal", "delivery", "after delivery"),
        most=1,
    ),
    "socket cut": (
        *_engine("before report *", most=30, action="cut"),
        *(replace(charge, action="cut") for charge in _coordinator("statement", most=60)),
    ),
    "engine stalled": _engine("before denoise", "before step of *", "before sync", most=8, action="stop"),
}
_FAMILIES: dict[str, tuple[Fault, ...]] = {
    **{
        family: tuple(Fault(family=family, charge=charge) for charge in charges)
        for family, charges in _CHARGES.items()
    },
    "engine killed while it loads": tuple(
        Fault(family="engine killed while it loads", outside="engine killed", charge=charge, after_s=0.5)
        for charge in _engine(
            *(f"load {part}" for part in ("libraries", "base model", "perception", "calibration")), most=0
        )
    ),
    "engine killed at any moment": (
        Fault(family="engine killed at any moment", outside="engine killed", after_s=2.0),
    ),
    "coordinator killed at any moment": (
        Fault(family="coordinator killed at any moment", outside="coordinator killed", after_s=2.0),
    ),
    "disk full": (Fault(family="disk full", outside="disk full", after_s=1.0),),
}
_SHARES = {family: 2 if family == "engine killed at a step" else 1 for family in _FAMILIES}
