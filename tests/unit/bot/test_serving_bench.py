"""The parts of `synid bench serving` that need no engine process."""

import math
from pathlib import Path

from bot.ledger_bench import ledger_figures
from bot.serving_bench import crowd_figures
from bot.serving_load import Errand
from synid_engine.evaluation.progress import ignore_progress


async def test_ledger_is_measured_in_both_modes(tmp_path: Path) -> None:
    figures = await ledger_figures(tmp_path, jobs=5, on_progress=ignore_progress)
    assert [figure.name for figure in figures if figure.unit == "jobs/s"] == [
        "ledger, synchronous=NORMAL: insert, lease, finish",
        "ledger, synchronous=FULL: insert, lease, finish",
    ]
    assert all(figure.value > 0 for figure in figures)
    assert [figure.target for figure in figures if figure.target is not None] == [500, 20]


def errand(owner_id: int, *, wait_s: float, taken_s: float, told_s: float | None) -> Errand:
    return Errand(
        owner_id=owner_id, asked_at=10.0, begun_at=10.0 + wait_s, ended_at=10.0 + taken_s, told_s=told_s
    )


def test_waits_of_light_owners_are_told_in_job_times() -> None:
    heavy = [
        errand(1, wait_s=8.0, taken_s=10.0, told_s=12.0),
        errand(1, wait_s=3.0, taken_s=4.0, told_s=None),
    ]
    light = [
        errand(100, wait_s=1.0, taken_s=2.0, told_s=2.0),
        errand(101, wait_s=3.0, taken_s=4.0, told_s=3.0),
    ]
    figures = {figure.name: figure.value for figure in crowd_figures([*heavy, *light], job_s=2.0)}
    assert figures["wait of a light owner beside 2 queued jobs, in job times, longest"] == 1.5
    assert figures["  wait of the heavy owner's last job"] == 8.0
    assert math.isclose(figures["error of the told time in that load, median"], 0.2)
    assert figures["  p90"] == 0.25
