"""How far a bench is, and how long it still takes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationProgress:
    """One report.

    Attributes:
        stage: What is being measured.
        fraction: Share of the stage that is done, in [0, 1].
        detail: What was done last, or empty.
        eta_s: Seconds left of this stage, if known.
    """

    stage: str
    fraction: float
    detail: str = ""
    eta_s: float | None = None


OnProgress: TypeAlias = Callable[[EvaluationProgress], None]


def ignore_progress(_progress: EvaluationProgress) -> None:
    """Do nothing with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """How to run a bench.

    Attributes:
        quick: Take at most five minutes.
        models: Folder of the base model; the embedded model if None.
        out: Folder of the contact sheet and of partial results.
        on_progress: Told of every step; may raise JobCancelledError.
        random_sd15: Measure speed on randomly filled modules of Stable Diffusion 1.5's size instead.
    """

    quick: bool = False
    models: Path | None = None
    out: Path = Path("out")
    on_progress: OnProgress = ignore_progress
    random_sd15: bool = False

    def stem(self, name: str) -> str:
        """Return what the files of a bench of this name begin with."""
        return f"bench-{name}{'-quick' if self.quick else ''}"


class Ticker:
    """Counts the steps of one stage and guesses when the last one is done.

    Steps that were remembered from an earlier run cost nothing and do not enter the guess.
    """

    def __init__(self, stage: str, *, total: int, on_progress: OnProgress) -> None:
        self._stage = stage
        self._total = max(1, total)
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._done = self._measured = 0
        self._detail = ""
        self.touch()

    def step(self, detail: str = "", *, steps: int = 1, remembered: bool = False) -> None:
        """Count steps that are done."""
        self._done += steps
        self._measured += 0 if remembered else steps
        self._detail = detail
        self.touch()

    def touch(self, _progress: object = None) -> None:
        """Report again without a step, so that a caller can stop a long one."""
        left: float | None = None
        if self._measured:
            left = (time.monotonic() - self._started) / self._measured * max(0, self._total - self._done)
        fraction = min(1.0, self._done / self._total)
        report = EvaluationProgress(stage=self._stage, fraction=fraction, detail=self._detail, eta_s=left)
        self._on_progress(report)
