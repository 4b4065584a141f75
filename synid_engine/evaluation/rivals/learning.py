"""The loop that rivals learn in: the denoiser's own loss on a few pictures. Knows no rival."""

import contextlib
import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.device import choose_memory_format
from synid_engine.runtime.model_folder import quiet_libraries
from synid_engine.runtime.rng import gaussian_noise
from synid_engine.sampling.latents import NoiseSchedule
from synid_engine.synid.losses import diffusion_loss
from synid_engine.synid.stage import Report
from synid_engine.synid.training_pictures import TrainingPictures

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningConfig:
    """How long and how fast a rival learns.

    Attributes:
        steps: Of AdamW.
        batch_size: Rows a step.
        learning_rate: At the start; it falls to a tenth as a cosine.
        weight_decay: Of AdamW.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0


Predict = Callable[[Tensor, Tensor, list[int]], Tensor]
"""Given noisy latents, timesteps and the numbers of the pictures, returns what the rival's model answers."""


def learn(
    parameters: Sequence[Tensor],
    predict: Predict,
    pictures: TrainingPictures,
    backbone: Backbone,
    config: LearningConfig,
    generator: torch.Generator,
    *,
    report: Report,
) -> None:
    """Train parameters in place with the min-SNR weighted loss of the denoiser.

    Args:
        parameters: What learns.
        predict: Differentiable in them.
        pictures: What is learnt.
        backbone: Whose schedule it is.
        config: Steps, rows and rates.
        generator: Draws pictures, timesteps and noise.
        report: Told of every step; may raise JobCancelledError.
    """
    schedule = NoiseSchedule.from_config(backbone.noise_scheduler_config, device=backbone.device)
    latents = pictures.latents.to(backbone.device).float()
    optimizer = torch.optim.AdamW(
        parameters, lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=config.weight_decay
    )
    for step in range(config.steps):
        for group in optimizer.param_groups:
            falling = 0.1 + 0.9 * (1 + math.cos(math.pi * step / config.steps)) / 2
            group["lr"] = config.learning_rate * falling
        size = config.batch_size
        picked = torch.multinomial(pictures.weights, size, replacement=True, generator=generator)
        timesteps = torch.randint(0, schedule.train_timesteps, (size,), generator=generator)
        timesteps = timesteps.to(backbone.device)
        noise = gaussian_noise((size, *latents.shape[1:]), generator).to(backbone.device)
        clean = latents[picked.to(backbone.device)]
        with torch.enable_grad():
            noisy = schedule.add_noise(clean, noise, timesteps)
            noise_pred = predict(noisy, timesteps, [int(number) for number in picked])
            loss = diffusion_loss(
                noise_pred,
                schedule.target(clean, noise, timesteps),
                schedule.min_snr_weights(timesteps),
            )
            optimizer.zero_grad(set_to_none=True)
            cast("Any", loss).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        cast("Any", optimizer).step()
        report((step + 1) / config.steps, f"step {step + 1} of {config.steps}")


def in_short_format(backbone: Backbone) -> contextlib.AbstractContextManager[object]:
    """Multiply in the backbone's format, while weights that learn stay float32."""
    if backbone.dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(backbone.device.type, dtype=backbone.dtype)


def answer(unet: nn.Module, noisy: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
    """Return a UNet's prediction in float32."""
    predicted = cast("Any", unet)(noisy, timesteps, encoder_hidden_states=context, return_dict=False)[0]
    return cast("Tensor", predicted).float()


def copied_unet(backbone: Backbone) -> UNet2DConditionModel:
    """Return a frozen copy of the UNet in float32, on its device."""
    copied = cast("Any", copy.deepcopy(backbone.unet)).float()
    return cast("UNet2DConditionModel", copied.requires_grad_(requires_grad=False))


def modules_of(unet: UNet2DConditionModel, kind: type[M]) -> list[tuple[str, M]]:
    """Return the modules of a kind with their names, in the order of the UNet."""
    named = cast("Iterable[tuple[str, nn.Module]]", cast("Any", unet).named_modules())
    return [(name, module) for name, module in named if isinstance(module, kind)]


def in_format(unet: UNet2DConditionModel, backbone: Backbone) -> UNet2DConditionModel:
    """Put a UNet that has learnt into the backbone's format."""
    with quiet_libraries():
        placed = cast("UNet2DConditionModel", cast("Any", unet).to(backbone.dtype))
    return cast("Any", placed).to(memory_format=choose_memory_format(backbone.dtype))
