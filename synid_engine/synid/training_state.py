"""A training between two steps, so that it can go on later as if nothing had happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from synid_engine.synid.optimiser import LossScale, Optimiser
from synid_engine.synid.stopping import Looks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingState:
    """A training between two steps: all that the rest of it depends on, on the CPU.

    Attributes:
        parameters: Of the trainable, in its order.
        moments: What the optimiser remembers of each; nothing before its first step.
        chance: State of the generator.
        losses: Of the steps so far.
        loss_scale: Of the next step.
        looks: What was seen of it from outside.
    """

    parameters: tuple[Tensor, ...]
    moments: tuple[dict[str, Tensor], ...]
    chance: Tensor
    losses: tuple[float, ...]
    loss_scale: LossScale
    looks: Looks


def training_state(
    parameters: Sequence[Tensor],
    optimiser: Optimiser,
    generator: torch.Generator,
    losses: Sequence[float],
    looks: Looks,
) -> TrainingState:
    """Write down a training between two steps."""
    moments = cast("dict[int, dict[str, Tensor]]", cast("Any", optimiser.adam).state_dict()["state"])
    return TrainingState(
        parameters=tuple(_copied(parameter) for parameter in parameters),
        moments=tuple(
            {name: _copied(value) for name, value in moments.get(index, {}).items()}
            for index in range(len(parameters))
        ),
        chance=generator.get_state(),
        losses=tuple(losses),
        loss_scale=optimiser.loss_scale,
        looks=looks,
    )


def restore_training(
    found: TrainingState,
    parameters: Sequence[Tensor],
    optimiser: Optimiser,
    generator: torch.Generator,
) -> None:
    """Put a training back to where it was; everything given is changed in place."""
    with torch.no_grad():
        for parameter, kept in zip(parameters, found.parameters, strict=True):
            parameter.copy_(kept)
    adam = cast("Any", optimiser.adam)
    groups = adam.state_dict()["param_groups"]
    adam.load_state_dict({"state": dict(enumerate(found.moments)), "param_groups": groups})
    optimiser.loss_scale = found.loss_scale
    generator.set_state(found.chance)


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().clone()
