"""Training through short number formats: what the scale saves, and what happens when it is too large."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from synid_engine.errors import DistillationError
from synid_engine.identity.attention import install_identity_attention
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.synid.exercise import Exercise, work_out_together
from synid_engine.synid.optimiser import LossScale, Optimiser
from synid_engine.synid.stopping import Looks
from synid_engine.synid.trainable import TrainableTokens
from synid_engine.synid.training_state import restore_training, training_state

# The loss of a picture this many times as large as the small model's: at -15 some processors lose a third.
FAINT = 2.0**-17
FIRST = LossScale.of_format(torch.float16)


@pytest.fixture(scope="module")
def half(small_folder: Path) -> Backbone:
    models = load_backbone(small_folder, device="cpu", dtype=torch.float16)
    install_identity_attention(models.unet)
    return models


def bank_gradient(backbone: Backbone, *, loss_scale: float) -> Tensor:
    install_identity_attention(backbone.unet)
    tokens = gaussian_noise((3, backbone.context_dim), cpu_generator(0))
    trainable = TrainableTokens.start(tokens, backbone, value_gain=0.5)
    target = gaussian_noise((2, 4, 8, 8), cpu_generator(2))

    def loss(noise_pred: Tensor, _bank: IdentityBank) -> Tensor:
        return FAINT * (noise_pred - target).square().mean()

    context = backbone.encode_prompts(["a woman", "a man"])
    exercise = Exercise(
        latents=gaussian_noise((2, 4, 8, 8), cpu_generator(1)),
        timesteps=torch.tensor([100, 600]),
        context=context,
        prompt_lengths=(context.shape[1],) * 2,
        scales=((1.0, 1.0), (1.0, 1.0)),
        trainable=trainable,
        loss=loss,
        loss_scale=loss_scale,
    )
    work_out_together([exercise], backbone)
    return torch.cat([tensor.grad.flatten() for tensor in trainable.parameters() if tensor.grad is not None])


def test_gradients_too_small_for_float16_reach_the_bank_with_a_scale(
    backbone: Backbone, half: Backbone
) -> None:
    exact = bank_gradient(backbone, loss_scale=1.0)
    bare, scaled = (bank_gradient(half, loss_scale=scale) for scale in (1.0, FIRST.value))
    assert (exact != 0).all()
    assert float((bare == 0).float().mean()) > 0.5
    assert float(functional.cosine_similarity(bare, exact, dim=0)) < 0.5
    assert float((scaled == 0).float().mean()) < 0.01
    assert float(functional.cosine_similarity(scaled, exact, dim=0)) > 0.999
    assert float(scaled.norm() / exact.norm()) == pytest.approx(1, rel=0.01)


def test_scale_changes_nothing_in_float32(backbone: Backbone) -> None:
    bare, scaled = (bank_gradient(backbone, loss_scale=scale) for scale in (1.0, FIRST.value))
    assert torch.equal(bare, scaled)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_wide_formats_need_no_scale(dtype: torch.dtype) -> None:
    scale = LossScale.of_format(dtype)
    assert scale.value == 1
    for _ in range(200):
        scale = scale.after(overflowed=False)
    assert scale.value == 1


def test_scale_halves_after_an_overflow_and_doubles_after_many_steps_without() -> None:
    halved = FIRST.after(overflowed=True)
    assert (halved.value, halved.steady) == (FIRST.value / 2, 0)
    grown = halved
    for _ in range(50):
        assert grown.value == halved.value
        grown = grown.after(overflowed=False)
    assert (grown.value, grown.steady) == (FIRST.value, 0)


def optimiser_of(tensor: Tensor, gradient: float, scale: LossScale) -> Optimiser:
    tensor.grad = torch.full_like(tensor, gradient)
    return Optimiser([tensor], max_gradient=1.0, loss_scale=scale)


def test_step_that_overflowed_moves_nothing_and_lowers_the_scale() -> None:
    tensor = torch.ones(3, requires_grad=True)
    optimiser = optimiser_of(tensor, float("inf"), FIRST)
    optimiser.step(learning_rate=0.1)
    assert torch.equal(tensor.detach(), torch.ones(3))
    assert optimiser.loss_scale.value == FIRST.value / 2
    tensor.grad = torch.ones(3)
    optimiser.step(learning_rate=0.1)
    assert (tensor < 1).all()


def test_gradient_that_is_no_number_at_any_scale_ends_the_training() -> None:
    tensor = torch.ones(3, requires_grad=True)
    with pytest.raises(DistillationError):
        optimiser_of(tensor, float("nan"), LossScale()).step(learning_rate=0.1)
    assert torch.equal(tensor.detach(), torch.ones(3))


def test_state_keeps_the_scale_even_before_the_first_step_that_counts() -> None:
    tensor = torch.ones(3, requires_grad=True)
    optimiser = optimiser_of(tensor, float("inf"), FIRST)
    optimiser.step(learning_rate=0.1)
    state = training_state([tensor], optimiser, cpu_generator(0), [0.5], Looks())
    other = torch.zeros(3, requires_grad=True)
    resumed = optimiser_of(other, 1.0, FIRST)
    restore_training(state, [other], resumed, cpu_generator(1))
    assert resumed.loss_scale == optimiser.loss_scale
    tensor.grad = torch.ones(3)
    for one in (optimiser, resumed):
        one.step(learning_rate=0.1)
    assert torch.equal(tensor, other)
