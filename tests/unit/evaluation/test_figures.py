import json
import math
from pathlib import Path

import pytest
from PIL import Image

from synid_engine.errors import JobCancelledError
from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.partial import PartialResults
from synid_engine.evaluation.progress import EvaluationProgress, Ticker


def test_figure_holds_at_its_target_and_not_beyond_it() -> None:
    assert Figure(name="a", value=36, target=36).holds is True
    assert Figure(name="a", value=35.999, target=36).holds is False
    assert Figure(name="a", value=1.5, target=1.5, bound="most").holds is True
    assert Figure(name="a", value=1.501, target=1.5, bound="most").holds is False


def test_figure_without_target_neither_holds_nor_fails() -> None:
    assert Figure(name="a", value=1).holds is None


def test_what_could_not_be_measured_fails_and_is_null() -> None:
    figure = Figure(name="a", value=math.nan, target=0, bound="most")
    assert figure.holds is False
    assert figure.to_json()["value"] is None
    assert figure.to_row()[1] == "-"


def test_failing_figure_says_so_in_json_and_table() -> None:
    report = BenchReport(
        name="tiny",
        quick=True,
        figures=(
            Figure(name="PSNR", value=30.25, unit="dB", target=36, interval=(29, 31)),
            Figure(name="speed", value=1.2, unit="s", target=1.5, bound="most"),
        ),
        notes=("/out/sheet.png",),
    )
    fields = json.loads(json.dumps(report.to_json()))
    assert fields["quick"] is True
    assert [one["holds"] for one in fields["figures"]] == [False, True]
    assert {"name", "value", "unit", "target", "holds"} <= set(fields["figures"][0])
    lines = report.to_table().splitlines()
    assert "quick" in lines[0]
    assert "MISSED" in lines[2]
    assert lines[3].endswith("holds")
    assert lines[-1] == "/out/sheet.png"


def test_partial_results_survive_and_are_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "partial"
    first = PartialResults(folder, fingerprint="a")
    assert first.once("x", lambda: [1, 2]) == [1, 2]
    first.keep_picture("p", Image.new("RGB", (4, 4), "red"))
    again = PartialResults(folder, fingerprint="a")
    assert again.once("x", lambda: pytest.fail("measured twice")) == [1, 2]
    assert again.picture("p") is not None
    assert PartialResults(folder, fingerprint="b").picture("p") is None
    again.forget()
    assert not folder.exists()


def test_damaged_partial_results_are_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    assert not PartialResults(tmp_path, fingerprint="a").has("x")


def test_ticker_guesses_time_from_measured_steps_alone() -> None:
    told: list[EvaluationProgress] = []
    ticker = Ticker("draw", total=4, on_progress=told.append)
    ticker.step("remembered", steps=2, remembered=True)
    assert told[-1].eta_s is None
    ticker.step("drawn")
    assert told[-1].fraction == 0.75
    assert told[-1].eta_s is not None


def test_ticker_lets_a_caller_stop() -> None:
    def stop(progress: EvaluationProgress) -> None:
        if progress.fraction > 0:
            raise JobCancelledError

    ticker = Ticker("draw", total=2, on_progress=stop)
    with pytest.raises(JobCancelledError):
        ticker.step()
