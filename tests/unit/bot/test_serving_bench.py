"""The parts of `synid bench serving` that need no engine process."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import serving_bench
from bot.ledger_bench import ledger_figures
from bot.serving_bench import ServingBenchConfig, crowd_figures
from bot.serving_load import Errand
from synid_engine.errors import JobCancelledError
from synid_engine.evaluation.figures import Figure
from synid_engine.evaluation.progress import BenchOptions, ignore_progress
from synid_engine.serving import random_model
from synid_engine.serving.company_bench import CompanyConfig
from synid_engine.serving.speed_bench import SpeedConfig
from synid_engine.serving.training_bench import TrainingBenchConfig
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.training import TrainingConfig


async def test_ledger_is_measured_in_both_modes(tmp_path: Path) -> None:
    figures = await ledger_figures(tmp_path, jobs=5, on_progress=ignore_progress)
    assert [figure.name for figure in figures if figure.unit == "jobs/s"] == [
        "ledger, synchronous=NORMAL: insert, lease, finish",
        "ledger, synchronous=FULL: insert, lease, finish",
    ]
    assert all(figure.value > 0 for figure in figures)
    assert [figure.target for figure in figures if figure.target is not None] == [500, 20]


def errand(owner_id: int, *, wait_s: float, taken_s: float, told: dict[float, float]) -> Errand:
    """Ask at 10 s; `told` gives the time left at a moment."""
    return Errand(
        owner_id=owner_id,
        asked_at=10.0,
        begun_at=10.0 + wait_s,
        ended_at=10.0 + taken_s,
        told=list(told.items()),
    )


def test_waits_of_light_owners_are_told_in_job_times() -> None:
    heavy = [
        errand(1, wait_s=8.0, taken_s=10.0, told={10.0: 5.0, 10.4: 11.5, 12.0: 8.0}),
        errand(1, wait_s=3.0, taken_s=4.0, told={}),
    ]
    light = [
        errand(100, wait_s=1.0, taken_s=2.0, told={10.0: 2.0}),
        errand(101, wait_s=3.0, taken_s=4.0, told={10.0: 3.0}),
        errand(102, wait_s=0.2, taken_s=1.0, told={10.0: 9.0}),
    ]
    figures = {figure.name: figure.value for figure in crowd_figures([*heavy, *light], job_s=2.0)}
    assert figures["wait of a light owner beside 2 queued jobs, in job times, longest"] == 1.5
    assert figures["  wait of the heavy owner's last job"] == 8.0
    # At 10.5 s, when all have asked: 1.9 of 9.5 s, none, 0 of 1.5 s, 1 of 3.5 s, and one that has begun.
    assert math.isclose(figures["error of the told time in that load, once all have asked, median"], 0.2)
    assert math.isclose(figures["  the same, p90"], 1 / 3.5)
    # At 10 s: 5 of 10 s, none, 0 of 2 s, 1 of 4 s, 8 of 1 s.
    assert math.isclose(figures["  when it was asked for, before those who came later, median"], 0.375)


def test_bench_that_was_broken_off_goes_on_with_the_next_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = BenchOptions(out=tmp_path, random_sd15=True)
    measured: list[str] = []

    def parts(*_: object) -> dict[str, Callable[[], list[Figure]]]:
        def one() -> list[Figure]:
            measured.append("one")
            return [Figure(name="one", value=1.5, unit="s", target=2, bound="most")]

        def other() -> list[Figure]:
            measured.append("other")
            if measured.count("other") == 1:
                raise JobCancelledError
            return [Figure(name="other", value=2)]

        return {"one": one, "other": other}

    monkeypatch.setattr(serving_bench, "_parts", parts)
    with pytest.raises(JobCancelledError):
        serving_bench.bench_serving(options)
    report = serving_bench.bench_serving(options)
    assert measured == ["one", "other", "other"]
    assert [(one.name, one.value, one.holds) for one in report.figures] == [
        ("one", 1.5, True),
        ("other", 2, None),
    ]
    serving_bench.bench_serving(options)
    assert measured.count("one") == 2  # nothing is left of a bench that was finished


def test_bench_of_random_modules_measures_all_but_the_engine_process(
    monkeypatch: pytest.MonkeyPatch, tiny_config: DistillConfig, training: TrainingConfig, tmp_path: Path
) -> None:
    """The modules are of another size here; everything else is what a GPU is measured with."""
    unet = random_model.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=2,
        cross_attention_dim=768,
    )
    vae = random_model.AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4)
    monkeypatch.setattr(random_model, "_unet", lambda *_: unet)
    monkeypatch.setattr(random_model, "_vae", lambda: vae)
    config = ServingBenchConfig(
        speed=SpeedConfig(rows=2, steps=1, repeats=1, queue=2, single=1, queue_rows=4),
        company=CompanyConfig(pictures=1, steps=1, warm_up_pieces=1, distill=tiny_config),
        training=TrainingBenchConfig(repeats=1, training=training),
        ledger_jobs=3,
    )
    options = BenchOptions(out=tmp_path, random_sd15=True)
    report = serving_bench.bench_serving(options, config=config)
    names = [figure.name for figure in report.figures]
    assert len(set(names)) == len(names)
    assert all(figure.value > 0 for figure in report.figures)
    assert sum(figure.target is not None for figure in report.figures) == 7
