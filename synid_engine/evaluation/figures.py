"""What a bench reports: figures beside their targets, as a table and as JSON.

Knows nothing about pictures or models.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_NAME, _VALUE = "figure", "value"


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the least value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        name: What was measured.
        value: The number.
        unit: Its unit, or empty.
        target: What it should reach; None for a figure that is only told.
        bound: Whether the target is the least or the most that is allowed.
        interval: Ends of the 95 % interval, where one was measured.
    """

    name: str
    value: float | int
    unit: str = ""
    target: float | int | None = None
    bound: Literal["least", "most"] = "least"
    interval: tuple[float | int, float | int] | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the value itself reaches the target; None without one. What could not be measured fails."""
        if self.target is None:
            return None
        if not math.isfinite(self.value):
            return False
        return self.value >= self.target if self.bound == "least" else self.value <= self.target

    def to_json(self) -> dict[str, object]:
        """Return plain fields; what could not be measured is null."""
        fields: dict[str, object] = {
            "name": self.name,
            "value": _number(self.value),
            "unit": self.unit,
            "target": self.target,
            "holds": self.holds,
        }
        if self.interval is not None:
            fields["interval_95"] = [_number(end) for end in self.interval]
        return fields

    def to_row(self) -> tuple[str, ...]:
        """Return name, value, interval, target and verdict as words."""
        sign = "" if self.target is None else f"{'>=' if self.bound == 'least' else '<='} "
        target = "" if self.target is None else f"{sign}{_short(self.target)}"
        verdict = {True: "holds", False: "MISSED", None: ""}[self.holds]
        ends = "" if self.interval is None else " to ".join(_short(end) for end in self.interval)
        return self.name, f"{_short(self.value)} {self.unit}".rstrip(), ends, target, verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """All figures of one bench.

    Attributes:
        name: The bench.
        figures: In the order in which they are read.
        quick: Whether fewer pictures were drawn than the targets are meant for.
        notes: Lines under the table, such as where the contact sheet is.
    """

    name: str
    figures: tuple[Figure, ...]
    quick: bool
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return plain fields."""
        return {
            "bench": self.name,
            "quick": self.quick,
            "figures": [figure.to_json() for figure in self.figures],
            "notes": list(self.notes),
        }

    def to_table(self) -> str:
        """Return aligned lines of plain text."""
        heading = f"bench {self.name}{' (quick)' if self.quick else ''}"
        rows = [(_NAME, _VALUE, "95 %", "target", ""), *(figure.to_row() for figure in self.figures)]
        return "\n".join([heading, *aligned(rows), *self.notes])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pad the cells of each column to one width."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _short(value: float | int) -> str:
    if not math.isfinite(value):
        return "-"
    magnitude = abs(value)
    digits = 0 if magnitude >= 1000 else 1 if magnitude >= 10 else 3  # noqa: PLR2004
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: float | int) -> float | int | None:
    return round(value, 6) if math.isfinite(value) else None
