"""How a character's tensors are changed by their gradients, in a number format that may lose them.

The tensors and their gradients are float32. What lies between them and the loss may be float16, in which
most gradients of a mean over a picture are smaller than the smallest number: there the loss is multiplied
before the backward pass, and the gradients are divided after it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from synid_engine.errors import DistillationError

_FIRST = 2.0**14
_MOST = 2.0**24
_PATIENCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LossScale:
    """What the loss is multiplied by before the backward pass.

    Attributes:
        value: A power of two; 1 where the number format has the range of float32.
        steady: Steps since it last changed.

    Source: Micikevicius et al. 2018, "Mixed Precision Training", section 3.2; dynamic as in torch.amp.
    """

    value: float = 1.0
    steady: int = 0

    @classmethod
    def of_format(cls, dtype: torch.dtype) -> "LossScale":
        """Return the first scale for weights of this format."""
        return cls(value=_FIRST) if dtype == torch.float16 else cls()

    def after(self, *, overflowed: bool) -> "LossScale":
        """Return the scale of the next step: halved after an overflow, doubled after 50 steps without one."""
        if overflowed:
            return LossScale(value=self.value / 2)
        if self.value == 1 or self.steady + 1 < _PATIENCE or self.value >= _MOST:
            return LossScale(value=self.value, steady=self.steady + 1)
        return LossScale(value=self.value * 2)


class Optimiser:
    """AdamW without decay, over tensors that it changes in place.

    Attributes:
        adam: Holds the moments.
        loss_scale: Of the next step.
    """

    def __init__(self, parameters: Sequence[Tensor], *, max_gradient: float, loss_scale: LossScale) -> None:
        self.adam = torch.optim.AdamW(parameters, betas=(0.9, 0.99), weight_decay=0)
        self.loss_scale = loss_scale
        self._parameters, self._max_gradient = parameters, max_gradient

    def step(self, *, learning_rate: float) -> None:
        """Follow the gradients; where the number format could not hold them, only lower the scale.

        Raises:
            DistillationError: They are no numbers, at any scale.
        """
        length = float(torch.nn.utils.clip_grad_norm_(self._parameters, self._max_gradient))
        overflowed = not math.isfinite(length)
        if overflowed and self.loss_scale.value <= 1:
            raise DistillationError("gradient", length)
        if not overflowed:
            for group in self.adam.param_groups:
                group["lr"] = learning_rate
            cast("Any", self.adam).step()
        self.loss_scale = self.loss_scale.after(overflowed=overflowed)
