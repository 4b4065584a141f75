from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from synid_engine.errors import JobCancelledError
from synid_engine.identity.attention import attention_projections
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import load_backbone
from synid_engine.synid.anchors import find_anchors
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.losses import clip_loss, diffusion_loss, diversity_loss, face_loss
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.stage import StageModels, ignore_report, stage_generator
from synid_engine.synid.trainable import TrainableLowRank, TrainableTokens, bank_from_tokens
from synid_engine.synid.training import TrainingConfig, train
from synid_engine.synid.words import PlainIdentityWords


@pytest.fixture(scope="module")
def anchors(models: StageModels, tiny_config: DistillConfig) -> AnchorEnsemble:
    words = PlainIdentityWords(description="a woman with red hair, wearing a blue hoodie")
    return find_anchors(words, models, tiny_config.anchors, seed=3, report=ignore_report)


def _tokens(models: StageModels) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, models.backbone.context_dim, generator=generator)


def _start_bank(models: StageModels) -> IdentityBank:
    return bank_from_tokens(_tokens(models), models.backbone, value_gain=0.5)


def test_diffusion_loss_reaches_the_prediction() -> None:
    noise_pred = torch.randn(2, 4, 3, 3, requires_grad=True)
    diffusion_loss(noise_pred, torch.zeros(2, 4, 3, 3), torch.tensor([1.0, 0.0])).backward()
    assert noise_pred.grad is not None
    assert noise_pred.grad[0].abs().sum() > 0
    assert noise_pred.grad[1].abs().sum() == 0


def test_face_and_clip_losses_reach_the_picture(models: StageModels) -> None:
    perception = models.perception
    images = torch.rand(1, 3, 64, 64)
    face = perception.face.face_embeds(torch.rand(1, 3, 64, 64))[0]
    looks = perception.clip.image_embeds(torch.rand(1, 3, 64, 64))[0]
    texts = perception.clip.text_embeds(["smiling"])
    for loss in (
        lambda seen: face_loss(seen, face, perception.face),
        lambda seen: clip_loss(seen, looks, texts, perception.clip, text_weight=0.0),
        lambda seen: clip_loss(seen, looks, texts, perception.clip, text_weight=1.0),
    ):
        seen = images.clone().requires_grad_()
        loss(seen).backward()
        assert seen.grad is not None
        assert seen.grad.abs().sum() > 0


def test_diversity_loss_falls_when_tokens_differ() -> None:
    same = torch.ones(3, 6)
    assert diversity_loss(same) == pytest.approx(1.0)
    assert diversity_loss(torch.eye(3, 6)) == pytest.approx(0.0)
    assert diversity_loss(torch.ones(1, 6)) == 0


def test_training_moves_the_tokens_and_nothing_else(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig
) -> None:
    start = _tokens(models)
    weights = {name: tensor.clone() for name, tensor in models.backbone.unet.state_dict().items()}
    trainable = TrainableTokens.start(start, models.backbone, value_gain=0.5)
    generator = stage_generator(0, "test")
    outcome = train(
        trainable, anchors.pictures, anchors.reference, models, training, generator, report=ignore_report
    )
    assert len(outcome.losses) == training.steps
    assert (trainable.tokens.detach() != start).any(dim=1).all()
    assert torch.equal(start, _tokens(models))
    for name, tensor in models.backbone.unet.state_dict().items():
        assert torch.equal(tensor, weights[name])
    assert all(parameter.grad is None for parameter in models.backbone.unet.parameters())


def test_training_moves_every_factor_of_the_adapter_and_not_the_bank(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig
) -> None:
    start = _start_bank(models)
    generator = stage_generator(0, "test")
    trainable = TrainableLowRank.start(start, models.backbone, rank=2, generator=generator)
    first = {name: down.detach().clone() for name, down in trainable.leaves.downs.items()}
    assert not any(bool(up.any()) for up in trainable.leaves.ups.values()), "an untrained adapter is none"
    train(trainable, anchors.pictures, anchors.reference, models, training, generator, report=ignore_report)
    trained = trainable.bank()
    assert set(first) == set(attention_projections(models.backbone.unet))
    for name, down in first.items():
        assert not torch.equal(trained.downs[name], down), name
        assert bool(trained.ups[name].any()), name
    for layer in start.keys:
        assert torch.equal(trained.keys[layer], start.keys[layer]), layer
        assert torch.equal(trained.values[layer], start.values[layer]), layer
    assert torch.equal(trained.identity_tokens, start.identity_tokens)


def test_cancelled_training_stops_within_a_step(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig
) -> None:
    calls: list[float] = []

    def report(fraction: float, _detail: str) -> None:
        calls.append(fraction)
        raise JobCancelledError

    trainable = TrainableTokens.start(_tokens(models), models.backbone, value_gain=0.5)
    generator = stage_generator(0, "test")
    with pytest.raises(JobCancelledError):
        train(trainable, anchors.pictures, anchors.reference, models, training, generator, report=report)
    assert calls == [0.5]


def test_long_and_short_prompts_are_learnt_from_together(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig
) -> None:
    pictures = anchors.pictures
    long = replace(pictures, prompts=tuple(f"{prompt}, {'in a forest, ' * 9}" for prompt in pictures.prompts))
    backbone = models.backbone
    assert backbone.encode_prompts(long.prompts).shape[1] > backbone.encode_prompts(["a"]).shape[1]
    trained = [TrainableTokens.start(_tokens(models), backbone, value_gain=0.5) for _ in range(2)]
    for trainable, learnt in zip(trained, (pictures, long), strict=True):
        generator = stage_generator(0, "test")
        train(trainable, learnt, anchors.reference, models, training, generator, report=ignore_report)
    assert not torch.equal(trained[0].tokens, trained[1].tokens)


def test_training_in_float16_learns_what_float32_learns(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig, small_folder: Path
) -> None:
    half = replace(models, backbone=load_backbone(small_folder, device="cpu", dtype=torch.float16))
    trained: list[Tensor] = []
    for trainer in (models, half):
        generator = stage_generator(0, "test")
        start = _start_bank(models)
        trainable = TrainableLowRank.start(start, trainer.backbone, rank=2, generator=generator)
        train(
            trainable, anchors.pictures, anchors.reference, trainer, training, generator, report=ignore_report
        )
        assert all(parameter.dtype == torch.float32 for parameter in trainable.parameters())
        trained.append(torch.cat([up.detach().flatten() for up in trainable.leaves.ups.values()]))
    assert float(functional.cosine_similarity(*trained, dim=0)) > 0.9
