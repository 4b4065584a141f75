from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from synid_engine.errors import JobCancelledError
from synid_engine.evaluation.progress import BenchOptions, EvaluationProgress
from synid_engine.evaluation.tiny_bench import TinyBenchConfig, bench_tiny, true_traits
from synid_engine.tiny.dataset import Labelled
from synid_engine.tiny.world import Shot

from ...people import SOMEBODY  # noqa: TID252  (tests are no package)

CONFIG = TinyBenchConfig(renders=3, prompts=3, chunk=2, timed=1, shown=2, steps=1, fewest=1)
PERSON = replace(SOMEBODY, hair="hijab")


@pytest.fixture
def few_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synid_engine.evaluation.tiny_bench.held_out_people", lambda count: [PERSON] * count)


@pytest.mark.usefixtures("few_people")
def test_untrained_models_miss_their_targets_and_say_so(small_folder: Path, tmp_path: Path) -> None:
    report = bench_tiny(BenchOptions(quick=True, models=small_folder, out=tmp_path), config=CONFIG)
    figures = {figure.name: figure for figure in report.figures}
    assert figures["VAE PSNR"].holds is False
    assert figures["expressions drawn"].target == 92
    assert figures["seconds a picture"].target == 1.5
    assert figures["landmark error"].value > 0
    assert report.to_json()["quick"] is True
    with Image.open(tmp_path / "bench-tiny-quick.png") as sheet:
        assert sheet.width > sheet.height
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bench-tiny-quick-failures.png",
        "bench-tiny-quick.png",
    ]


@pytest.mark.usefixtures("few_people")
def test_bench_that_was_stopped_goes_on(small_folder: Path, tmp_path: Path) -> None:
    def stop(progress: EvaluationProgress) -> None:
        if progress.stage == "prompts":
            raise JobCancelledError

    with pytest.raises(JobCancelledError):
        bench_tiny(BenchOptions(models=small_folder, out=tmp_path, on_progress=stop), config=CONFIG)
    told: list[EvaluationProgress] = []
    bench_tiny(BenchOptions(models=small_folder, out=tmp_path, on_progress=told.append), config=CONFIG)
    assert [one.eta_s for one in told if one.stage == "renders"] == [None] * 3


def test_hair_colour_that_nothing_shows_is_not_asked_of_the_classifier() -> None:
    traits = true_traits(Labelled(person_id=0, person=PERSON, shot=Shot(tilt="left", mirror=True)))
    assert "hair_color" not in traits
    assert traits["tilt"] == "right"
