"""Small models and small budgets, so that a character takes a second."""

import json
from pathlib import Path

from ..small_models import save_small_models, save_whole_model  # noqa: TID252  (tests are no package)
from .house import Kit

_DRAW = {"num_inference_steps": 2, "guidance_scale": 2.0}
_TRAINING = {"steps": 4, "batch_size": 2, "perception_every": 2}
RECIPE = {
    "stages": ["anchors", "projector", "bootstrap", "drift", "adapter"],
    "anchors": {"candidates": 4, "anchors": 2, "draw": _DRAW},
    "projector": {"tokens": 3, "training": _TRAINING},
    "bootstrap": {
        "scenes": ["smiling", "angry, on a beach", "surprised"],
        "accepted": 2,
        "draw": _DRAW,
        "training": _TRAINING,
    },
    "drift": {"threshold": 1.0, "rounds": 1, "scenes": ["smiling"], "draw": _DRAW, "training": _TRAINING},
    "adapter": {"scenes": ["angry"], "draw": _DRAW, "training": _TRAINING},
}


def make_kit(folder: Path, *, model: Path | None = None, silence_s: float = 8.0) -> Kit:
    """Write a model folder, unless there is one, and a recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    if model is None:
        model = folder / "whole"
        if not model.exists():
            save_whole_model(save_small_models(folder / "small"), model)
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps(RECIPE))
    return Kit(model=model, recipe=recipe, calibration=folder / "calibration.json", silence_s=silence_s)
