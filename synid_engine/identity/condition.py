"""What one forward pass is told about the identities of its rows: stacked keys and values, weights, regions.

A condition is built for each batch and goes to the UNet as `cross_attention_kwargs={"identity": condition}`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.regions import Masks, RegionBias, RegionRow, level_sizes, region_bias

_NOWHERE = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IdentityRow:
    """The identity of one row of a batch.

    Attributes:
        banks: The characters; none leaves the row as the stock model draws it.
        scale: Weight of the banks in cross-attention.
        is_null: Whether to use the null halves, for unconditional rows.
        region_masks: For each bank its weight in [0, 1] over the picture; none means everywhere.
        token_scale: Weight of the banks' tokens in the prompt context; 0 leaves them out.
    """

    banks: tuple[IdentityBank, ...] = ()
    scale: float = 1.0
    is_null: bool = False
    region_masks: Masks = ()
    token_scale: float = 1.0

    def keys(self, layer: str) -> list[Tensor]:
        """Each bank's keys for a layer; none where the banks do not act."""
        banks = self.banks if self.has_banks else ()
        return [(bank.null_keys if self.is_null else bank.keys)[layer] for bank in banks]

    def values(self, layer: str) -> list[Tensor]:
        """Each bank's values for a layer; none where the banks do not act."""
        banks = self.banks if self.has_banks else ()
        return [(bank.null_values if self.is_null else bank.values)[layer] for bank in banks]

    def tokens(self) -> list[Tensor]:
        """Each bank's tokens for the prompt context."""
        return [bank.null_tokens if self.is_null else bank.identity_tokens for bank in self.banks]

    def change(self) -> IdentityBank | None:
        """The bank whose low-rank change acts: that of a character who has the picture for itself."""
        is_alone = self.has_banks and len(self.banks) == 1 and not self.region_masks
        return self.banks[0] if is_alone and self.banks[0].downs else None

    def in_context(self) -> tuple[object, ...]:
        """What the keys and values of the prompt context follow from, beside the prompt."""
        change = self.change()
        scale = None if change is None else self.scale
        return (self.banks, self.is_null) if self.has_tokens else (), change, scale

    @property
    def has_banks(self) -> bool:
        """Whether the banks act in cross-attention."""
        return bool(self.banks) and self.scale != 0

    @property
    def has_tokens(self) -> bool:
        """Whether tokens are appended to the prompt context."""
        return bool(self.banks) and self.token_scale != 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IdentityCondition:
    """The identities of a batch, as the attention processor reads them.

    Attributes:
        keys: For each layer the rows' keys, padded to the longest row; empty when no row has a bank.
        values: The same for the values.
        scale: Weight of each row's bank attention.
        bank_bias: Added to the banks' scores, to hide padding; None hides nothing.
        context_bias: Added to the scores of the prompt context, to hide padding and weight the tokens.
        regions: By number of queries, where a resolution's regions are; empty means everywhere.
        downs: For each changed projection the rows' low-rank factors, padded to the highest rank; empty when
            no row has any.
        ups: The same for the other factors, with the rows' weights in them; zeros change nothing.
        context_keys: For each layer the keys of the prompt context, where they were worked out beforehand.
        context_values: The same for the values.
    """

    keys: Mapping[str, Float[Tensor, "batch bank_tokens _width"]]
    values: Mapping[str, Float[Tensor, "batch bank_tokens _width"]]
    scale: Float[Tensor, "batch 1 1"]
    bank_bias: Float[Tensor, "batch 1 1 bank_tokens"] | None = None
    context_bias: Float[Tensor, "batch 1 1 context_tokens"] | None = None
    regions: Mapping[int, RegionBias] = field(default_factory=dict[int, RegionBias])
    downs: Mapping[str, Float[Tensor, "batch rank _width"]] = field(default_factory=dict[str, Tensor])
    ups: Mapping[str, Float[Tensor, "batch rank _width"]] = field(default_factory=dict[str, Tensor])
    context_keys: Mapping[str, Float[Tensor, "batch context_tokens _width"]] = field(
        default_factory=dict[str, Tensor]
    )
    context_values: Mapping[str, Float[Tensor, "batch context_tokens _width"]] = field(
        default_factory=dict[str, Tensor]
    )

    def projected(self, module: nn.Module, layer: str, name: str, states: Tensor) -> Tensor:
        """Send states through a projection of an attention layer, each row with its own low-rank change.

        Args:
            module: The projection.
            layer: Name of the attention layer.
            name: Of the projection, such as `to_q` or `to_out.0`.
            states: (batch, tokens, width).

        Source: Hu et al. 2021, LoRA, equation 3. Deviation: the factors are inputs, one set a row.
        """
        projected = cast("Tensor", module(states))
        down = self.downs.get(f"{layer}.{name}")
        if down is None:
            return projected
        return torch.baddbmm(projected, states @ down.transpose(1, 2), self.ups[f"{layer}.{name}"])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConditionedContext:
    """What the UNet is given for a batch.

    Attributes:
        context: Prompt states with the identity tokens behind them, padded to the longest row.
        identity: The banks and the biases; None when every row is the stock model's.
    """

    context: Float[Tensor, "batch context_tokens context_dim"]
    identity: IdentityCondition | None

    @property
    def cross_attention_kwargs(self) -> dict[str, IdentityCondition] | None:
        """The argument of this name of the UNet."""
        return None if self.identity is None else {"identity": self.identity}


def pad_contexts(
    states: Sequence[Float[Tensor, "_prompt_tokens context_dim"]],
) -> Float[Tensor, "batch prompt_tokens context_dim"]:
    """Stack text states of different lengths, with zeros behind the shorter ones."""
    return _pad(list(states), max(len(row) for row in states))


def condition_rows(
    context: Float[Tensor, "batch prompt_tokens context_dim"],
    rows: Sequence[IdentityRow],
    *,
    latent_size: tuple[int, int],
    levels: int = 4,
    prompt_lengths: Sequence[int] = (),
) -> ConditionedContext:
    """Stack the identities of a batch; differentiable in the banks.

    Args:
        context: Text states of each row's prompt.
        rows: One for each row of the context.
        latent_size: Height and width of the latents, to scale region masks with.
        levels: Resolutions of the UNet, each half of the one before.
        prompt_lengths: How many of the context's tokens are each row's own; none given, all are.

    Returns:
        The context with tokens appended and, unless all rows are stock, the condition. A row with a token
        scale of 0 has none appended, and padding has a weight of exactly 0.
    """
    empty = context.new_zeros(0, context.shape[2])
    tokens = [_joined(row.tokens()).to(context) if row.has_tokens else empty for row in rows]
    longest = max(len(row_tokens) for row_tokens in tokens)
    lengths = tuple(prompt_lengths) or (context.shape[1],) * len(rows)
    is_padded = min(lengths) < context.shape[1]
    if longest == 0 and not is_padded and not any(row.has_banks for row in rows):
        return ConditionedContext(context=context, identity=None)
    layers = next((tuple(row.banks[0].keys) for row in rows if row.has_banks), ())
    downs, ups = _changes(rows, context)
    bank_bias = _bank_bias(rows, context)
    context_bias = _context_bias(rows, context, longest, lengths)
    sizes = level_sizes(latent_size, levels)
    condition = IdentityCondition(
        keys={layer: _stack([row.keys(layer) for row in rows], context).contiguous() for layer in layers},
        values={layer: _stack([row.values(layer) for row in rows], context).contiguous() for layer in layers},
        scale=torch.tensor([row.scale if row.banks else 0.0 for row in rows]).to(context).view(-1, 1, 1),
        bank_bias=bank_bias,
        context_bias=context_bias,
        downs=downs,
        ups=ups,
        regions=_regions(rows, sizes, bank_bias=bank_bias, context_bias=context_bias, like=context),
    )
    joined = torch.cat([context, _pad(tokens, longest)], dim=1) if longest else context
    return ConditionedContext(context=joined, identity=condition)


def _pad(rows: list[Tensor], length: int) -> Tensor:
    return torch.stack([_longer(row, length) for row in rows])


def _longer(states: Tensor, length: int) -> Tensor:
    return states if len(states) == length else functional.pad(states, (0, 0, 0, length - len(states)))


def _stack(rows: list[list[Tensor]], like: Tensor) -> Tensor:
    """Join each row's banks and pad with zeros to the longest row.

    What several rows share is joined once, and what all share is not copied where it need not be changed.
    """
    names = [tuple(id(bank) for bank in row) for row in rows]
    if len(set(names)) == 1:
        shared = _joined(rows[0])
        return shared.expand(len(rows), *shared.shape).to(like)  # gradients are summed in its own format
    width = next(bank.shape[1] for row in rows for bank in row)
    joined = {
        name: _joined(row).to(like) if row else like.new_zeros(0, width)
        for name, row in dict(zip(names, rows, strict=True)).items()
    }
    longest = max(len(one) for one in joined.values())
    padded = {name: _longer(one, longest) for name, one in joined.items()}
    return torch.stack([padded[name] for name in names])


def _joined(banks: list[Tensor]) -> Tensor:
    return banks[0] if len(banks) == 1 else torch.cat(banks)


def _changes(rows: Sequence[IdentityRow], like: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Stack the rows' low-rank factors; a row without has zeros, and its weight is in the second factor."""
    changes = [(bank, row.scale) if (bank := row.change()) is not None else None for row in rows]
    distinct = dict.fromkeys(change for change in changes if change is not None)
    downs: dict[str, Tensor] = {}
    ups: dict[str, Tensor] = {}
    for name in dict.fromkeys(name for bank, _ in distinct for name in bank.downs):
        factors = {
            (bank, scale): (bank.downs[name], bank.ups[name] if scale == 1 else scale * bank.ups[name])
            for bank, scale in distinct
            if name in bank.downs
        }
        pairs = [factors.get(change) if change is not None else None for change in changes]
        downs[name] = _stack([[pair[0]] if pair else [] for pair in pairs], like)
        ups[name] = _stack([[pair[1]] if pair else [] for pair in pairs], like)
    return downs, ups


def _bank_lengths(row: IdentityRow) -> list[int]:
    return [bank.token_count for bank in row.banks] if row.has_banks else []


def _token_lengths(row: IdentityRow) -> list[int]:
    return [len(tokens) for tokens in row.tokens()] if row.has_tokens else []


def _bank_bias(rows: Sequence[IdentityRow], like: Tensor) -> Tensor | None:
    """Hide padding; a row without banks keeps its zeros visible, since a softmax over nothing is NaN."""
    lengths = [sum(_bank_lengths(row)) for row in rows]
    longest = max(lengths)
    if all(length in {0, longest} for length in lengths):
        return None
    bias = torch.zeros(len(rows), 1, 1, longest)
    for row, length in enumerate(lengths):
        if length:
            bias[row, :, :, length:] = _NOWHERE
    return bias.to(like)


def _context_bias(
    rows: Sequence[IdentityRow], context: Tensor, longest: int, prompt_lengths: Sequence[int]
) -> Tensor | None:
    """Hide padding and weight the appended tokens: log(weight) added to a score multiplies its share."""
    lengths = [sum(_token_lengths(row)) for row in rows]
    prompt_tokens = context.shape[1]
    plain = all(row.token_scale == 1 or length == 0 for row, length in zip(rows, lengths, strict=True))
    if plain and min(lengths) == longest and min(prompt_lengths) == prompt_tokens:
        return None
    bias = torch.zeros(len(rows), 1, 1, prompt_tokens + longest)
    for index, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        if length:
            bias[index, ..., prompt_tokens : prompt_tokens + length] = torch.tensor(row.token_scale).log()
        bias[index, ..., prompt_tokens + length :] = _NOWHERE
        bias[index, ..., prompt_lengths[index] : prompt_tokens] = _NOWHERE
    return bias.to(context)


def _regions(
    rows: Sequence[IdentityRow],
    sizes: list[tuple[int, int]],
    *,
    bank_bias: Tensor | None,
    context_bias: Tensor | None,
    like: Tensor,
) -> dict[int, RegionBias]:
    if not any(row.banks and row.region_masks for row in rows):
        return {}
    region_rows = [
        RegionRow(
            masks=row.region_masks if row.banks else (),
            bank_lengths=tuple(_bank_lengths(row)),
            token_lengths=tuple(_token_lengths(row)),
        )
        for row in rows
    ]
    bank_tokens = max(sum(row.bank_lengths) for row in region_rows)
    context_tokens = like.shape[1] + max(sum(row.token_lengths) for row in region_rows)
    if bank_bias is None:
        bank_bias = like.new_zeros(len(rows), 1, 1, bank_tokens)
    if context_bias is None and context_tokens > like.shape[1]:
        context_bias = like.new_zeros(len(rows), 1, 1, context_tokens)
    biases = (
        region_bias(region_rows, size, bank_bias=bank_bias, context_bias=context_bias) for size in sizes
    )
    return {height * width: bias for (height, width), bias in zip(sizes, biases, strict=True)}
