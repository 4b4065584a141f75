"""Making one identity out of several: a mixture of two people, or two people side by side in one bank."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

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
    shapes = {tuple(tuple(tensor.shape) for tensor in bank.tensors()) for bank in banks}
    if len(shapes) != 1:
        counts = tuple(bank.token_count for bank in banks)
        raise InvalidSettingError(field="banks", value=counts, allowed="equal numbers of tokens")
    shares = [weight / total for weight in weights]

    def mix(tensors: list[Tensor]) -> Tensor:
        weighted = [share * tensor.float() for share, tensor in zip(shares, tensors, strict=True)]
        return torch.stack(weighted).sum(dim=0).to(tensors[0].dtype)

    return _combine(banks, mix)


def stack_banks(banks: Sequence[IdentityBank]) -> IdentityBank:
    """Put characters' tokens one behind the other, so that one attention sees all of them.

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
    )
