"""What only a GPU can show: `pytest -m gpu tests/gpu`. What a processor can go through too, it does here."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jaxtyping
import pytest
import torch
from torch import Tensor

from synid_engine.engine import Engine
from synid_engine.evaluation.progress import BenchOptions
from synid_engine.identity.attention import attention_projections, install_identity_attention
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.compiled import CompileConfig
from synid_engine.sampling.denoise import denoise
from synid_engine.sampling.row import RenderRow
from synid_engine.serving.compilation import with_compiled_unet
from synid_engine.serving.gpu_bench import bench_gpu
from synid_engine.synid.exercise import Exercise, work_out_together
from synid_engine.synid.losses import diffusion_loss
from synid_engine.synid.optimiser import LossScale, Optimiser
from synid_engine.synid.trainable import TrainableLowRank, bank_from_tokens

from ..small_models import flat_unet  # noqa: TID252  (tests are no package)

ROW = RenderRow(prompt="a woman with red hair", seed=1, num_inference_steps=4)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Dynamo cannot trace what checks the shapes in all other tests."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
    torch.compiler.reset()


@pytest.fixture
def exact(small_folder: Path, device: str) -> Backbone:
    """Hold the small models in float32 with a UNet that is traced in no time."""
    loaded = load_backbone(small_folder, device=device, dtype=torch.float32)
    unet = flat_unet(8).requires_grad_(requires_grad=False).to(device)
    return replace(loaded, unet=unet)


def character(backbone: Backbone, seed: int) -> IdentityBank:
    """Make a character with a strong low-rank change, as its file holds it."""
    chance = cpu_generator(seed)
    tokens = gaussian_noise((8, backbone.context_dim), chance).to(backbone.device)
    linear = attention_projections(backbone.unet)
    bank = IdentityBank.from_tokens(tokens, backbone.unet, model_hash=backbone.model_hash).detach()
    changed = replace(
        bank,
        downs={name: 0.3 * gaussian_noise((8, one.in_features), chance) for name, one in linear.items()},
        ups={name: 0.3 * gaussian_noise((8, one.out_features), chance) for name, one in linear.items()},
    )
    return changed.to("cpu", torch.float16)


def difference(drawn: Tensor, expected: Tensor) -> float:
    return float((drawn - expected).abs().mean() / expected.abs().mean())


@pytest.mark.usefixtures("unchecked_shapes")
def test_compiled_step_draws_any_character_as_the_model_itself_does(exact: Backbone, device: str) -> None:
    """On a GPU by CUDA graphs, which are replayed for every other character."""
    config = CompileConfig(backend=lambda graph, _inputs: graph.forward) if device == "cpu" else None
    compiled = with_compiled_unet(exact, rows=(2, 4), config=config)
    assert compiled.compiled_unet is not None
    characters = [character(exact, seed) for seed in range(3)]
    plain = replace(characters[0], downs={}, ups={})
    drawn: list[Tensor] = []
    for banks in ((characters[0], characters[1]), (characters[2], plain), (characters[1],)):
        rows = [replace(ROW, seed=seed, banks=(bank,)) for seed, bank in enumerate(banks)]
        drawn.append(denoise(compiled, rows))
        assert difference(drawn[-1], denoise(exact, rows)) < 5e-3
    assert difference(drawn[0][:1], denoise(exact, [ROW])) > 0.05


def test_step_of_training_in_half_precision_moves_what_is_trained(small_folder: Path, device: str) -> None:
    backbone = load_backbone(small_folder, device=device, dtype=torch.float16)
    install_identity_attention(backbone.unet)
    tokens = gaussian_noise((3, backbone.context_dim), cpu_generator(0)).to(backbone.device)
    bank = bank_from_tokens(tokens, backbone, value_gain=0.5).detach()
    trainable = TrainableLowRank.start(bank, backbone, rank=4, generator=cpu_generator(1))
    parameters = trainable.parameters()
    optimiser = Optimiser(parameters, max_gradient=1.0, loss_scale=LossScale.of_format(torch.float16))
    noise = gaussian_noise((2, *backbone.latent_shape), cpu_generator(2)).to(backbone.device)
    context = backbone.encode_prompts(["a woman", "a man"])
    before = [parameter.detach().clone() for parameter in parameters]
    losses: list[float] = []
    for _ in range(3):
        exercise = Exercise(
            latents=noise,
            timesteps=torch.tensor([100, 600], device=backbone.device),
            context=context,
            prompt_lengths=(context.shape[1],) * 2,
            scales=((1.0, 1.0), (1.0, 1.0)),
            trainable=trainable,
            loss=lambda noise_pred, _bank: diffusion_loss(noise_pred, noise, noise.new_ones(2)),
            loss_scale=optimiser.loss_scale.value,
        )
        losses += work_out_together([exercise], backbone)
        optimiser.step(learning_rate=1e-2)
    assert losses[-1] < losses[0]
    assert all(parameter.dtype == torch.float32 for parameter in parameters)
    assert all(torch.isfinite(parameter).all() for parameter in parameters)
    assert not any(torch.equal(now, then) for now, then in zip(parameters, before, strict=True))


@pytest.mark.gpu
def test_engine_keeps_within_its_memory(whole_model: Path) -> None:
    engine = Engine.load(whole_model, device="cuda", memory_gb=4.0)
    assert engine.models.backbone.device.index is not None
    [picture] = engine.render(None, "smiling", count=1, seed=5, num_inference_steps=2)
    assert picture.image.size == (64, 64)
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(5 * 2**30, dtype=torch.uint8, device=engine.models.backbone.device)
    torch.cuda.set_per_process_memory_fraction(1.0, engine.models.backbone.device)


@pytest.mark.gpu
@pytest.mark.timeout(1800)
def test_bench_of_the_full_size_runs() -> None:
    report = bench_gpu(BenchOptions(quick=True))
    assert all(figure.value > 0 for figure in report.figures)
    assert "not compiled" not in report.notes[0]
