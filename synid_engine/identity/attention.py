"""A second, decoupled attention beside the text's: `Attn(Q, K_text, V_text) + scale * Attn(Q, K_id, V_id)`.

Queries come from the frozen `to_q` and the sum goes through the frozen `to_out`. The processor keeps nothing
between calls: what it attends to arrives with each forward pass, as
`cross_attention_kwargs={"identity": condition}`.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from synid_engine.identity.condition import ConditionedContext, IdentityCondition

PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
_CROSS_ATTENTION = ".attn2.processor"


class SelfAttnProcessor(AttnProcessor2_0):
    """Self-attention with the low-rank changes of the rows' identities; without any, the stock one."""

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        identity: IdentityCondition | None = None,
    ) -> Tensor:
        """Attend as the stock model does, with each row's own projections."""
        if identity is None or not identity.downs:
            stock = cast("Any", super().__call__)
            return cast("Tensor", stock(attn, hidden_states, encoder_hidden_states, attention_mask, temb))
        module = cast("Any", attn)
        query, key, value = (
            _split_heads(
                identity.projected(getattr(module, name), self.layer, name, hidden_states), attn.heads
            )
            for name in ("to_q", "to_k", "to_v")
        )
        bias = None if attention_mask is None else attention_mask.unsqueeze(1)
        return _out(attn, self.layer, identity, _attend(query, key, value, bias))


class IdentityAttnProcessor(AttnProcessor2_0):
    """Cross-attention to the prompt and to the row's identity; without an identity, the stock one.

    Source: IP-Adapter, decoupled cross-attention; SynID's dual-level injection.
    Deviation: keys and values are inputs of the call, one set a row, and not weights of the processor.
    """

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "batch queries width"],
        encoder_hidden_states: Float[Tensor, "batch context context_dim"] | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        identity: IdentityCondition | None = None,
    ) -> Float[Tensor, "batch queries width"]:
        """Attend to the prompt, then add what the row's banks say at each query.

        `attention_mask` is diffusers' bias over the context; ours, in the condition, is added to it.
        """
        if identity is None or encoder_hidden_states is None:
            stock = cast("Any", super().__call__)
            return cast("Tensor", stock(attn, hidden_states, encoder_hidden_states, attention_mask, temb))
        module = cast("Any", attn)
        query = _split_heads(identity.projected(module.to_q, self.layer, "to_q", hidden_states), attn.heads)
        key, value = self._context(attn, encoder_hidden_states, identity)
        region = identity.regions[query.shape[2]] if identity.regions else None
        bias = identity.context_bias if region is None else region.context
        if attention_mask is not None:
            bias = attention_mask.unsqueeze(1) if bias is None else bias + attention_mask.unsqueeze(1)
        attended = _attend(query, key, value, bias)
        if identity.keys:
            attended = attended + self._attend_to_banks(query, identity)
        return _out(attn, self.layer, identity, attended)

    def _context(
        self,
        attn: Attention,
        context: Float[Tensor, "batch context context_dim"],
        identity: IdentityCondition,
    ) -> tuple[Tensor, Tensor]:
        """Return the prompt's keys and values, which do not change from step to step."""
        module = cast("Any", attn)
        keys, values = identity.context_keys.get(self.layer), identity.context_values.get(self.layer)
        if keys is None or values is None:
            keys = identity.projected(module.to_k, self.layer, "to_k", context)
            values = identity.projected(module.to_v, self.layer, "to_v", context)
        return _split_heads(keys, attn.heads), _split_heads(values, attn.heads)

    def _attend_to_banks(
        self, query: Float[Tensor, "batch heads queries head_dim"], identity: IdentityCondition
    ) -> Float[Tensor, "batch queries width"]:
        heads = query.shape[1]
        key = _split_heads(identity.keys[self.layer], heads)
        value = _split_heads(identity.values[self.layer], heads)
        region = identity.regions[query.shape[2]] if identity.regions else None
        if region is None:
            return identity.scale * _attend(query, key, value, identity.bank_bias)
        return identity.scale * region.coverage * _attend(query, key, value, region.bank)


def install_identity_attention(unet: UNet2DConditionModel) -> None:
    """Give every attention layer a processor that accepts an identity; installing twice changes nothing."""
    installed = (IdentityAttnProcessor, SelfAttnProcessor)
    if all(isinstance(processor, installed) for processor in unet.attn_processors.values()):
        return
    processors: dict[str, AttnProcessor2_0] = {
        name: IdentityAttnProcessor(name.removesuffix(".processor"))
        if name.endswith(_CROSS_ATTENTION)
        else SelfAttnProcessor(name.removesuffix(".processor"))
        for name in unet.attn_processors
    }
    unet.set_attn_processor(cast("Any", processors))


def remove_identity_attention(unet: UNet2DConditionModel) -> None:
    """Give every attention layer diffusers' own processor again."""
    unet.set_attn_processor(cast("Any", {name: AttnProcessor2_0() for name in unet.attn_processors}))


def with_context_projected(unet: UNet2DConditionModel, conditioned: ConditionedContext) -> ConditionedContext:
    """Work out the prompt's keys and values of every layer once, for all steps of a batch.

    Returns:
        The same condition with them; without an identity, the same object, since the stock path takes none.
    """
    if conditioned.identity is None:
        return conditioned
    layers = [
        name.removesuffix(".processor") for name in unet.attn_processors if name.endswith(_CROSS_ATTENTION)
    ]
    modules = {layer: cast("Any", unet.get_submodule(layer)) for layer in layers}
    context, told = conditioned.context, conditioned.identity
    identity = replace(
        told,
        context_keys={
            layer: told.projected(module.to_k, layer, "to_k", context) for layer, module in modules.items()
        },
        context_values={
            layer: told.projected(module.to_v, layer, "to_v", context) for layer, module in modules.items()
        },
    )
    return replace(conditioned, identity=identity)


@contextmanager
def identity_attention(unet: UNet2DConditionModel) -> Generator[UNet2DConditionModel]:
    """Install the processors for a while, then restore those that were there."""
    before = dict(unet.attn_processors)
    install_identity_attention(unet)
    try:
        yield unet
    finally:
        unet.set_attn_processor(cast("Any", before))


def attention_projections(unet: UNet2DConditionModel) -> dict[str, nn.Linear]:
    """Return every projection of every attention layer, by the name that a low-rank change is kept under."""
    layers = [name.removesuffix(".processor") for name in unet.attn_processors]
    names = [f"{layer}.{projection}" for layer in layers for projection in PROJECTIONS]
    return {name: cast("nn.Linear", unet.get_submodule(name)) for name in names}


def _out(attn: Attention, layer: str, identity: IdentityCondition, attended: Tensor) -> Tensor:
    module = cast("Any", attn)
    projected = identity.projected(module.to_out[0], layer, "to_out.0", attended)
    return module.to_out[1](projected) / module.rescale_output_factor


def _split_heads(states: Float[Tensor, "batch tokens width"], heads: int) -> Tensor:
    return states.view(*states.shape[:2], heads, -1).transpose(1, 2)


def _attend(
    query: Float[Tensor, "batch heads queries head_dim"],
    key: Float[Tensor, "batch heads tokens head_dim"],
    value: Float[Tensor, "batch heads tokens head_dim"],
    bias: Tensor | None,
) -> Float[Tensor, "batch queries width"]:
    attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    return attended.transpose(1, 2).flatten(2)
