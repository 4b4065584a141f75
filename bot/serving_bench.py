"""`synid bench serving`: what the queue and the engine process cost, and what they are worth.

Each figure is a ratio inside one run with the raw times beside it.
"""

import asyncio
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.ledger_bench import ledger_figures
from bot.serving_load import Errand, Load, served
from synid_engine.engine import EMBEDDED_MODEL, Engine
from synid_engine.evaluation.figures import BenchReport, Figure, percentile
from synid_engine.evaluation.progress import BenchOptions, OnProgress, Ticker
from synid_engine.perception.bundle import load_perception
from synid_engine.serving import speed_bench
from synid_engine.serving.company_bench import CompanyConfig, company_figures
from synid_engine.serving.messages import RenderWork
from synid_engine.serving.random_model import random_sd15
from synid_engine.serving.speed_bench import SpeedConfig, speed_figures
from synid_engine.synid.stage import StageModels

_HEAVY, _FIRST_LIGHT = 1, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingBenchConfig:
    """How much is measured.

    Attributes:
        speed: Mixed batches, banks, and the queue against one by one.
        company: A picture while a creation runs.
        heavy_jobs: Pictures that one owner has queued.
        light_jobs: Pictures that as many other owners ask for meanwhile.
        alone_jobs: Pictures on an idle engine, whose median is the job time.
        steps: Denoising steps of these pictures.
        ledger_jobs: Jobs through the ledger.
    """

    speed: SpeedConfig = field(default_factory=SpeedConfig)
    company: CompanyConfig = field(default_factory=CompanyConfig)
    heavy_jobs: int = 50
    light_jobs: int = 10
    alone_jobs: int = 9
    steps: int = 20
    ledger_jobs: int = 3000


QUICK = ServingBenchConfig(
    speed=speed_bench.QUICK,
    company=CompanyConfig(pictures=15, warm_up_pieces=60),
    light_jobs=5,
    alone_jobs=5,
    ledger_jobs=1000,
)


def bench_serving(options: BenchOptions, *, config: ServingBenchConfig | None = None) -> BenchReport:
    """Measure the engine, the queue and the ledger.

    Args:
        options: How to run; with `random_sd15` the engine alone, since no process can load such a model.
        config: How much to measure; None decides by `options.quick`.

    Raises:
        WeightsError: A model is missing or damaged.
        CapacityError: The engine process cannot be kept running.
    """
    chosen = config or (QUICK if options.quick else ServingBenchConfig())
    with tempfile.TemporaryDirectory(prefix="synid-bench-") as temporary:
        folder = Path(temporary)
        figures = _engine_figures(options, chosen, folder)
        if not options.random_sd15:
            figures += asyncio.run(_load_figures(options, chosen, folder / "load"))
        ledger = ledger_figures(folder, jobs=chosen.ledger_jobs, on_progress=options.on_progress)
        figures += asyncio.run(ledger)
    return BenchReport(name="serving", figures=figures, quick=options.quick)


def _engine_figures(options: BenchOptions, config: ServingBenchConfig, folder: Path) -> tuple[Figure, ...]:
    if options.random_sd15:
        perception = load_perception(EMBEDDED_MODEL / "perception")
        engine = Engine(models=StageModels(backbone=random_sd15(), perception=perception))
    else:
        engine = Engine.load(options.models)
    speed = speed_figures(engine.models.backbone, config.speed, on_progress=options.on_progress)
    return speed + company_figures(engine, folder, config.company, on_progress=options.on_progress)


async def _load_figures(
    options: BenchOptions, config: ServingBenchConfig, folder: Path
) -> tuple[Figure, ...]:
    """Measure light owners beside a heavy one, and whether what they are told is true."""
    async with served(folder, options.models) as opened:
        load = Load(opened)
        alone = await _alone(load, config, options.on_progress)
        job_s = statistics.median(one.taken_s for one in alone)
        load.errands.clear()
        await _crowded(load, config, options.on_progress, job_s=job_s)
        return crowd_figures(load.errands, job_s=job_s)


async def _alone(load: Load, config: ServingBenchConfig, on_progress: OnProgress) -> list[Errand]:
    ticker = Ticker("pictures alone", total=config.alone_jobs + 1, on_progress=on_progress)
    errands: list[Errand] = []
    for number in range(config.alone_jobs + 1):
        errands.append(await load.ask(_HEAVY, _work(config, seed=number)))
        await load.all_done()
        ticker.step()
    return errands[1:]  # the first one warms up


async def _crowded(load: Load, config: ServingBenchConfig, on_progress: OnProgress, *, job_s: float) -> None:
    """Let one owner queue many pictures, and others ask for one each while most of those wait."""
    rng = random.Random(6)  # noqa: S311  (moments, and no secret)
    ticker = Ticker("a light owner beside a heavy one", total=config.light_jobs + 1, on_progress=on_progress)
    for number in range(config.heavy_jobs):
        await load.ask(_HEAVY, _work(config, seed=number))
    for number in range(config.light_jobs):
        await asyncio.sleep(rng.uniform(0.5, 2.5) * job_s)
        await load.ask(_FIRST_LIGHT + number, _work(config, seed=number))
        ticker.step()
    await load.all_done()
    ticker.step()


def crowd_figures(crowd: Sequence[Errand], *, job_s: float) -> tuple[Figure, ...]:
    """Return how long light owners waited, and how true what everybody was told.

    Args:
        crowd: All jobs of the load.
        job_s: What a job takes on an idle engine.
    """
    light = [one for one in crowd if one.owner_id != _HEAVY]
    heavy = [one for one in crowd if one.owner_id == _HEAVY]
    waits = [one.wait_s for one in light]
    off = [abs(one.told_s - one.taken_s) / one.taken_s for one in crowd if one.told_s is not None]
    return (
        Figure(
            name=f"wait of a light owner beside {len(heavy)} queued jobs, in job times, longest",
            value=max(waits) / job_s,
            target=2.0,
            bound="most",
        ),
        Figure(name="  median", value=statistics.median(waits) / job_s),
        Figure(name="  wait, longest", value=max(waits), unit="s"),
        Figure(name="  job time: a picture alone, median", value=job_s, unit="s"),
        Figure(name="  wait of the heavy owner's last job", value=max(one.wait_s for one in heavy), unit="s"),
        Figure(
            name="error of the told time in that load, median",
            value=statistics.median(off) if off else float("nan"),
            target=0.25,
            bound="most",
        ),
        Figure(name="  p90", value=percentile(off, 90) if off else float("nan")),
    )


def _work(config: ServingBenchConfig, *, seed: int) -> RenderWork:
    return RenderWork(prompt="a man, smiling", seed=seed, num_inference_steps=config.steps)
