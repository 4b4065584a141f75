import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor
from torch.nn import functional

from synid_engine.identity.attention import (
    IdentityAttnProcessor,
    install_identity_attention,
    remove_identity_attention,
    with_context_projected,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.blend import stack_banks
from synid_engine.identity.condition import IdentityRow, condition_rows
from synid_engine.identity.regions import level_sizes
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise

from .passes import conditioned, forward

MakeBank = Callable[..., IdentityBank]
LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn2"
LEFT = torch.cat([torch.ones(8, 4), torch.zeros(8, 4)], dim=1)


def stock(backbone: Backbone) -> Tensor:
    latents = gaussian_noise((1, 4, 8, 8), cpu_generator(3))
    return backbone.unet(
        latents, torch.tensor([500]), encoder_hidden_states=backbone.encode_prompts(["a woman"])
    ).sample


@pytest.mark.parametrize("row", ["none", "scales of 0"])
def test_no_identity_is_the_stock_unet_exactly(backbone: Backbone, make_bank: MakeBank, row: str) -> None:
    remove_identity_attention(backbone.unet)
    expected = stock(backbone)
    identity = (
        IdentityRow() if row == "none" else IdentityRow(banks=(make_bank(1),), scale=0.0, token_scale=0.0)
    )
    condition = conditioned(backbone, [identity])
    assert condition.identity is None
    assert torch.equal(forward(backbone, condition), expected)


def test_stock_row_beside_an_identity_stays_stock(backbone: Backbone, make_bank: MakeBank) -> None:
    condition = conditioned(backbone, [IdentityRow(), IdentityRow(banks=(make_bank(1),))])
    assert torch.allclose(forward(backbone, condition)[:1], stock(backbone), atol=1e-5)


def test_bank_tokens_and_scales_each_change_the_prediction(backbone: Backbone, make_bank: MakeBank) -> None:
    bank = make_bank(1)
    rows = [
        IdentityRow(),
        IdentityRow(banks=(bank,)),
        IdentityRow(banks=(bank,), scale=0.0),
        IdentityRow(banks=(bank,), token_scale=0.0),
        IdentityRow(banks=(bank,), scale=0.5),
        IdentityRow(banks=(bank,), token_scale=0.5),
        IdentityRow(banks=(bank,), is_null=True),
        IdentityRow(banks=(make_bank(2),)),
        IdentityRow(banks=(bank,), region_masks=(LEFT,)),
    ]
    predictions = forward(backbone, conditioned(backbone, rows))
    for first in range(len(rows)):
        for second in range(first):
            assert (predictions[first] - predictions[second]).abs().max() > 1e-4, (first, second)


def test_mixed_rows_equal_one_by_one(backbone: Backbone, make_bank: MakeBank) -> None:
    masks = (LEFT, 1 - LEFT)
    rows = [
        IdentityRow(banks=(make_bank(1),)),
        IdentityRow(),
        IdentityRow(banks=(make_bank(2, tokens=5),), scale=0.3, token_scale=0.0),
        IdentityRow(banks=(make_bank(1), make_bank(3)), region_masks=masks, token_scale=2.0),
        IdentityRow(banks=(make_bank(4, null=False),), is_null=True),
        IdentityRow(banks=(make_bank(4),), scale=0.0),
    ]
    together = forward(backbone, conditioned(backbone, rows))
    alone = torch.cat([forward(backbone, conditioned(backbone, [row])) for row in rows])
    assert torch.allclose(together, alone, atol=1e-5)


def test_keys_and_values_worked_out_beforehand_change_nothing(
    backbone: Backbone, make_bank: MakeBank
) -> None:
    rows = [IdentityRow(banks=(make_bank(1),)), IdentityRow(banks=(make_bank(2),), scale=0.5), IdentityRow()]
    condition = conditioned(backbone, rows)
    projected = with_context_projected(backbone.unet, condition)
    assert projected.identity is not None
    assert set(projected.identity.context_keys) == set(backbone.cross_attention_layers)
    assert torch.equal(forward(backbone, projected), forward(backbone, condition))
    other = with_context_projected(
        backbone.unet, replace(condition, context=torch.zeros_like(condition.context))
    )
    swapped = replace(condition, identity=other.identity)
    assert not torch.allclose(forward(backbone, swapped), forward(backbone, condition), atol=1e-4)
    plain = conditioned(backbone, [IdentityRow()])
    assert with_context_projected(backbone.unet, plain) is plain


def test_small_token_scale_approaches_no_token(backbone: Backbone, make_bank: MakeBank) -> None:
    bank = make_bank(1)
    rows = [IdentityRow(banks=(bank,), scale=0.0, token_scale=scale) for scale in (1e-6, 0.0)]
    nearly, none = forward(backbone, conditioned(backbone, rows)).unbind()
    assert torch.allclose(nearly, none, atol=1e-3)


def test_null_row_uses_the_null_bank_and_null_tokens(backbone: Backbone, make_bank: MakeBank) -> None:
    bank = make_bank(1)
    swapped = replace(bank, keys=bank.null_keys, values=bank.null_values, identity_tokens=bank.null_tokens)
    null = forward(backbone, conditioned(backbone, [IdentityRow(banks=(bank,), is_null=True)]))
    assert torch.equal(null, forward(backbone, conditioned(backbone, [IdentityRow(banks=(swapped,))])))


def test_zero_null_bank_leaves_the_unconditional_half_stock(backbone: Backbone, make_bank: MakeBank) -> None:
    row = IdentityRow(banks=(make_bank(1, null=False),), is_null=True)
    assert torch.allclose(forward(backbone, conditioned(backbone, [row])), stock(backbone), atol=1e-6)


def test_two_banks_are_one_stacked_bank(backbone: Backbone, make_bank: MakeBank) -> None:
    banks = (make_bank(1), make_bank(2))
    apart = forward(backbone, conditioned(backbone, [IdentityRow(banks=banks)]))
    stacked = forward(backbone, conditioned(backbone, [IdentityRow(banks=(stack_banks(banks),))]))
    assert torch.allclose(apart, stacked, atol=1e-6)


def attend(
    backbone: Backbone, row: IdentityRow, hidden_states: Tensor, size: tuple[int, int] = (8, 8)
) -> Tensor:
    context = backbone.encode_prompts(["a woman"])
    condition = condition_rows(context, [row], latent_size=size, levels=1)
    attention = backbone.unet.get_submodule(LAYER)
    with torch.no_grad():
        return IdentityAttnProcessor(LAYER)(
            attention, hidden_states, condition.context, identity=condition.identity
        )


def test_layer_is_the_sum_of_two_attentions(backbone: Backbone, make_bank: MakeBank) -> None:
    hidden_states, bank = torch.randn(1, 64, 32), make_bank(1)
    attention = backbone.unet.get_submodule(LAYER)
    text = backbone.encode_prompts(["a woman"])

    def heads(states: Tensor) -> Tensor:
        return states.reshape(1, -1, attention.heads, 32 // attention.heads).transpose(1, 2)

    query = heads(attention.to_q(hidden_states))
    text_part = functional.scaled_dot_product_attention(
        query, heads(attention.to_k(text)), heads(attention.to_v(text))
    )
    key, value = heads(bank.keys[LAYER]), heads(bank.values[LAYER])
    bank_part = functional.scaled_dot_product_attention(query, key, value)
    expected = attention.to_out[0]((text_part + 0.7 * bank_part).transpose(1, 2).reshape(1, 64, 32))
    actual = attend(backbone, IdentityRow(banks=(bank,), scale=0.7, token_scale=0.0), hidden_states)
    assert torch.allclose(actual, expected, atol=1e-5)


def test_region_leaks_nothing_within_its_layer(backbone: Backbone, make_bank: MakeBank) -> None:
    hidden_states = torch.randn(1, 64, 32)
    outside = LEFT.flatten() == 0
    left_only = attend(backbone, IdentityRow(banks=(make_bank(1),), region_masks=(LEFT,)), hidden_states)
    without = attend(backbone, IdentityRow(), hidden_states)
    assert torch.allclose(left_only[:, outside], without[:, outside], atol=1e-6)
    assert (left_only[:, ~outside] - without[:, ~outside]).abs().min(dim=1).values.max() > 1e-3
    masks = (LEFT, 1 - LEFT)
    both = IdentityRow(banks=(make_bank(1), make_bank(2)), region_masks=masks)
    changed = replace(both, banks=(make_bank(1), make_bank(3)))
    first, second = attend(backbone, both, hidden_states), attend(backbone, changed, hidden_states)
    assert torch.equal(first[:, ~outside], second[:, ~outside])
    assert (first[:, outside] - second[:, outside]).abs().max() > 1e-2


def test_picture_with_one_bank_left_and_one_right_is_each_banks_own_layer(
    backbone: Backbone, make_bank: MakeBank
) -> None:
    hidden_states = torch.randn(1, 64, 32)
    both = IdentityRow(banks=(make_bank(1), make_bank(2)), region_masks=(LEFT, 1 - LEFT))
    together = attend(backbone, both, hidden_states)
    alone = [attend(backbone, IdentityRow(banks=(make_bank(seed),)), hidden_states) for seed in (1, 2)]
    expected = torch.where(LEFT.flatten()[None, :, None] > 0, alone[0], alone[1])
    assert torch.allclose(together, expected, atol=1e-5)


def test_empty_region_draws_no_identity(backbone: Backbone, make_bank: MakeBank) -> None:
    row = IdentityRow(banks=(make_bank(1),), region_masks=(torch.zeros(3, 5),))
    condition = conditioned(backbone, [row])
    assert torch.allclose(forward(backbone, condition), stock(backbone), atol=1e-5)


def test_full_region_is_no_region(backbone: Backbone, make_bank: MakeBank) -> None:
    full = IdentityRow(banks=(make_bank(1),), region_masks=(torch.ones(64, 64),))
    rows = [full, IdentityRow(banks=(make_bank(1),))]
    with_mask, without = forward(backbone, conditioned(backbone, rows)).unbind()
    assert torch.allclose(with_mask, without, atol=1e-5)


def test_levels_halve_and_round_up() -> None:
    assert level_sizes((9, 8), 3) == [(9, 8), (5, 4), (3, 2)]


def test_gradients_reach_the_bank_and_nothing_else(backbone: Backbone, make_bank: MakeBank) -> None:
    bank = make_bank(1).map(lambda tensor: tensor.clone().requires_grad_(requires_grad=True))
    rows = [
        IdentityRow(banks=(bank,)),
        IdentityRow(banks=(bank,), is_null=True),
        IdentityRow(banks=(make_bank(2),)),
    ]
    forward(backbone, conditioned(backbone, rows)).square().sum().backward()
    for tensor in bank.tensors():
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().sum() > 0
    modules = (backbone.unet, backbone.vae, *backbone.text_encoders)
    assert all(parameter.grad is None for module in modules for parameter in module.parameters())


def test_gradients_pass_through_regions_without_nan(backbone: Backbone, make_bank: MakeBank) -> None:
    bank = make_bank(1).map(lambda tensor: tensor.clone().requires_grad_(requires_grad=True))
    row = IdentityRow(banks=(bank, make_bank(2)), region_masks=(LEFT, torch.zeros(8, 8)))
    forward(backbone, conditioned(backbone, [row])).square().sum().backward()
    for layer in bank.keys:
        gradient = bank.values[layer].grad
        assert gradient is not None
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


def test_gradients_reach_tokens_through_a_compiled_bank(backbone: Backbone) -> None:
    tokens = torch.randn(4, backbone.context_dim, requires_grad=True)
    bank = IdentityBank.from_tokens(tokens, backbone.unet, model_hash="abc")
    forward(backbone, conditioned(backbone, [IdentityRow(banks=(bank,), token_scale=0.0)])).sum().backward()
    assert tokens.grad is not None
    assert tokens.grad.abs().sum() > 0


def test_nothing_is_dropped_in_silence(
    backbone: Backbone, make_bank: MakeBank, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("diffusers.models.attention_processor")
    logger.addHandler(caplog.handler)
    try:
        forward(backbone, conditioned(backbone, [IdentityRow(banks=(make_bank(1),))]))
    finally:
        logger.removeHandler(caplog.handler)
    assert not caplog.records


def test_processors_keep_no_state_and_leave_no_trace(backbone: Backbone, make_bank: MakeBank) -> None:
    remove_identity_attention(backbone.unet)
    before, expected = repr(backbone.unet), stock(backbone)
    install_identity_attention(backbone.unet)
    installed = dict(backbone.unet.attn_processors)
    install_identity_attention(backbone.unet)
    assert all(backbone.unet.attn_processors[name] is processor for name, processor in installed.items())
    states = [dict(vars(processor)) for processor in installed.values()]
    forward(backbone, conditioned(backbone, [IdentityRow(banks=(make_bank(1),))]))
    assert [dict(vars(processor)) for processor in installed.values()] == states
    assert torch.equal(stock(backbone), expected)
    remove_identity_attention(backbone.unet)
    assert {type(processor) for processor in backbone.unet.attn_processors.values()} == {AttnProcessor2_0}
    assert repr(backbone.unet) == before
    assert torch.equal(stock(backbone), expected)
