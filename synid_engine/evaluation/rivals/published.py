"""SynID as it was published, written anew from its description and scaled down to the embedded model.

A projector maps the fused CLIP embedding to tokens that are pulled towards the mean of the prompt's own text
states; the tokens are added to the last, padding positions of the prompt, and half of them is taken from the
negative; an adapter after each transformer block attends to them. Shapes keep the published proportions: the
projector's hidden layer is 4/3 of the context, the adapter's attention is as wide as its block.

Source: SynID, identity projector, dual-level injection and identity adapter; its published code where the
two differ. Deviation: every row of a batch gets all tokens; the adapters learn a hundred times as fast, from
batches of four, since the published rate changes hardly anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, cast

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional

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
from synid_engine.synid.stage import Report, part_of, stage_generator

TOKENS = 4
TOKEN_SCALE = 1.75
NEGATIVE_SCALE = 0.5
HEADS = 8
PLACE_SCALES = {"down": 0.25, "mid": 0.375, "up": 0.5}
PROJECTOR_STEPS, PROJECTOR_RATE = 250, 1e-4
CONFIG = LearningConfig(steps=260, batch_size=4, learning_rate=1e-3, weight_decay=1e-4)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedConfig:
    """What the published recipe leaves to its user.

    Attributes:
        learning: Of the adapters.
        token_scale: Length of a token beside a text state's, at least 0.
    """

    learning: LearningConfig = CONFIG
    token_scale: float = TOKEN_SCALE / 28


class BlockAdapter(nn.Module):
    """What one transformer block is given besides: h + s (d + MLP(d)), d attends from h to the tokens."""

    def __init__(self, width: int, context_dim: int, scale: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(
            width, HEADS, kdim=context_dim, vdim=context_dim, batch_first=True
        )
        nn.init.zeros_(self.attention.out_proj.weight)
        self.expand, self.contract = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.scale = scale

    def forward(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Return the block's changed output; `tokens` are (count, context_dim)."""
        given = tokens[None].expand(len(states), -1, -1).to(states.dtype)
        drawn = cast("Tensor", self.attention(states, given, given, need_weights=False)[0])
        return states + self.scale * (drawn + self.contract(functional.gelu(self.expand(drawn))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenedBackbone(Backbone):
    """Adds tokens to the padding of every prompt, and takes half of them from an empty one.

    Attributes:
        tokens: (count, context_dim), already at their scale.
    """

    tokens: Tensor

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str]) -> Tensor:
        """Return the text states with the tokens in their last places."""
        states = Backbone.encode_prompts(self, prompts)
        signs = torch.tensor([1.0 if prompt else -NEGATIVE_SCALE for prompt in prompts]).to(states)
        added = torch.zeros_like(states)
        added[:, -len(self.tokens) :] = signs[:, None, None] * self.tokens.to(states)
        return states + added


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Injected:
    """A base model with the tokens and the adapters of one character.

    Attributes:
        backbone: With its own UNet.
        byte_count: What both take on disk in half precision.
    """

    backbone: Backbone
    byte_count: int


def inject(
    lesson: Lesson, backbone: Backbone, *, config: PublishedConfig | None = None, report: Report
) -> Injected:
    """Train tokens and adapters from a lesson.

    Args:
        lesson: What is learnt.
        backbone: It is not changed.
        config: None takes the usual values.
        report: Told of every step.
    """
    settings = config or PublishedConfig()
    generator = stage_generator(lesson.who.seed, "published")
    states = backbone.encode_prompts([lesson.words.prompt("")])[0].float()
    directions = _projected(lesson, states, generator, report=part_of(report, 0.0, 0.2))
    tokens = directions * settings.token_scale * float(_length(states).mean())
    unet = copied_unet(backbone)
    adapters = attach(unet, tokens)
    own: dict[str, Any] = {field.name: getattr(backbone, field.name) for field in fields(Backbone)}
    own["unet"] = unet
    tokened = TokenedBackbone(**own, tokens=tokens)
    contexts = torch.cat([tokened.encode_prompts([prompt]) for prompt in lesson.pictures.prompts]).float()

    def predict(noisy: Tensor, timesteps: Tensor, picked: list[int]) -> Tensor:
        with in_short_format(backbone):
            return answer(unet, noisy, timesteps, contexts[picked])

    parameters = list(adapters.parameters())
    learning = part_of(report, 0.2, 1.0)
    learn(parameters, predict, lesson.pictures, backbone, settings.learning, generator, report=learning)
    adapters.requires_grad_(requires_grad=False).to(backbone.dtype)
    placed = in_format(unet, backbone)
    return Injected(
        backbone=replace(tokened, unet=placed),
        byte_count=2 * (sum(parameter.numel() for parameter in parameters) + tokens.numel()),
    )


def attach(unet: UNet2DConditionModel, tokens: Tensor) -> nn.ModuleList:
    """Hook an adapter behind each transformer block, and return them."""
    adapters = nn.ModuleList()
    for name, block in modules_of(unet, BasicTransformerBlock):
        width = cast("nn.Linear", cast("Any", block).attn1.to_q).in_features
        place = PLACE_SCALES[name.split("_")[0]]
        adapter = BlockAdapter(width, tokens.shape[1], place).to(tokens.device)

        def changed(_block: nn.Module, _given: object, states: Tensor, own: nn.Module = adapter) -> Tensor:
            return cast("Tensor", own(states, tokens))

        block.register_forward_hook(changed)
        adapters.append(adapter)
    return adapters


def _projected(lesson: Lesson, states: Tensor, generator: torch.Generator, *, report: Report) -> Tensor:
    """Return (tokens, context_dim): what the published projector ends with, by its own losses."""
    embed = lesson.reference.image_embed.to(states.device)
    width = states.shape[1]
    sizes = [embed.shape[0], 4 * width // 3, 4 * width // 3, TOKENS * width]
    layers = [_linear(before, after, generator) for before, after in pairwise(sizes)]
    network = nn.Sequential(layers[0], nn.SiLU(), layers[1], nn.SiLU(), layers[2]).to(states.device)
    text = states.mean(dim=0)
    turned = cast("Any", torch.linalg).qr(torch.randn(width, width, generator=generator))
    rotation = cast("Tensor", turned.Q).to(states.device)
    face = rotation[:, : lesson.reference.face_embed.shape[0]] @ lesson.reference.face_embed[:width].to(
        states
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=PROJECTOR_RATE)
    for step in range(PROJECTOR_STEPS):
        with torch.enable_grad():
            loss = _projector_loss(network(embed).view(TOKENS, width), text, face)
            optimizer.zero_grad()
            cast("Any", loss).backward()
        cast("Any", optimizer).step()
        report((step + 1) / PROJECTOR_STEPS, "projector")
    with torch.no_grad():
        return functional.normalize(network(embed).view(TOKENS, width), dim=1)


def _projector_loss(tokens: Tensor, text: Tensor, face: Tensor) -> Tensor:
    mean = tokens.mean(dim=0)
    unit = functional.normalize(tokens, dim=1)
    count = len(tokens)
    alike = (unit @ unit.T - torch.eye(count, device=tokens.device)).sum() / (count * (count - 1))
    return (
        (1 - functional.cosine_similarity(mean, text, dim=0))
        + 0.3 * (1 - functional.cosine_similarity(tokens, text[None], dim=1)).mean()
        + 0.05 * alike
        + 0.01 * torch.abs(_length(mean[None])[0] - 1)
        + 0.5 * (1 - functional.cosine_similarity(mean, face, dim=0))
        + 0.15 * (1 - functional.cosine_similarity(tokens, face[None], dim=1)).mean()
    )


def _length(states: Tensor) -> Tensor:
    """Return the length of each row."""
    return states.square().sum(dim=1).sqrt()


def _linear(before: int, after: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(before, after)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(after, before, generator=generator) / before**0.5)
        layer.bias.zero_()
    return layer
