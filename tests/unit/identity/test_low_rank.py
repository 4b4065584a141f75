"""The second tier of an identity: low-rank changes of the attention, as inputs of a row."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from synid_engine.errors import CorruptTensorError
from synid_engine.identity.attention import (
    attention_projections,
    with_context_projected,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.blend import blend_banks, stack_banks
from synid_engine.identity.condition import IdentityCondition, IdentityRow
from synid_engine.runtime.backbone import Backbone

from .passes import conditioned, forward

MakeBank = Callable[..., IdentityBank]
SILENT = {"token_scale": 0.0}


class Counted(TorchDispatchMode):
    """Counts operations that write a new tensor."""

    _VIEWS = frozenset({"expand", "unsqueeze", "slice", "select", "view", "unbind", "detach", "alias"})

    def __init__(self) -> None:
        super().__init__()
        self.copies = 0

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        self.copies += func.overloadpacket.__name__ not in self._VIEWS
        return func(*args, **(kwargs or {}))


def changed(bank: IdentityBank, backbone: Backbone, seed: int, *, rank: int = 2) -> IdentityBank:
    """Give a bank a strong change of every projection, and no bank attention of its own."""
    generator = torch.Generator().manual_seed(seed)
    downs, ups = {}, {}
    for name, projection in attention_projections(backbone.unet).items():
        downs[name] = torch.randn(rank, projection.in_features, generator=generator) / 4
        ups[name] = torch.randn(rank, projection.out_features, generator=generator) / 4
    mute = {layer: torch.zeros_like(value) for layer, value in bank.values.items()}
    return replace(bank, values=mute, null_values=mute, downs=downs, ups=ups)


def merged(backbone: Backbone, bank: IdentityBank, *, scale: float) -> Tensor:
    """Predict with the change put into a copy of the weights."""
    unet = copy.deepcopy(backbone.unet)
    for name, projection in attention_projections(unet).items():
        projection.weight.data += scale * bank.ups[name].T @ bank.downs[name]
    return forward(replace(backbone, unet=unet), conditioned(backbone, [IdentityRow()]))


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("is_null", [True, False])
def test_change_is_that_of_the_weights(
    backbone: Backbone, make_bank: MakeBank, scale: float, *, is_null: bool
) -> None:
    bank = changed(make_bank(1), backbone, 5)
    row = IdentityRow(banks=(bank,), scale=scale, is_null=is_null, **SILENT)
    condition = conditioned(backbone, [row])
    expected = merged(backbone, bank, scale=scale)
    assert (expected - forward(backbone, conditioned(backbone, [IdentityRow()]))).abs().max() > 1e-2
    torch.testing.assert_close(forward(backbone, condition), expected, rtol=1e-4, atol=1e-5)
    projected = with_context_projected(backbone.unet, condition)
    torch.testing.assert_close(forward(backbone, projected), expected, rtol=1e-4, atol=1e-5)


def test_rows_of_other_ranks_and_without_are_as_if_alone(backbone: Backbone, make_bank: MakeBank) -> None:
    rows = [
        IdentityRow(),
        IdentityRow(banks=(changed(make_bank(1), backbone, 5),)),
        IdentityRow(banks=(make_bank(2),)),
        IdentityRow(banks=(changed(make_bank(3), backbone, 6, rank=3),), scale=0.7),
    ]
    together = forward(backbone, conditioned(backbone, rows))
    for number, row in enumerate(rows):
        alone = forward(backbone, conditioned(backbone, [row]))
        torch.testing.assert_close(together[number : number + 1], alone, rtol=1e-4, atol=1e-5)


def test_change_acts_only_for_who_has_the_picture_for_itself(backbone: Backbone, make_bank: MakeBank) -> None:
    one, other = changed(make_bank(1), backbone, 5), make_bank(2)
    without = replace(one, downs={}, ups={})
    left = torch.cat([torch.ones(8, 4), torch.zeros(8, 4)], dim=1)
    for banks, masks in (((one, other), ()), ((one,), (left,))):
        plain = (without, *banks[1:])
        pair = [
            IdentityRow(banks=banks, region_masks=masks),
            IdentityRow(banks=plain, region_masks=masks),
        ]
        predictions = forward(backbone, conditioned(backbone, pair))
        assert torch.equal(predictions[0], predictions[1])
    assert not stack_banks([one, other]).downs


def test_gradients_reach_both_factors(backbone: Backbone, make_bank: MakeBank) -> None:
    bank = changed(make_bank(1), backbone, 5)
    leaves = bank.map(lambda tensor: tensor.clone().requires_grad_(True))
    forward(backbone, conditioned(backbone, [IdentityRow(banks=(leaves,))])).square().sum().backward()
    for factors in (leaves.downs, leaves.ups):
        for name, factor in factors.items():
            assert factor.grad is not None, name
            assert bool(factor.grad.abs().sum() > 0), name


def test_rows_that_share_a_character_are_told_of_it_once(backbone: Backbone, make_bank: MakeBank) -> None:
    """Each tensor of the character is stacked in one operation; it has the gradients of copies of it."""
    shared = changed(make_bank(1), backbone, 5).map(lambda one: one.detach().requires_grad_())
    copies = [shared.map(lambda one: one.detach().clone().requires_grad_()) for _ in range(4)]
    scales = (1.0, 0.5, 1.0, 0.5)
    told: list[IdentityCondition] = []
    counts: list[int] = []
    for banks in ([shared] * 4, copies):
        rows = [IdentityRow(banks=(bank,), scale=scale) for bank, scale in zip(banks, scales, strict=True)]
        with Counted() as counted:
            condition = conditioned(backbone, rows).identity
        assert condition is not None
        told.append(condition)
        counts.append(counted.copies)
    for part in ("keys", "values", "downs", "ups"):
        one, other = (cast("dict[str, Tensor]", getattr(condition, part)) for condition in told)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    tensors = len(shared.keys) + len(shared.values) + len(shared.downs) + len(shared.ups)
    few = 10
    assert counts[0] <= tensors + len(shared.ups) + few, "those with a weight of their own are made for it"
    for condition in told:
        sum(
            (up.sin().sum() + condition.downs[name].cos().sum()) for name, up in condition.ups.items()
        ).backward()
    for name, up in shared.ups.items():
        for one, others in ((up, "ups"), (shared.downs[name], "downs")):
            expected = torch.stack([getattr(bank, others)[name].grad for bank in copies]).sum(dim=0)
            torch.testing.assert_close(one.grad, expected)


def test_saved_changes_load_bit_for_bit_and_damaged_ones_are_refused(
    backbone: Backbone, make_bank: MakeBank, tmp_path: Path
) -> None:
    path = tmp_path / "bank.safetensors"
    bank = changed(make_bank(1), backbone, 5).to(dtype=torch.float16)
    bank.save(path)
    loaded = IdentityBank.load(path, model_hash=bank.model_hash)
    for before, after in ((bank.downs, loaded.downs), (bank.ups, loaded.ups)):
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)
    name = next(iter(bank.downs))
    for damaged in (
        replace(bank, ups={**bank.ups, name: bank.ups[name][:1]}),
        replace(bank, ups={key: up for key, up in bank.ups.items() if key != name}),
    ):
        damaged.save(path)
        with pytest.raises(CorruptTensorError):
            IdentityBank.load(path, model_hash=bank.model_hash)


def test_blended_change_is_the_weighted_sum_at_the_same_rank(backbone: Backbone, make_bank: MakeBank) -> None:
    one, other = changed(make_bank(1), backbone, 5), make_bank(2)
    mixed = blend_banks([one, other], [3.0, 1.0])
    for name, down in one.downs.items():
        assert mixed.downs[name].shape == down.shape
        whole = mixed.ups[name].T @ mixed.downs[name]
        torch.testing.assert_close(whole, 0.75 * one.ups[name].T @ down, rtol=1e-4, atol=1e-5)
    same = replace(one, downs=dict(one.downs), ups={name: 2 * up for name, up in one.ups.items()})
    doubled = blend_banks([one, same], [1.0, 1.0])
    name = next(iter(one.downs))
    expected = 1.5 * one.ups[name].T @ one.downs[name]
    torch.testing.assert_close(doubled.ups[name].T @ doubled.downs[name], expected, rtol=1e-4, atol=1e-5)
