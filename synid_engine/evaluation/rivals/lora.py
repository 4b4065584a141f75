"""A low-rank adapter of the attention's weights, trained on one character's pictures.

Source: Hu et al. 2021, LoRA, equation 3; on the four projections of each attention, as for diffusion models.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from synid_engine.evaluation.rivals.learning import (
    LearningConfig,
    answer,
    copied_unet,
    in_format,
    in_short_format,
    learn,
    modules_of,
)
from synid_engine.evaluation.rivals.lesson import Lesson
from synid_engine.runtime.backbone import Backbone
from synid_engine.synid.stage import Report, stage_generator

RANK = 8
CONFIG = LearningConfig(steps=200, batch_size=4, learning_rate=1e-3)
_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")


class LowRank(nn.Module):
    """Adds a product of two thin matrices to a weight; at first it adds nothing."""

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.down = nn.Parameter(torch.randn(rank, columns, generator=generator) / math.sqrt(columns))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the changed weight."""
        return weight + self.up @ self.down


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapted:
    """A base model with the adapter's change in its weights.

    Attributes:
        backbone: With its own UNet.
        byte_count: What the adapter takes on disk in half precision.
    """

    backbone: Backbone
    byte_count: int


def adapt_low_rank(
    lesson: Lesson, backbone: Backbone, *, config: LearningConfig = CONFIG, report: Report
) -> Adapted:
    """Train a low-rank adapter with the full description as caption, and put it into a copy of the UNet.

    Args:
        lesson: What is learnt.
        backbone: It is not changed.
        config: Steps, rows and rate.
        report: Told of every step.
    """
    generator = stage_generator(lesson.who.seed, "low rank")
    unet = copied_unet(backbone)
    changed = [
        module
        for name, module in modules_of(unet, nn.Linear)
        if name.endswith(_PROJECTIONS) and ".attn" in name
    ]
    changes = [LowRank(module.weight, RANK, generator).to(backbone.device) for module in changed]
    for module, change in zip(changed, changes, strict=True):
        parametrize.register_parametrization(module, "weight", change)
    contexts = torch.cat([backbone.encode_prompts([prompt]) for prompt in lesson.pictures.prompts]).float()

    def predict(noisy: Tensor, timesteps: Tensor, picked: list[int]) -> Tensor:
        with in_short_format(backbone):
            return answer(unet, noisy, timesteps, contexts[picked])

    parameters = [parameter for change in changes for parameter in change.parameters()]
    learn(parameters, predict, lesson.pictures, backbone, config, generator, report=report)
    for module in changed:
        parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    for change in changes:
        change.requires_grad_(requires_grad=False)
    return Adapted(
        backbone=replace(backbone, unet=in_format(unet, backbone)),
        byte_count=2 * sum(parameter.numel() for parameter in parameters),
    )
