"""What a compiled step reads beside latents and timesteps, padded to a size that it was compiled for.

Padding is keys that are hidden, characters and changes that are zero, and rows that nobody looks at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from synid_engine.identity.attention import attention_projections, with_context_projected
from synid_engine.identity.condition import ConditionedContext, IdentityCondition
from synid_engine.runtime.backbone import cross_attention_layers

_NOWHERE = float("-inf")
_TOKENS = 8
_LEAST_ROWS = 2
_OF_THE_PROMPT = (".attn2.to_k", ".attn2.to_v")
"""Projections that a step does not go through: the prompt's keys and values are worked out beforehand."""


def row_bucket(rows: int) -> int:
    """Return the rows of the compiled batch that so many rows are drawn in: 2, 4, 8 and so on."""
    return max(_LEAST_ROWS, 1 << (rows - 1).bit_length())


def token_bucket(tokens: int) -> int:
    """Return how many keys, or ranks, so many are padded to; none stay none."""
    return -(-tokens // _TOKENS) * _TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSize:
    """What a step is compiled for.

    Attributes:
        latents: Channels, height and width.
        rows: Forward rows.
        tokens: Keys of the prompts.
        bank_tokens: Keys of the banks; 0 where no row has one.
        rank: Of the low-rank changes; 0 where no row has one.
        residuals: Tensors that a ControlNet adds.
    """

    latents: tuple[int, ...]
    rows: int
    tokens: int
    bank_tokens: int
    rank: int
    residuals: int

    @classmethod
    def of(
        cls, latents: Tensor, context: Tensor, identity: IdentityCondition | None, *, residuals: int
    ) -> "StepSize":
        """Return the least size that holds a batch."""
        return cls(
            latents=tuple(latents.shape[1:]),
            rows=row_bucket(len(latents)),
            tokens=token_bucket(context.shape[1]),
            bank_tokens=0 if identity is None else token_bucket(_length(identity.keys)),
            rank=0 if identity is None else token_bucket(_length(identity.downs)),
            residuals=residuals,
        )

    def holds(self, other: "StepSize") -> bool:
        """Whether a batch of the other size can be drawn in this one: of what it lacks, there are zeros."""
        has_room = self.bank_tokens >= other.bank_tokens and self.rank >= other.rank
        return has_room and self == replace(other, bank_tokens=self.bank_tokens, rank=self.rank)


class StepInputs(NamedTuple):
    """A batch, ready for the compiled step.

    Attributes:
        context: Text states.
        banks: Keys and values of each cross-attention layer; empty where the size has no room for them.
        prompts: Keys and values of the context of each layer.
        changes: The two factors of each projection; empty where the size has no room for them.
        scale: Weight of each row's banks.
        biases: Of the banks' scores, and of the context's.
    """

    context: Tensor
    banks: list[list[Tensor]]
    prompts: list[list[Tensor]]
    changes: list[list[Tensor]]
    scale: Tensor
    biases: list[Tensor]


class StepForm:
    """The layers of a UNet whose inputs a batch brings, in an order that stays."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        self._unet = unet
        self._layers = cross_attention_layers(unet)
        changed = {
            name: projection
            for name, projection in attention_projections(unet).items()
            if not name.endswith(_OF_THE_PROMPT)
        }
        self._changed_in = {name: projection.in_features for name, projection in changed.items()}
        self._changed_out = {name: projection.out_features for name, projection in changed.items()}

    def inputs(self, context: Tensor, identity: IdentityCondition | None, size: StepSize) -> StepInputs:
        """Return what the step of a size reads of a batch that it holds."""
        condition = self._whole(context, identity)

        def filled(part: Mapping[str, Tensor], widths: Mapping[str, int], length: int) -> list[Tensor]:
            """Return a tensor for each name, zeros where there is none."""
            return [
                more_rows(_longer(part[name], length), size.rows)
                if name in part
                else context.new_zeros(size.rows, length, width)
                for name, width in widths.items()
                if length
            ]

        layers, tokens = self._layers, context.shape[1]
        seen = _length(condition.keys) or size.bank_tokens  # a softmax over hidden keys alone is no number
        return StepInputs(
            context=more_rows(_longer(context, size.tokens), size.rows),
            banks=[filled(part, layers, size.bank_tokens) for part in (condition.keys, condition.values)],
            prompts=[
                filled(part, layers, size.tokens)
                for part in (condition.context_keys, condition.context_values)
            ],
            changes=[
                filled(condition.downs, self._changed_in, size.rank),
                filled(condition.ups, self._changed_out, size.rank),
            ],
            scale=more_rows(condition.scale, size.rows),
            biases=[
                more_rows(_bias(condition.bank_bias, context, seen, size.bank_tokens), size.rows),
                more_rows(_bias(condition.context_bias, context, tokens, size.tokens), size.rows),
            ],
        )

    def condition(self, inputs: StepInputs) -> IdentityCondition:
        """Return the condition that the inputs say."""
        keys, values = (dict(zip(self._layers, part, strict=False)) for part in inputs.banks)
        context_keys, context_values = (
            dict(zip(self._layers, part, strict=False)) for part in inputs.prompts
        )
        downs, ups = (dict(zip(self._changed_in, part, strict=False)) for part in inputs.changes)
        bank_bias, context_bias = inputs.biases
        return IdentityCondition(
            keys=keys,
            values=values,
            scale=inputs.scale,
            bank_bias=bank_bias,
            context_bias=context_bias,
            regions={},
            downs=downs,
            ups=ups,
            context_keys=context_keys,
            context_values=context_values,
        )

    def _whole(self, context: Tensor, identity: IdentityCondition | None) -> IdentityCondition:
        """Return a condition that says everything, so that there is one kind of it."""
        given = identity or IdentityCondition(keys={}, values={}, scale=context.new_ones(len(context), 1, 1))
        if given.context_keys:
            return given
        projected = with_context_projected(self._unet, ConditionedContext(context=context, identity=given))
        return cast("IdentityCondition", projected.identity)


def more_rows(tensor: Tensor, rows: int) -> Tensor:
    """Repeat the last row until there are so many."""
    missing = rows - len(tensor)
    return torch.cat([tensor, tensor[-1:].expand(missing, *tensor.shape[1:])]) if missing else tensor


def _length(part: Mapping[str, Float[Tensor, "rows _tokens _width"]]) -> int:
    return max((tensor.shape[1] for tensor in part.values()), default=0)


def _longer(states: Float[Tensor, "rows tokens width"], length: int) -> Tensor:
    return functional.pad(states, (0, 0, 0, length - states.shape[1]))


def _bias(bias: Tensor | None, context: Tensor, tokens: int, room: int) -> Tensor:
    """Return the bias, or one that hides nothing, with the padding hidden."""
    whole = context.new_zeros(len(context), 1, 1, tokens) if bias is None else bias
    return functional.pad(whole, (0, room - tokens), value=_NOWHERE)
