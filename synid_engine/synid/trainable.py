"""What the trainer may change of a character: its tokens, or low-rank changes of the attention."""

import math
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.identity.attention import attention_projections
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone


@runtime_checkable
class Trainable(Protocol):
    """Leaf tensors, and the bank that they make."""

    def parameters(self) -> list[Tensor]:
        """Return the tensors that are trained; the trainer changes them in place."""
        ...

    def bank(self) -> IdentityBank:
        """Return the bank; differentiable in the parameters."""
        ...


def bank_from_tokens(
    tokens: Float[Tensor, "tokens context_dim"], backbone: Backbone, *, value_gain: float
) -> IdentityBank:
    """Compile tokens through the frozen projections; differentiable in the tokens.

    Args:
        tokens: In the space of the text states.
        backbone: The base model.
        value_gain: Factor on the values: the bank is added to what the prompt says, and at 1 the two together
            are twice as loud as anything that the model was trained on.
    """
    bank = IdentityBank.from_tokens(tokens, backbone.unet, model_hash=backbone.model_hash)
    return replace(bank, values={layer: value_gain * value for layer, value in bank.values.items()})


@dataclass(frozen=True, slots=True, eq=False)
class TrainableTokens:
    """Trains the tokens; the bank follows them.

    Attributes:
        tokens: Float32 leaf that requires gradients.
        backbone: The base model.
        value_gain: See `bank_from_tokens`.
    """

    tokens: Float[Tensor, "tokens context_dim"]
    backbone: Backbone
    value_gain: float

    @classmethod
    def start(cls, tokens: Tensor, backbone: Backbone, *, value_gain: float) -> "TrainableTokens":
        """Copy tokens to start from; they are not changed."""
        return cls(_leaf(tokens, backbone), backbone, value_gain)

    def parameters(self) -> list[Tensor]:
        """Return the tokens."""
        return [self.tokens]

    def bank(self) -> IdentityBank:
        """Compile the tokens."""
        return bank_from_tokens(self.tokens, self.backbone, value_gain=self.value_gain)


@dataclass(frozen=True, slots=True, eq=False)
class TrainableLowRank:
    """Trains low-rank changes of the attention's projections; keys, values and tokens stay as they are.

    Attributes:
        leaves: Bank whose `downs` and `ups` are float32 leaves that require gradients.
    """

    leaves: IdentityBank

    @classmethod
    def start(
        cls, bank: IdentityBank, backbone: Backbone, *, rank: int, generator: torch.Generator
    ) -> "TrainableLowRank":
        """Give a bank changes that are none yet; the bank itself is not changed.

        Args:
            bank: What they are added to.
            backbone: The base model.
            rank: Of each change.
            generator: Draws the first factors.

        Source: Hu et al. 2021, LoRA, section 4.1: one factor is random, the other zero.
        """
        downs: dict[str, Tensor] = {}
        ups: dict[str, Tensor] = {}
        for name, projection in attention_projections(backbone.unet).items():
            drawn = torch.randn(rank, projection.in_features, generator=generator)
            downs[name] = _leaf(drawn / math.sqrt(projection.in_features), backbone)
            ups[name] = _leaf(torch.zeros(rank, projection.out_features), backbone)
        kept = bank.detach().to(backbone.device, torch.float32)
        return cls(replace(kept, downs=downs, ups=ups))

    def parameters(self) -> list[Tensor]:
        """Return the factors."""
        return [*self.leaves.downs.values(), *self.leaves.ups.values()]

    def bank(self) -> IdentityBank:
        """Return the bank with its changes."""
        return self.leaves


def _leaf(tensor: Tensor, backbone: Backbone) -> Tensor:
    copied = tensor.detach().to(backbone.device, torch.float32).clone()
    return copied.requires_grad_(True)
