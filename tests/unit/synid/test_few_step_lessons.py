"""Lessons of the bootstrap that a few-step adapter draws."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from synid_engine.engine import Engine
from synid_engine.errors import InvalidSettingError
from synid_engine.perception.bundle import Perception
from synid_engine.runtime.backbone import load_backbone
from synid_engine.sampling.denoise import denoise
from synid_engine.sampling.row import RenderRow
from synid_engine.serving.recipe import read_recipe
from synid_engine.synid.drawing import DrawConfig, draw
from synid_engine.synid.pipeline import DistillConfig, distill
from synid_engine.synid.stage import StageModels, ignore_report
from synid_engine.synid.usual import usual_config
from synid_engine.synid.words import PlainIdentityWords

from ...adapters import kohya_layout, put_adapter, random_factors  # noqa: TID252  (tests are no package)

QUICKLY = DrawConfig(few_steps=True)
SCHEDULE = {"steps": 3, "guidance_scale": 1.5, "noise_scheduler": "lcm"}


@pytest.fixture(scope="module")
def quick_folder(whole_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    unet = load_backbone(whole_model, device="cpu", dtype=torch.float32).unet
    tensors = kohya_layout(random_factors(unet))
    return put_adapter(whole_model, tmp_path_factory.mktemp("models") / "lessons", tensors, schedule=SCHEDULE)


@pytest.fixture(scope="module")
def quick(quick_folder: Path, perception: Perception) -> StageModels:
    backbone = load_backbone(quick_folder, device="cpu", dtype=torch.float32)
    return StageModels(backbone=backbone, perception=perception)


def test_lessons_are_drawn_by_the_adapters_own_schedule(quick: StageModels) -> None:
    drawn = draw(["a woman", "a man"], [1, 2], quick, QUICKLY, report=ignore_report)
    row = RenderRow(
        prompt="a man",
        seed=2,
        num_inference_steps=3,
        guidance_scale=1.5,
        noise_scheduler="lcm",
        few_steps_scale=1.0,
    )
    assert torch.allclose(drawn.latents[1], denoise(quick.backbone, [row])[0], atol=1e-4)


def test_base_without_an_adapter_refuses_to_draw_in_few_steps(models: StageModels) -> None:
    with pytest.raises(InvalidSettingError):
        draw(["a woman"], [1], models, QUICKLY, report=ignore_report)


def test_adapter_that_is_there_draws_the_lessons_unless_the_recipe_says_no(
    quick: StageModels, tmp_path: Path
) -> None:
    usual = usual_config(quick)
    assert usual.bootstrap.draw.few_steps
    drawn = (usual.anchors.draw, usual.drift.draw, usual.adapter.draw)
    assert not any(one.few_steps for one in drawn), "what judges is drawn as people will see it"
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"bootstrap": {"draw": {"few_steps": False}}}))
    assert read_recipe(recipe, usual) == replace(
        usual, bootstrap=replace(usual.bootstrap, draw=replace(usual.bootstrap.draw, few_steps=False))
    )


def test_character_is_made_with_quick_lessons(
    quick: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig
) -> None:
    bootstrap = replace(tiny_config.bootstrap, draw=QUICKLY)
    config = replace(tiny_config, bootstrap=bootstrap, stages=("anchors", "projector", "bootstrap"))
    made = distill(words, quick, config, seed=5)
    ordinary = distill(words, quick, replace(config, bootstrap=tiny_config.bootstrap), seed=5)
    assert made.scores["loss"] == ordinary.scores["loss"], "the stages before are the same"
    assert made.scores["bootstrap_identity"] != ordinary.scores["bootstrap_identity"]


def test_engine_loads_the_adapter_and_the_embedded_model_has_none(quick_folder: Path) -> None:
    assert Engine.load(quick_folder, device="cpu").models.backbone.few_steps is not None
    assert Engine.load(device="cpu").models.backbone.few_steps is None
