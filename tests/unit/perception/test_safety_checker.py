"""A folder with the files of Stable Diffusion's safety checker, made small and filled at random."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig

from synid_engine.errors import DamagedModelError, JudgeNotInstalledError
from synid_engine.perception.clip_pixels import PREPROCESSOR_NAME
from synid_engine.perception.picture_judge import CombinedJudge, PictureJudge
from synid_engine.perception.safety_checker import SafetyCheckerJudge
from synid_engine.serving.judges import load_judges
from synid_engine.serving.judging import JudgeLimit, Judging

CPU = torch.device("cpu")
PREPROCESSOR = {
    "crop_size": 32,
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 32,
}


class Fixed:
    """Always says the same."""

    def __init__(self, score: float) -> None:
        self._score = score

    def score(self, picture: Image.Image) -> float:
        return self._score


@pytest.fixture(scope="module")
def checker() -> StableDiffusionSafetyChecker:
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config=small, vision_config={**small, "image_size": 32, "patch_size": 8}, projection_dim=12
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = StableDiffusionSafetyChecker(config).eval()
        with torch.no_grad():
            for name, limit in (("concept_embeds", 0.45), ("special_care_embeds", 0.4)):
                getattr(made, name).copy_(torch.randn_like(getattr(made, name)))
                getattr(made, f"{name}_weights").fill_(limit)
            for weight in made.parameters():
                if weight.ndim > 1 and weight.requires_grad:
                    weight.mul_(4)  # random towers see hardly any difference
    return made


@pytest.fixture(scope="module")
def model(checker: StableDiffusionSafetyChecker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold `safety_checker` and `feature_extractor`, with the names that weights have on the hub."""
    folder = tmp_path_factory.mktemp("dreamshaper-8")
    checker.save_pretrained(folder / "safety_checker")
    path = folder / "safety_checker" / "model.safetensors"
    weights = {
        name.replace("vision_model.", "vision_model.vision_model.", 1): value
        for name, value in load_file(path).items()
    }
    save_file(weights, path, metadata={"format": "pt"})
    (folder / "feature_extractor").mkdir()
    (folder / "feature_extractor" / PREPROCESSOR_NAME).write_text(json.dumps(PREPROCESSOR), "utf-8")
    return folder


@pytest.fixture(scope="module")
def judge(model: Path) -> SafetyCheckerJudge:
    return SafetyCheckerJudge(model, device=CPU)


def pictures(count: int) -> list[Image.Image]:
    numbers = np.random.default_rng(4)
    small = [numbers.integers(0, 256, (4, 4, 3), dtype=np.uint8) for _ in range(count)]
    return [Image.fromarray(one).resize((48, 40), Image.Resampling.BICUBIC) for one in small]


def test_judge_keeps_its_protocol(judge: SafetyCheckerJudge) -> None:
    assert isinstance(judge, PictureJudge)


def test_score_passes_one_half_exactly_where_the_checker_withholds(
    judge: SafetyCheckerJudge, checker: StableDiffusionSafetyChecker
) -> None:
    verdicts: list[bool] = []
    for picture in pictures(60):
        array = np.asarray(picture, dtype=np.float32) / 255
        pixels = judge._pixels.of(torch.as_tensor(array).permute(2, 0, 1)[None])
        _, [withheld] = checker(clip_input=pixels, images=[array.copy()])
        assert (judge.score(picture) > 0.5) == withheld
        verdicts.append(withheld)
    assert 5 < sum(verdicts) < 55


def test_scores_lie_in_their_range_and_differ(judge: SafetyCheckerJudge) -> None:
    scores = [judge.score(one) for one in pictures(20)]
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert len(set(scores)) > 5


@pytest.mark.parametrize(
    "missing",
    [
        "safety_checker/config.json",
        "safety_checker/model.safetensors",
        f"feature_extractor/{PREPROCESSOR_NAME}",
    ],
)
def test_model_without_a_checker_is_refused_and_named(model: Path, tmp_path: Path, missing: str) -> None:
    shutil.copytree(model, tmp_path / "model")
    (tmp_path / "model" / missing).unlink()
    with pytest.raises(JudgeNotInstalledError) as refused:
        SafetyCheckerJudge(tmp_path / "model", device=CPU)
    assert (refused.value.judge, refused.value.part) == ("safety_checker", missing)


def test_checker_in_half_precision_alone_judges(
    model: Path, judge: SafetyCheckerJudge, tmp_path: Path
) -> None:
    shutil.copytree(model, tmp_path / "model")
    path = tmp_path / "model" / "safety_checker" / "model.safetensors"
    half = {name: one.half() if one.is_floating_point() else one for name, one in load_file(path).items()}
    save_file(half, path.with_name("model.fp16.safetensors"), metadata={"format": "pt"})
    path.unlink()
    found = SafetyCheckerJudge(tmp_path / "model", device=CPU)
    for picture in pictures(5):
        assert found.score(picture) == pytest.approx(judge.score(picture), abs=0.05)


def test_half_written_checker_is_refused(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    path = tmp_path / "model" / "safety_checker" / "model.safetensors"
    weights = load_file(path)
    del weights["concept_embeds"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(DamagedModelError) as refused:
        SafetyCheckerJudge(tmp_path / "model", device=CPU)
    assert "concept_embeds" in refused.value.detail


@pytest.mark.parametrize(
    ("first", "second", "is_withheld"),
    [
        (0.79, 0.49, False),
        (0.8, 0.0, True),
        (0.0, 0.5, True),
        (1.0, 1.0, True),
        (0.0, 0.4999999999999999, False),
    ],
)
def test_any_judge_withholds(*, first: float, second: float, is_withheld: bool) -> None:
    for limit in (0.3, 0.8, 1.0):
        both = CombinedJudge(judges=((Fixed(first), 0.8), (Fixed(second), 0.5)), limit=limit)
        score = both.score(Image.new("RGB", (8, 8)))
        assert 0.0 <= score <= 1.0
        assert (score >= limit) == is_withheld


def test_judge_with_the_common_limit_keeps_its_score() -> None:
    alone = CombinedJudge(judges=((Fixed(0.37), 0.8),), limit=0.8)
    assert alone.score(Image.new("RGB", (8, 8))) == pytest.approx(0.37)


def test_deployment_gets_the_judges_that_it_names(model: Path, judge: SafetyCheckerJudge) -> None:
    names = (JudgeLimit(name="opennsfw", limit=0.9), JudgeLimit(name="safety_checker", limit=0.5))
    both = load_judges(Judging(judges=names), model=model, device=CPU)
    for picture in pictures(12):
        assert (both.score(picture) >= 0.8) == (judge.score(picture) >= 0.5)  # open_nsfw minds none of them
    with pytest.raises(JudgeNotInstalledError):
        load_judges(Judging(judges=names), model=model / "elsewhere", device=CPU)
