import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from synid_engine.engine import Character, Engine
from synid_engine.evaluation.ablation import STEPS, ablation_figures
from synid_engine.evaluation.identity_bench import identity_figures
from synid_engine.evaluation.models import EMBEDDED_MODELS
from synid_engine.evaluation.suites import run_suite
from synid_engine.evaluation.trial import Trial
from synid_engine.evaluation.warm_bench import warm_gain, with_projector_steps
from synid_engine.identity.bank import IdentityBank
from synid_engine.perception.bundle import load_perception
from synid_engine.runtime.backbone import Backbone
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.stage import StageModels


def _trial(name: str, *, same: float, vector: list[float], seconds: float = 50.0) -> Trial:
    return Trial(
        name=name,
        creation_s=seconds,
        kilobytes=300.0,
        face_same=[same, 1.0],
        all_same=[same, 1.0],
        follows=[1.0, 0.0],
        plain_face_same=[0.0, 0.0],
        plain_all_same=[0.0, 0.0],
        plain_follows=[1.0, 0.0],
        likeness=[0.9, 0.8],
        embeds=[vector, [value + 0.01 for value in vector]],
        clip_likeness=[0.9, 0.9],
        clip_pairs=[0.8],
        clip_words=[0.3, 0.3],
    )


def test_rates_are_told_beside_ceiling_and_plain_model() -> None:
    trials = [
        _trial("a", same=1.0, vector=[1.0, 0.0]),
        _trial("b", same=1.0, vector=[0.0, 1.0], seconds=80.0),
    ]
    figures = {one.name: one for one in identity_figures(trials, face_ceiling=0.98, all_ceiling=0.96)}
    assert figures["same character of the ceiling, face traits"].value == pytest.approx(100 / 0.98)
    assert figures["  without identity, face traits"].value == 0
    assert figures["following, of that without identity"].value == 100
    assert figures["told apart from others (AUC)"].holds is True
    assert figures["creation, mean"].holds is False


def test_characters_like_synid_s_five_are_told_as_synid_tells_them() -> None:
    trials = [_trial("Elderly man", same=1.0, vector=[1.0]), _trial("Pirate", same=1.0, vector=[0.5])]
    figures = {one.name: one.value for one in identity_figures(trials, face_ceiling=1.0, all_ceiling=1.0)}
    assert figures["  Elderly man: CLIP identity"] == pytest.approx(0.9)
    assert figures["  Elderly man: CLIP pairs"] == pytest.approx(0.8)
    assert "  Pirate: CLIP identity" not in figures


def test_characters_that_change_or_look_alike_fail() -> None:
    trials = [_trial("a", same=0.0, vector=[1.0, 0.0]), _trial("b", same=0.0, vector=[1.0, 0.0])]
    figures = {one.name: one for one in identity_figures(trials, face_ceiling=1.0, all_ceiling=1.0)}
    assert figures["same character of the ceiling, face traits"].holds is False
    assert figures["told apart from others (AUC)"].holds is False


def test_warm_start_is_compared_on_the_same_people() -> None:
    cold = [_trial("a", same=1.0, vector=[1.0]), _trial("b", same=1.0, vector=[1.0])]
    warm = [replace(one, likeness=[0.95, 0.95]) for one in cold]
    gain = warm_gain(warm, cold)
    assert gain.value == pytest.approx(0.1)
    assert gain.interval == pytest.approx((0.1, 0.1))
    assert with_projector_steps(DistillConfig(), 7).projector.training.steps == 7


def test_ablation_tells_the_gain_of_each_step() -> None:
    trials = {step: [_trial("a", same=float(step >= "C"), vector=[1.0, 0.0])] for step, _ in STEPS}
    figures = {one.name: one.value for one in ablation_figures(trials)}
    assert figures["C gains, face traits"] == 50
    assert figures["D gains, face traits"] == 0


def test_suite_of_an_untrained_model_is_measured_whole(
    backbone: Backbone, make_bank: Callable[..., IdentityBank]
) -> None:
    models = StageModels(backbone=backbone, perception=load_perception(EMBEDDED_MODELS / "perception"))
    portrait = Image.new("RGB", (64, 64), "red")
    character = Character(
        name="Nova", description="a woman", bank=make_bank(1), portrait=portrait, anchors=(portrait,)
    )
    report = run_suite(Engine(models=models), character)
    assert len(report.rows) == 8
    assert json.loads(json.dumps(report.to_json()))["quick"] is True
    assert "same character, face traits" in report.to_table()
    assert report.sheet.width > report.sheet.height
