"""Budgets of creations from a file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from synid_engine.errors import InvalidSettingError
from synid_engine.serving.recipe import read_recipe
from synid_engine.synid.drift import DriftConfig
from synid_engine.synid.pipeline import DistillConfig

USUAL = DistillConfig(stages=("anchors", "projector", "drift"), drift=DriftConfig(rounds=0))
"""Not the defaults, so that a recipe is seen to change what it is given."""


def written(folder: Path, text: str) -> Path:
    file = folder / "recipe.json"
    file.write_text(text)
    return file


def test_recipe_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    assert read_recipe(written(tmp_path, "{}"), USUAL) == USUAL
    changes = {
        "stages": ["anchors", "projector", "adapter"],
        "drift": {"threshold": 0.5},
        "bootstrap": {"scenes": ["smiling", "angry"], "accepted": 1, "training": {"steps": 3}},
    }
    recipe = read_recipe(written(tmp_path, json.dumps(changes)), USUAL)
    assert recipe.stages == ("anchors", "projector", "adapter")
    assert recipe.bootstrap.scenes == ("smiling", "angry")
    assert recipe.bootstrap.training.steps == 3
    assert recipe.bootstrap.training.learning_rate == USUAL.bootstrap.training.learning_rate
    assert recipe.projector == USUAL.projector
    assert recipe.drift == replace(USUAL.drift, threshold=0.5)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("no JSON", "recipe"),
        ("[]", "recipe"),
        ('{"projector": 3}', "recipe.projector"),
        ('{"projector": {"step": 3}}', "recipe.projector"),
        ('{"projector": {"training": {"steps": "many"}}}', "projector.training.steps"),
        ('{"projector": {"training": {"steps": -1}}}', "steps"),
        ('{"stages": ["anchors"]}', "stages"),
    ],
)
def test_recipe_that_cannot_be_used_is_refused(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InvalidSettingError) as refused:
        read_recipe(written(tmp_path, text), USUAL)
    assert refused.value.field == named


def test_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError):
        read_recipe(tmp_path / "none.json", USUAL)
