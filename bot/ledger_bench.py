"""How fast the ledger is: jobs put in the queue, leased and finished, one after the other."""

import os
import statistics
import time
from pathlib import Path
from typing import Literal

from storage.database import DatabaseConfig, open_database
from storage.jobs import SqliteJobStore
from storage.ledger import QueueLimits
from synid_engine.evaluation.figures import Figure, percentile
from synid_engine.evaluation.progress import OnProgress, Ticker
from synid_engine.serving.messages import Picture, RenderWork, Result, Submission

_LEAST_JOBS_A_SECOND, _MOST_P99_MS = 500, 20
_OWNERS = 20
_TOLD_EVERY = 100
_SYNCS = 50

Mode = Literal["NORMAL", "FULL"]


async def ledger_figures(folder: Path, *, jobs: int, on_progress: OnProgress) -> tuple[Figure, ...]:
    """Measure the ledger as it is usually written, and with a sync for every statement."""
    figures: list[Figure] = []
    for mode in ("NORMAL", "FULL"):
        taken_ms = await _statements_ms(folder / mode.lower(), mode, jobs=jobs, on_progress=on_progress)
        figures += _figures(mode, taken_ms)
    name = "  a sync of this disk alone, median"
    figures.append(Figure(name=name, value=statistics.median(_syncs_ms(folder)), unit="ms"))
    return tuple(figures)


def _syncs_ms(folder: Path) -> list[float]:
    """Return what the disk takes to keep a page, which `FULL` waits for with every statement."""
    taken_ms: list[float] = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(b"\0" * 4096)
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken_ms.append(1000 * (time.perf_counter() - began))
    return taken_ms


async def _statements_ms(folder: Path, mode: Mode, *, jobs: int, on_progress: OnProgress) -> list[float]:
    """Return what each statement took, three for each job."""
    ticker = Ticker(f"ledger, {mode}", total=jobs, on_progress=on_progress)
    picture = Picture(image="a" * 64, thumbnail="b" * 64, seed=7)
    taken_ms: list[float] = []
    async with open_database(folder, DatabaseConfig(synchronous=mode)) as database:
        store = SqliteJobStore(database)
        limits = QueueLimits()
        for number in range(jobs):
            work = RenderWork(prompt="a man, smiling", banks=("c" * 64,), character_ids=(1,))
            submission = Submission(request_key=f"{number}", owner_id=number % _OWNERS, work=work)
            began = time.perf_counter()
            job = await store.submit(submission, limits)
            inserted = time.perf_counter()
            leased = await store.lease(job.id, engine="engine 1")
            assert leased is not None  # noqa: S101  (nobody else leases)
            handed_out = time.perf_counter()
            await store.finish(leased.lease, Result(pictures=(picture,)), engine_ms=400.0)
            ended = time.perf_counter()
            taken_ms += [
                1000 * (inserted - began),
                1000 * (handed_out - inserted),
                1000 * (ended - handed_out),
            ]
            if number % _TOLD_EVERY == 0:
                ticker.step(steps=_TOLD_EVERY)
    return taken_ms


def _figures(mode: Mode, taken_ms: list[float]) -> list[Figure]:
    is_usual = mode == "NORMAL"
    jobs_a_second = 1000 * (len(taken_ms) / 3) / sum(taken_ms)
    return [
        Figure(
            name=f"ledger, synchronous={mode}: insert, lease, finish",
            value=jobs_a_second,
            unit="jobs/s",
            target=_LEAST_JOBS_A_SECOND if is_usual else None,
        ),
        Figure(
            name=f"  one statement, {mode}, p99",
            value=percentile(taken_ms, 99),
            unit="ms",
            target=_MOST_P99_MS if is_usual else None,
            bound="most",
        ),
        Figure(name=f"  one statement, {mode}, median", value=percentile(taken_ms, 50), unit="ms"),
    ]
