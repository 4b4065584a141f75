"""The bench of false alarms."""

from pathlib import Path

import pytest
from PIL import Image

from bot.moderation_bench import ModerationBenchConfig, bench_moderation
from synid_engine.evaluation.progress import BenchOptions, EvaluationProgress
from synid_engine.perception.picture_judge import OpenNsfwJudge

CONFIG = ModerationBenchConfig(pictures=5, at_once=2, steps=1)


class StoppedError(Exception):
    """The person at the keyboard has had enough."""


def test_broken_off_bench_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[float] = []
    score = OpenNsfwJudge.score

    def counted(judge: OpenNsfwJudge, picture: Image.Image) -> float:
        judged.append(score(judge, picture))
        return judged[-1]

    def stop(_progress: EvaluationProgress) -> None:
        if len(judged) == 2 * CONFIG.at_once:
            raise StoppedError

    monkeypatch.setattr(OpenNsfwJudge, "score", counted)
    with pytest.raises(StoppedError):
        bench_moderation(BenchOptions(out=tmp_path, on_progress=stop), config=CONFIG)
    report = bench_moderation(BenchOptions(out=tmp_path), config=CONFIG)
    assert len(judged) == CONFIG.pictures
    assert {one.name: one.value for one in report.figures}["  pictures"] == CONFIG.pictures
    assert not list(tmp_path.iterdir()), "a finished bench leaves nothing behind"
