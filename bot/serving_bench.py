"""`synid bench serving`: what the queue and the engine process cost, and what they are worth.

Each figure is a ratio inside one run with the raw times beside it.
"""

import asyncio
import random
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from bot.ledger_bench import ledger_figures
from bot.serving_load import Errand, Load, served
from synid_engine.engine import EMBEDDED_MODEL, Engine, model_hash_of
from synid_engine.evaluation.figures import BenchReport, Figure, percentile
from synid_engine.evaluation.partial import PartialResults
from synid_engine.evaluation.progress import BenchOptions, OnProgress, Ticker
from synid_engine.perception.bundle import load_perception
from synid_engine.serving import speed_bench
from synid_engine.serving.company_bench import CompanyConfig, company_figures
from synid_engine.serving.messages import RenderWork
from synid_engine.serving.random_model import random_sd15
from synid_engine.serving.speed_bench import SpeedConfig, speed_figures
from synid_engine.serving.training_bench import TrainingBenchConfig, training_figures
from synid_engine.synid.stage import StageModels

_HEAVY, _FIRST_LIGHT = 1, 100
_SETTLED_S = 0.5  # after two ticks everybody has been told of everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingBenchConfig:
    """How much is measured.

    Attributes:
        speed: Mixed batches, banks, and the queue against one by one.
        company: A picture while a creation runs.
        training: Two creations that train in one pass.
        heavy_jobs: Pictures that one owner has queued.
        light_jobs: Pictures that as many other owners ask for meanwhile.
        alone_jobs: Pictures on an idle engine, whose median is the job time.
        steps: Denoising steps of these pictures.
        ledger_jobs: Jobs through the ledger.
    """

    speed: SpeedConfig = field(default_factory=SpeedConfig)
    company: CompanyConfig = field(default_factory=CompanyConfig)
    training: TrainingBenchConfig = field(default_factory=TrainingBenchConfig)
    heavy_jobs: int = 50
    light_jobs: int = 10
    alone_jobs: int = 9
    steps: int = 20
    ledger_jobs: int = 3000


QUICK = ServingBenchConfig(
    speed=speed_bench.QUICK,
    company=CompanyConfig(pictures=15, warm_up_pieces=60),
    training=TrainingBenchConfig(repeats=5),
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
    model = "random" if options.random_sd15 else model_hash_of(options.models)
    partial = PartialResults(options.out / "bench-serving.partial", fingerprint=f"{model} {chosen}")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="synid-bench-") as temporary:
        for name, measure in _parts(options, chosen, Path(temporary)).items():
            found = partial.once(name, lambda measure=measure: [asdict(one) for one in measure()])
            figures += [Figure(**fields) for fields in cast("list[dict[str, Any]]", found)]
    partial.forget()
    return BenchReport(name="serving", figures=tuple(figures), quick=options.quick)


def _parts(
    options: BenchOptions, config: ServingBenchConfig, folder: Path
) -> dict[str, Callable[[], Sequence[Figure]]]:
    """Return what is measured, part by part; a run that was broken off goes on with the next one."""
    tell = options.on_progress
    loaded = cache(lambda: _engine(options))
    parts: dict[str, Callable[[], Sequence[Figure]]] = {
        "speed": lambda: speed_figures(loaded().models.backbone, config.speed, on_progress=tell),
        "company": lambda: company_figures(loaded(), folder, config.company, on_progress=tell),
        "training": lambda: training_figures(loaded().models, config.training, on_progress=tell),
        "load": lambda: asyncio.run(_load_figures(options, config, folder / "load")),
        "ledger": lambda: asyncio.run(ledger_figures(folder, jobs=config.ledger_jobs, on_progress=tell)),
    }
    if options.random_sd15:
        del parts["load"]
    return parts


def _engine(options: BenchOptions) -> Engine:
    if not options.random_sd15:
        return Engine.load(options.models)
    perception = load_perception(EMBEDDED_MODEL / "perception")
    return Engine(models=StageModels(backbone=random_sd15(), perception=perception))


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
    settled_at = max(one.asked_at for one in crowd) + _SETTLED_S
    settled = [error for one in crowd if (error := one.error_at(settled_at)) is not None]
    first = [error for one in crowd if one.told and (error := one.error_at(one.told[0][0])) is not None]
    return (
        Figure(
            name=f"wait of a light owner beside {len(heavy)} queued jobs, in job times, longest",
            value=max(waits) / job_s,
            target=2.0,
            bound="most",
        ),
        Figure(name="  the same, median", value=statistics.median(waits) / job_s),
        Figure(name="  wait, longest", value=max(waits), unit="s"),
        Figure(name="  job time: a picture alone, median", value=job_s, unit="s"),
        Figure(name="  wait of the heavy owner's last job", value=max(one.wait_s for one in heavy), unit="s"),
        Figure(
            name="error of the told time in that load, once all have asked, median",
            value=statistics.median(settled) if settled else float("nan"),
            target=0.25,
            bound="most",
        ),
        Figure(name="  the same, p90", value=percentile(settled, 90) if settled else float("nan")),
        Figure(
            name="  when it was asked for, before those who came later, median",
            value=statistics.median(first) if first else float("nan"),
        ),
    )


def _work(config: ServingBenchConfig, *, seed: int) -> RenderWork:
    return RenderWork(prompt="a man, smiling", seed=seed, num_inference_steps=config.steps)
