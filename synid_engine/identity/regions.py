"""Region masks as additions to attention scores, at each resolution of the UNet.

A region's weight w adds log(w) to the scores of its bank, so that a query outside of it gives the bank
exactly nothing. Knows masks and token counts; not what the tokens hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Masks = tuple[Float[Tensor, "_height _width"], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionRow:
    """One row's regions.

    Attributes:
        masks: For each bank its weight in [0, 1] over the picture; none means that every bank is everywhere.
        bank_lengths: Keys of each bank.
        token_lengths: Tokens that each bank appends to the prompt context.
    """

    masks: Masks
    bank_lengths: tuple[int, ...]
    token_lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionBias:
    """Regions at one resolution, its queries counted row by row of the picture.

    Attributes:
        bank: Added to the scores of the banks' keys.
        coverage: Weight of the banks' attention at each query; 0 where no bank has a region.
        context: Added to the scores of the prompt context, appended tokens included; None when none are.
    """

    bank: Float[Tensor, "batch 1 queries bank_tokens"]
    coverage: Float[Tensor, "batch queries 1"]
    context: Float[Tensor, "batch 1 queries context_tokens"] | None


def level_sizes(latent_size: tuple[int, int], levels: int) -> list[tuple[int, int]]:
    """Return the height and width of each resolution; a UNet halves and rounds up."""
    height, width = latent_size
    return [(-(-height // 2**level), -(-width // 2**level)) for level in range(levels)]


def region_bias(
    rows: Sequence[RegionRow],
    size: tuple[int, int],
    *,
    bank_bias: Float[Tensor, "batch 1 1 bank_tokens"],
    context_bias: Float[Tensor, "batch 1 1 context_tokens"] | None,
) -> RegionBias:
    """Scale every row's masks to one resolution and add them to the biases that hide padding."""
    queries = size[0] * size[1]
    bank = bank_bias.repeat(1, 1, queries, 1)
    coverage = bank_bias.new_ones(len(rows), queries, 1)
    context = None if context_bias is None else context_bias.repeat(1, 1, queries, 1)
    for index, row in enumerate(rows):
        if not row.masks:
            continue
        weights = _weights(row.masks, size).to(bank_bias)  # (queries, banks)
        covered = weights.sum(dim=1, keepdim=True).clamp(max=1)
        coverage[index] = covered
        scores = torch.where(covered > 0, weights.log(), torch.zeros_like(weights))
        _add(bank[index, 0], scores, row.bank_lengths, start=0)
        if context is not None:
            _add(context[index, 0], weights.log(), row.token_lengths, start=_prompt_tokens(context, rows))
    return RegionBias(bank=bank, coverage=coverage, context=context)


def _weights(masks: Masks, size: tuple[int, int]) -> Float[Tensor, "queries banks"]:
    scaled = [functional.interpolate(mask[None, None].float(), size=size, mode="area") for mask in masks]
    return torch.stack([mask.flatten() for mask in scaled], dim=1).clamp(0, 1)


def _prompt_tokens(context: Tensor, rows: Sequence[RegionRow]) -> int:
    return context.shape[-1] - max(sum(row.token_lengths) for row in rows)


def _add(
    bias: Tensor, scores: Float[Tensor, "queries banks"], lengths: tuple[int, ...], *, start: int
) -> None:
    for bank, length in enumerate(lengths):
        bias[:, start : start + length] += scores[:, bank : bank + 1]
        start += length
