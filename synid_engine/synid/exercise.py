"""One training step's work for the device: several creations may do theirs in one forward and backward pass.

Knows nothing about where the rows come from, or about optimisers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from synid_engine.errors import DeviceOutOfMemoryError
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.condition import IdentityRow, condition_rows
from synid_engine.runtime.backbone import Backbone
from synid_engine.synid.trainable import Trainable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exercise:
    """The rows of a training step, and what their prediction is worth.

    Attributes:
        latents: Noisy latents.
        timesteps: How noisy each row is.
        context: Text states of each row's prompt.
        prompt_lengths: How many of those are each row's own.
        scales: Weights of bank and tokens for each row.
        trainable: The character's tensors, whose gradients are wanted.
        loss: The whole loss, given the prediction and the bank.
        loss_scale: What it is multiplied by on its way back, so that short number formats hold its gradients.
    """

    latents: Float[Tensor, "batch c h w"]
    timesteps: Int[Tensor, " batch"]
    context: Float[Tensor, "batch tokens context_dim"]
    prompt_lengths: tuple[int, ...]
    scales: tuple[tuple[float, float], ...]
    trainable: Trainable
    loss: Callable[[Tensor, IdentityBank], Tensor]
    loss_scale: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """What the rows of one forward pass must share."""
        return (*self.latents.shape[1:], *self.context.shape[1:])


@runtime_checkable
class Classroom(Protocol):
    """Where a creation does its exercises: alone, or beside others."""

    def work_out(self, exercise: Exercise, backbone: Backbone) -> float:
        """Set the gradients of the character's tensors, and return its loss."""
        ...


class OwnRoom:
    """Every creation by itself, so that its character depends on nothing but its words and its seed."""

    def work_out(self, exercise: Exercise, backbone: Backbone) -> float:
        """Set the gradients of the character's tensors, and return its loss."""
        return work_out_together([exercise], backbone)[0]


OWN_ROOM = OwnRoom()


def work_out_together(exercises: Sequence[Exercise], backbone: Backbone) -> list[float]:
    """Set the gradients of several characters' tensors in one forward and one backward pass.

    Rows see nothing of each other: each creation gets the gradients that it would get alone, up to rounding.

    Args:
        exercises: Of equal shape.
        backbone: Frozen.

    Returns:
        The loss of each.

    Raises:
        DeviceOutOfMemoryError: They do not fit together; nothing has been learnt.
    """
    try:
        return _work_out(exercises, backbone)
    except torch.OutOfMemoryError as error:
        raise DeviceOutOfMemoryError(rows=sum(len(one.scales) for one in exercises)) from error


def _work_out(exercises: Sequence[Exercise], backbone: Backbone) -> list[float]:
    with torch.enable_grad():
        banks = [one.trainable.bank() for one in exercises]
        rows = [
            IdentityRow(banks=(bank,), scale=scale, token_scale=token)
            for one, bank in zip(exercises, banks, strict=True)
            for scale, token in one.scales
        ]
        noise_pred = predict(
            torch.cat([one.latents for one in exercises]),
            torch.cat([one.timesteps for one in exercises]),
            torch.cat([one.context for one in exercises]),
            [length for one in exercises for length in one.prompt_lengths],
            rows,
            backbone,
        )
        sizes = [len(one.scales) for one in exercises]
        parts = cast("tuple[Tensor, ...]", cast("Any", noise_pred).split(sizes))
        losses = [one.loss(part, bank) for one, part, bank in zip(exercises, parts, banks, strict=True)]
        for one in exercises:
            for parameter in one.trainable.parameters():
                parameter.grad = None
        scaled = [one.loss_scale * loss for one, loss in zip(exercises, losses, strict=True)]
        cast("Any", torch.stack(scaled).sum()).backward()
        _unscale(exercises)
    return [float(loss.detach()) for loss in losses]


def _unscale(exercises: Sequence[Exercise]) -> None:
    for one in exercises:
        if one.loss_scale == 1:
            continue
        for parameter in one.trainable.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(one.loss_scale)


def predict(
    latents: Float[Tensor, "rows c h w"],
    timesteps: Int[Tensor, " rows"],
    context: Float[Tensor, "rows tokens context_dim"],
    prompt_lengths: Sequence[int],
    rows: Sequence[IdentityRow],
    backbone: Backbone,
) -> Float[Tensor, "rows c h w"]:
    """Return what the denoiser answers, as float32; differentiable in the banks of the rows.

    Args:
        latents: Noisy latents.
        timesteps: How noisy each row is.
        context: Text states of each row's prompt.
        prompt_lengths: How many of those are each row's own.
        rows: Their identities.
        backbone: Frozen; with the attention that takes identities.
    """
    unet = cast("Any", backbone.unet)
    conditioned = condition_rows(
        context,
        rows,
        latent_size=(latents.shape[2], latents.shape[3]),
        levels=len(unet.config.block_out_channels),
        prompt_lengths=prompt_lengths,
    )
    noise_pred = unet(
        latents.to(backbone.dtype),
        timesteps,
        encoder_hidden_states=conditioned.context,
        cross_attention_kwargs=conditioned.cross_attention_kwargs,
        return_dict=False,
    )[0]
    return cast("Tensor", noise_pred).float()
