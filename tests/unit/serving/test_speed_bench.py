"""The bench's figures of the engine, on small random models; what they are does not matter here."""

from pathlib import Path

import pytest
import torch

from synid_engine.engine import Engine
from synid_engine.evaluation.figures import Figure, percentile
from synid_engine.runtime.backbone import Backbone
from synid_engine.serving import random_model
from synid_engine.serving.company_bench import CompanyConfig, company_figures
from synid_engine.serving.random_model import random_sd15
from synid_engine.serving.speed_bench import SpeedConfig, speed_figures
from synid_engine.serving.training_bench import TrainingBenchConfig, training_figures
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.stage import StageModels
from synid_engine.synid.training import TrainingConfig


def with_target(figures: tuple[Figure, ...]) -> list[Figure]:
    return [figure for figure in figures if figure.target is not None]


def test_engine_is_measured_against_the_stock_models(backbone: Backbone) -> None:
    config = SpeedConfig(rows=2, steps=2, repeats=1, queue=3, single=1, queue_rows=4)
    figures = speed_figures(backbone, config)
    compared = with_target(figures)
    assert [figure.bound for figure in compared] == ["most", "most", "least"]
    assert all(figure.value > 0 for figure in figures)
    for ratio, above, below in zip(figures[0:6:3], figures[1:6:3], figures[2:6:3], strict=True):
        assert ratio.value == pytest.approx(above.value / below.value)


def test_picture_beside_a_creation_is_measured_against_the_same_alone(
    models: StageModels, tiny_config: DistillConfig, tmp_path: Path
) -> None:
    config = CompanyConfig(pictures=3, steps=2, warm_up_pieces=2, distill=tiny_config)
    figures = company_figures(Engine(models=models), tmp_path, config)
    assert len(with_target(figures)) == 2
    assert all(figure.value > 0 for figure in figures)


def test_training_in_one_pass_is_measured_against_one_after_the_other(models: StageModels) -> None:
    config = TrainingBenchConfig(repeats=1, training=TrainingConfig(steps=1, batch_size=2))
    ratio, apart, together = training_figures(models, config)
    assert ratio.value == pytest.approx(apart.value / together.value)
    assert together.value > 0


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([3.0], 95) == 3.0
    assert percentile([float(one) for one in range(100, 0, -1)], 95) == 95
    assert percentile([1.0, 2.0], 50) == 1.0


def test_random_modules_draw_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    small = random_model.UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 8, 8, 8), norm_num_groups=4, cross_attention_dim=768
    )
    vae = random_model.AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4)
    monkeypatch.setattr(random_model, "_unet", lambda *_: small)
    monkeypatch.setattr(random_model, "_vae", lambda: vae)
    backbone = random_sd15(device="cpu")
    states = backbone.encode_prompts(["a woman with red hair"])
    assert states.shape == (1, 77, 768)
    assert torch.isfinite(states).all()
    assert backbone.latent_shape == (4, 8, 8)
    assert not any(parameter.requires_grad for parameter in backbone.unet.parameters())
