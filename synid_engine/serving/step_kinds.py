"""The kinds of steps that pictures and characters consist of, ours and the stock ones, ready to be timed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor

from synid_engine.identity.attention import install_identity_attention, remove_identity_attention
from synid_engine.identity.bank import IdentityBank
from synid_engine.pose.library import NAMED_POSES
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.random_adapter import random_few_steps
from synid_engine.serving.speed_bench import random_banks, stock_pipeline
from synid_engine.serving.upstream_training import UpstreamTraining
from synid_engine.synid.adapter import AdapterConfig
from synid_engine.synid.drawing import MAX_ROWS
from synid_engine.synid.exercise import Exercise, work_out_together
from synid_engine.synid.losses import diffusion_loss
from synid_engine.synid.optimiser import LossScale, Optimiser
from synid_engine.synid.posing import posed_row
from synid_engine.synid.trainable import TrainableLowRank

_PROMPT = "a woman with red hair, smiling, on a beach"
_GUIDANCE = 5.0
_ENDLESS = 500  # steps of a row that is stepped and never finished
_TIMESTEP = 500

_Work: TypeAlias = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKinds:
    """Sizes of the steps.

    Attributes:
        pictures: Guided pictures of a denoising step of the queue.
        drawn: The same of a creation.
        decoded: Pictures that are decoded together.
        batch_size: Rows of an optimiser step.
        pipeline_steps: Steps of a short and of a long call of the pipeline; a step is the difference.
    """

    pictures: int = 8
    drawn: int = MAX_ROWS
    decoded: int = 4
    batch_size: int = 4
    pipeline_steps: tuple[int, int] = (2, 12)


def step_kinds(backbone: Backbone, kinds: StepKinds) -> dict[str, _Work]:
    """Return the work of each kind.

    Returns:
        `mixed` and `one`: a step of the queue, of as many characters as pictures and of one; `posed`: the
        first with a pose for each picture, where the backbone has a ControlNet; `drawn`: of a creation, and
        `quick`: the same with a few-step adapter; `decode` and `chunk`: a picture, and a few together;
        `preview`: a picture by the small VAE, where the backbone has one; `train`: an optimiser step of a
        bank; `short` and `long`: calls of the stock pipeline without decoding; `upstream`: an optimiser step
        of adapters behind every block.
    """
    install_identity_attention(backbone.unet)
    banks = random_banks(backbone, kinds.pictures)
    quick = replace(backbone, few_steps=random_few_steps(backbone.unet))
    latents = gaussian_noise((kinds.decoded, *backbone.latent_shape), cpu_generator(0)).to(backbone.device)
    ours: dict[str, _Work] = {
        "mixed": _stepping(backbone, banks),
        "one": _stepping(backbone, banks[:1] * kinds.pictures),
        "drawn": _stepping(backbone, banks[:1] * kinds.drawn),
        "quick": _stepping(quick, banks[:1] * kinds.drawn, few_steps_scale=1.0),
        "decode": torch.no_grad()(lambda: backbone.decode(latents[:1])),
        "chunk": torch.no_grad()(lambda: backbone.decode(latents)),
        "train": _training(backbone, banks[0], kinds.batch_size),
    }
    if backbone.pose_control is not None:
        ours["posed"] = _stepping(backbone, banks, posed=True)
    if backbone.preview_vae is not None:
        ours["preview"] = torch.no_grad()(lambda: backbone.preview(latents[:1]))
    short, long = kinds.pipeline_steps
    stock: dict[str, _Work] = {
        "short": _piped(backbone, short),
        "long": _piped(backbone, long),
        "upstream": UpstreamTraining(backbone).step,
    }
    return {**ours, **{name: _with_stock_attention(backbone, work) for name, work in stock.items()}}


def _with_stock_attention(backbone: Backbone, work: _Work) -> _Work:
    """Put diffusers' own processors in while it works; those that were there come back, and no others."""

    def prepared() -> object:
        before = dict(backbone.unet.attn_processors)
        remove_identity_attention(backbone.unet)
        try:
            return work()
        finally:
            backbone.unet.set_attn_processor(cast("Any", before))

    return prepared


def _stepping(
    backbone: Backbone, banks: Sequence[IdentityBank], *, posed: bool = False, few_steps_scale: float = 0.0
) -> _Work:
    """Return a step of guided pictures of these characters; it goes on from call to call."""
    run = DenoiseRun(backbone)
    height, width = backbone.image_size
    for seed, (bank, body) in enumerate(zip(banks, cycle(NAMED_POSES.values()), strict=False)):
        row = RenderRow(
            prompt=_PROMPT,
            seed=seed,
            num_inference_steps=_ENDLESS,
            guidance_scale=_GUIDANCE,
            few_steps_scale=few_steps_scale,
            banks=(bank,),
        )
        run.add(posed_row(row, body, size=(width, height), strength=1.0) if posed else row)
    return run.step


def _piped(backbone: Backbone, steps: int) -> _Work:
    pipeline = stock_pipeline(backbone)
    return lambda: pipeline(
        _PROMPT, num_inference_steps=steps, guidance_scale=_GUIDANCE, output_type="latent"
    )


def _training(backbone: Backbone, bank: IdentityBank, batch_size: int) -> _Work:
    """Return an optimiser step of an adapter on noise, as the trainer takes it when no picture is judged."""
    rank = AdapterConfig().rank
    trainable = TrainableLowRank.start(bank, backbone, rank=rank, generator=cpu_generator(2))
    optimiser = Optimiser(
        trainable.parameters(), max_gradient=1.0, loss_scale=LossScale.of_format(backbone.dtype)
    )
    noise = gaussian_noise((batch_size, *backbone.latent_shape), cpu_generator(1)).to(backbone.device)
    context = backbone.encode_prompts([_PROMPT]).repeat(batch_size, 1, 1)
    weights = noise.new_ones(batch_size)

    def loss(noise_pred: Tensor, _bank: IdentityBank) -> Tensor:
        return diffusion_loss(noise_pred, noise, weights)

    def step() -> None:
        exercise = Exercise(
            latents=noise,
            timesteps=torch.full((batch_size,), _TIMESTEP, device=backbone.device),
            context=context,
            prompt_lengths=(context.shape[1],) * batch_size,
            scales=((1.0, 1.0),) * batch_size,
            trainable=trainable,
            loss=loss,
            loss_scale=optimiser.loss_scale.value,
        )
        work_out_together([exercise], backbone)
        optimiser.step(learning_rate=1e-4)

    return step
