"""Progress over all stages, with an estimate of the time left."""

import time
from collections.abc import Mapping

from synid_engine.synid.stage import OnProgress, Progress, Report


class StageClock:
    """Turns shares of stages into progress with an estimate of the time left."""

    def __init__(self, work: Mapping[str, int], on_progress: OnProgress | None) -> None:
        self._work = work
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._skipped: float | None = None

    def begin(self, stage: str) -> Report:
        """Return the report of a stage that begins now."""
        names = list(self._work)
        before = sum(self._work[name] for name in names[: names.index(stage)])
        total = sum(self._work.values())
        share = round(100 * self._work[stage] / total)

        def report(fraction: float, detail: str) -> None:
            if self._on_progress is None:
                return
            finished = before + self._work[stage] * fraction
            if self._skipped is None and fraction > 0:  # the first step: all before it was done earlier
                self._skipped, self._started = finished, time.monotonic()
            drawn = 0.0 if self._skipped is None else finished - self._skipped
            eta_s = (time.monotonic() - self._started) * (total - finished) / drawn if drawn > 0 else None
            self._on_progress(Progress(stage=stage, fraction=fraction, detail=detail, eta_s=eta_s))

        report(0.0, f"{share} % of the work")
        return report
