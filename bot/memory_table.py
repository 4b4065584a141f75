"""What the engine would do with Stable Diffusion 1.5 on cards that people have, and on the one here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.installation import has_nvidia_gpu
from synid_engine.errors import TooLittleMemoryError
from synid_engine.evaluation.figures import aligned
from synid_engine.runtime.memory_plan import GIB, MemoryPlan, plan_memory
from synid_engine.runtime.sd15_memory import CARDS, SD15_WEIGHTS, SD15_WORK

HEADING = "memory: Stable Diffusion 1.5 with poses at 512 x 512 (for each card what a desktop leaves free)"
COLUMNS = ("", "free", "plan", "on the CPU", "rows a step", "decoded at once", "training rows", "at most")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPlan:
    """A device, what is free there, and the plan that fits; None where none does."""

    card: str
    free_bytes: int
    plan: MemoryPlan | None

    def to_fields(self) -> dict[str, object]:
        """Return plain fields."""
        fields: dict[str, object] = {"device": self.card, "free_gib": _gib(self.free_bytes)}
        if self.plan is None:
            return {**fields, "tier": None}
        return {
            **fields,
            "tier": self.plan.tier,
            "on_cpu": list(self.plan.waiting),
            "rows": self.plan.most_rows,
            "decoded_at_once": self.plan.decoded_at_once,
            "training_rows": self.plan.training_rows,
            "works_twice": self.plan.works_twice,
            "peak_gib": _gib(self.plan.peak_bytes),
        }

    def to_row(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        free = f"{_gib(self.free_bytes)} GiB"
        if self.plan is None:
            return (self.card, free, "does not fit", *[""] * (len(COLUMNS) - 3))
        plan = self.plan
        return (
            self.card,
            free,
            plan.tier,
            ", ".join(plan.waiting) or "-",
            str(plan.most_rows),
            str(plan.decoded_at_once),
            f"{plan.training_rows}{', each block twice' if plan.works_twice else ''}",
            f"{_gib(plan.peak_bytes)} GiB",
        )


def card_plans(*, memory_gb: float | None = None) -> list[CardPlan]:
    """Return a plan for each card, and for this machine's own where it has one.

    Args:
        memory_gb: The most that the engine may take here, in units of 2**30 bytes; None is all that is free.
    """
    free: Mapping[str, int] = {**CARDS, **_here(memory_gb)}
    return [
        CardPlan(card=card, free_bytes=free_bytes, plan=_plan(free_bytes))
        for card, free_bytes in free.items()
    ]


def table_lines(plans: Sequence[CardPlan]) -> list[str]:
    """Return a heading and aligned lines."""
    return [HEADING, *aligned([COLUMNS, *(one.to_row() for one in plans)])]


def _plan(free_bytes: int) -> MemoryPlan | None:
    try:
        return plan_memory(free_bytes, SD15_WEIGHTS, SD15_WORK)
    except TooLittleMemoryError:
        return None


def _here(memory_gb: float | None) -> Mapping[str, int]:
    if not has_nvidia_gpu():
        return {}
    from synid_engine.runtime.device import free_cuda_bytes  # torch takes seconds

    free = free_cuda_bytes()
    if free is None:
        return {}
    return {"here": free if memory_gb is None else min(free, round(memory_gb * GIB))}


def _gib(count: int) -> float:
    return round(count / GIB, 1)
