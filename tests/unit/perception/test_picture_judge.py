from pathlib import Path

import numpy as np
from PIL import Image

from synid_engine.perception.picture_judge import OpenNsfwJudge
from synid_engine.serving.spool import Spool


class Darkness:
    """Takes pictures for the worse the darker they are."""

    def score(self, picture: Image.Image) -> float:
        return 1.0 - float(np.asarray(picture.convert("L")).mean()) / 255.0


def test_shipped_weights_score_pictures() -> None:
    judge = OpenNsfwJudge()
    noise = np.random.default_rng(0).integers(0, 256, (96, 64, 3), dtype=np.uint8)
    scores = [judge.score(one) for one in (Image.new("RGB", (128, 128), "white"), Image.fromarray(noise))]
    assert all(0.0 <= score < 0.8 for score in scores)
    assert scores[0] != scores[1]
    again = [judge.score(one) for one in (Image.new("RGB", (128, 128), "white"), Image.fromarray(noise))]
    assert again == scores


def test_spool_judges_what_it_keeps_and_what_others_bring(tmp_path: Path) -> None:
    spool = Spool(tmp_path, judge=Darkness())
    black, white = (Image.new("RGB", (8, 8), name) for name in ("black", "white"))
    kept = spool.put_pictures([black, white], [1, 2])
    assert [one.nsfw for one in kept] == [1.0, 0.0]
    assert spool.score_of(kept[0].image) == 1.0
    (tmp_path / f"{'a' * 64}.png").write_bytes(b"no picture")
    assert spool.score_of("a" * 64) is None
    assert spool.score_of("b" * 64) is None


def test_spool_without_a_judge_says_that_nobody_looked(tmp_path: Path) -> None:
    picture = Spool(tmp_path).put_picture(Image.new("RGB", (8, 8)), seed=1)
    assert picture.nsfw is None
