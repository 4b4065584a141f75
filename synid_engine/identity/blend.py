"""Making one identity out of several: a mixture of two people, or two people side by side in one bank."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from synid_engine.errors import BaseModelMismatchError, InvalidSettingError
from synid_engine.identity.bank import IdentityBank, LayerTensors


def blend_banks(banks: Sequence[IdentityBank], weights: Sequence[float]) -> IdentityBank:
    """Mix characters token by token.

    Args:
        banks: Of one base model, with the same number of tokens.
        weights: One for each bank, of either sign; they are divided by their sum, which must not be 0.

    Raises:
        BaseModelMismatchError: The banks are of different base models.
        InvalidSettingError: The numbers of banks, weights or tokens do not fit together.
    """
    _check(banks)
    if len(weights) != len(banks):
        raise InvalidSettingError(field="weights", value=len(weights), allowed=str(len(banks)))
    total = math.fsum(weights)
    if not math.isfinite(total) or total == 0:
        raise InvalidSettingError(field="weights", value=tuple(weights), allowed="numbers whose sum is not 0")
    shapes = {tuple(tuple(tensor.shape) for tensor in _tokens_of(bank)) for bank in banks}
    if len(shapes) != 1:
        counts = tuple(bank.token_count for bank in banks)
        raise InvalidSettingError(field="banks", value=counts, allowed="equal numbers of tokens")
    shares = [weight / total for weight in weights]

    def mix(tensors: list[Tensor]) -> Tensor:
        weighted = [share * tensor.float() for share, tensor in zip(shares, tensors, strict=True)]
        return torch.stack(weighted).sum(dim=0).to(tensors[0].dtype)

    downs, ups = _mixed_changes(banks, shares)
    return replace(_combine(banks, mix), downs=downs, ups=ups)


def stack_banks(banks: Sequence[IdentityBank]) -> IdentityBank:
    """Put characters' tokens one behind the other, so that one attention sees all of them.

    Low-rank changes are left out: they change the whole picture, which nobody has for himself here.

    Raises:
        BaseModelMismatchError: The banks are of different base models.
        InvalidSettingError: There is no bank.
    """
    _check(banks)
    return _combine(banks, torch.cat)


def _check(banks: Sequence[IdentityBank]) -> None:
    if not banks:
        raise InvalidSettingError(field="banks", value=0, allowed="1 or more")
    for bank in banks[1:]:
        bank.check_base(model_hash=banks[0].model_hash)
        if set(bank.keys) != set(banks[0].keys):
            raise BaseModelMismatchError(found=bank.model_hash, expected=banks[0].model_hash)


def _combine(banks: Sequence[IdentityBank], combine: Callable[[list[Tensor]], Tensor]) -> IdentityBank:
    def layers(groups: list[LayerTensors]) -> dict[str, Tensor]:
        return {layer: combine([group[layer] for group in groups]) for layer in groups[0]}

    return replace(
        banks[0],
        keys=layers([bank.keys for bank in banks]),
        values=layers([bank.values for bank in banks]),
        null_keys=layers([bank.null_keys for bank in banks]),
        null_values=layers([bank.null_values for bank in banks]),
        identity_tokens=combine([bank.identity_tokens for bank in banks]),
        null_tokens=combine([bank.null_tokens for bank in banks]),
        metadata={},
        downs={},
        ups={},
    )


def _tokens_of(bank: IdentityBank) -> list[Tensor]:
    """Return all tensors but those of the low-rank changes, whose ranks may differ."""
    return list(replace(bank, downs={}, ups={}).tensors())


def _mixed_changes(
    banks: Sequence[IdentityBank], shares: Sequence[float]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the weighted sum of the changes, at the highest rank that any of them has."""
    downs: dict[str, Tensor] = {}
    ups: dict[str, Tensor] = {}
    for name in dict.fromkeys(name for bank in banks for name in bank.downs):
        having = [(bank, share) for bank, share in zip(banks, shares, strict=True) if name in bank.downs]
        rank = max(bank.downs[name].shape[0] for bank, _ in having)
        down = torch.cat([bank.downs[name].float() for bank, _ in having])
        up = torch.cat([share * bank.ups[name].float() for bank, share in having])
        like = having[0][0].downs[name]
        shortened = _shortened(down, up, rank)
        downs[name], ups[name] = shortened[0].to(like), shortened[1].to(like)
    return downs, ups


def _shortened(down: Tensor, up: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return the factors of the nearest change of this rank: the singular value decomposition, cut off."""
    decompose = cast("Any", torch.linalg)
    left, right = decompose.qr(up.T), decompose.qr(down.T)
    inner = decompose.svd(left.R @ right.R.T)
    roots = inner.S[:rank].sqrt()[:, None]
    new_up = roots * (left.Q @ inner.U[:, :rank]).T
    new_down = roots * (right.Q @ inner.Vh[:rank].T).T
    return new_down, new_up
