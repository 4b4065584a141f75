# pyright: basic, reportPrivateImportUsage=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIncompatibleMethodOverride=false
"""A group norm whose backward pass is quick on a CPU, for training only: the same function, the same weights.

With few channels that lie last in memory, torch's own backward takes longer than the convolutions beside it.
Here it is two sums over the places of each channel, and one linear combination.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional

FEW_CHANNELS = 64
"""Up to here the backward pass below is quicker than torch's: five times with 16 channels."""


class _GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, inputs: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.groups, ctx.eps = groups, eps
        return functional.group_norm(inputs, groups, weight.to(inputs.dtype), bias.to(inputs.dtype), eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        count, channels, height, width = inputs.shape
        shape = (count, ctx.groups, channels // ctx.groups)
        size = shape[2] * height * width
        values = inputs.float()
        wanted = gradient.float()
        total, squares = _sum(values), _sum(values * values)
        mean = total.view(shape).sum(2, keepdim=True) / size
        variance = squares.view(shape).sum(2, keepdim=True) / size - mean * mean
        scale = (variance.clamp(min=0) + ctx.eps).rsqrt()
        wanted_sum, wanted_along = _sum(wanted), _sum(wanted * values)
        along = (wanted_along.view(shape) - mean * wanted_sum.view(shape)) * scale  # (n, groups, channels)
        gains = weight.float().view(1, *shape[1:])
        level = (gains * wanted_sum.view(shape)).sum(2, keepdim=True) / size
        slope = (gains * along).sum(2, keepdim=True) / size
        factor = (gains * scale).expand(shape).reshape(count, channels, 1, 1)
        bend = (-slope * scale * scale).expand(shape).reshape(count, channels, 1, 1)
        offset = (scale * (slope * scale * mean - level)).expand(shape).reshape(count, channels, 1, 1)
        returned = torch.addcmul(offset, wanted, factor).addcmul_(values, bend)
        weight_gradient = along.reshape(count, channels).sum(0)
        bias_gradient = wanted_sum.reshape(count, channels).sum(0)
        return returned.to(inputs.dtype), weight_gradient.to(weight), bias_gradient.to(weight), None, None


def _sum(values: Tensor) -> Tensor:
    """Return (n, c): the sum over the places."""
    return values.sum(dim=(2, 3))


class QuickGroupNorm(nn.GroupNorm):
    """`nn.GroupNorm` over (n, c, h, w) with the quick backward pass."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise each group of channels."""
        return _GroupNorm.apply(inputs, self.weight, self.bias, self.num_groups, self.eps)


def quicken(module: nn.Module) -> None:
    """Give every group norm of few channels the quick backward pass; names and weights stay."""
    for child in module.modules():
        if type(child) is nn.GroupNorm and child.num_channels <= FEW_CHANNELS:
            child.__class__ = QuickGroupNorm
