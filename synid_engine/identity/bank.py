"""What a character is to the engine: keys and values for each cross-attention layer, and a few text tokens.

A second tier may follow: low-rank changes of the attention's projections, which act with the same weight.

A bank is data. It knows neither who learnt it nor who draws with it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import BaseModelMismatchError
from synid_engine.identity.bank_file import BankContent, bank_bytes, read_bank, write_durably
from synid_engine.runtime.backbone import attention_module, cross_attention_layers

LayerTensors = Mapping[str, Float[Tensor, "_tokens _width"]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IdentityBank:
    """One character, compiled for one base model.

    Every field may require gradients while the character is learnt.

    Attributes:
        keys: For each cross-attention layer, what its queries are compared with.
        values: For each layer, what is read; the same shapes as `keys`.
        null_keys: What the unconditional half of guidance reads in place of `keys`; the same shapes.
        null_values: Likewise for `values`. All zero, it adds nothing to the unconditional half.
        identity_tokens: Appended to the prompt's text states; may be none.
        null_tokens: Appended to the negative prompt's text states; none leaves that half as it is.
        model_hash: The base model this was made for.
        metadata: Short texts that travel with the bank.
        downs: For each projection with a low-rank change (`layer.to_q`), what its input is compared with; in
            both halves of guidance. May be empty.
        ups: For the same projections, what is added to the output; as many rows as `downs`.
    """

    keys: LayerTensors
    values: LayerTensors
    null_keys: LayerTensors
    null_values: LayerTensors
    identity_tokens: Float[Tensor, "identity_tokens context_dim"]
    null_tokens: Float[Tensor, "null_tokens context_dim"]
    model_hash: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    downs: LayerTensors = field(default_factory=dict[str, Tensor])
    ups: LayerTensors = field(default_factory=dict[str, Tensor])

    @classmethod
    def from_tokens(
        cls,
        tokens: Float[Tensor, "tokens context_dim"],
        unet: UNet2DConditionModel,
        *,
        model_hash: str,
        null_tokens: Float[Tensor, "null context_dim"] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> "IdentityBank":
        """Compile tokens through the frozen `to_k` and `to_v` of each layer; differentiable in the tokens.

        Args:
            tokens: In the space of the text states; also kept as `identity_tokens`.
            unet: The base model's denoiser.
            model_hash: The base model's hash.
            null_tokens: As many as `tokens`, for the unconditional half; None leaves it without identity.
            metadata: Short texts to keep.
        """
        keys, values = _project(tokens, unet)
        if null_tokens is None:
            null_keys, null_values = _zeros(keys), _zeros(values)
            null_tokens = tokens.detach().new_zeros(0, tokens.shape[1])
        else:
            null_keys, null_values = _project(null_tokens, unet)
        return cls(
            keys=keys,
            values=values,
            null_keys=null_keys,
            null_values=null_values,
            identity_tokens=tokens,
            null_tokens=null_tokens,
            model_hash=model_hash,
            metadata=dict(metadata or {}),
        )

    @property
    def token_count(self) -> int:
        """Keys in each layer."""
        return next(iter(self.keys.values())).shape[0]

    @property
    def parameter_count(self) -> int:
        """Numbers in all tensors together."""
        return sum(tensor.numel() for tensor in self.tensors())

    def tensors(self) -> Iterator[Tensor]:
        """Yield every tensor."""
        for group in (self.keys, self.values, self.null_keys, self.null_values, self.downs, self.ups):
            yield from group.values()
        yield self.identity_tokens
        yield self.null_tokens

    def map(self, change: Callable[[Tensor], Tensor]) -> "IdentityBank":
        """Return the bank whose every tensor is changed by the same function."""

        def changed(group: LayerTensors) -> LayerTensors:
            return {layer: change(tensor) for layer, tensor in group.items()}

        return replace(
            self,
            keys=changed(self.keys),
            values=changed(self.values),
            null_keys=changed(self.null_keys),
            null_values=changed(self.null_values),
            identity_tokens=change(self.identity_tokens),
            null_tokens=change(self.null_tokens),
            downs=changed(self.downs),
            ups=changed(self.ups),
        )

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "IdentityBank":
        """Return the bank on another device or in another format."""
        return self.map(lambda tensor: tensor.to(device=device, dtype=dtype))

    def detach(self) -> "IdentityBank":
        """Return the bank without its history of gradients."""
        return self.map(lambda tensor: tensor.detach())

    def check_base(self, *, model_hash: str) -> None:
        """Raise BaseModelMismatchError unless the bank was made for this base model."""
        if self.model_hash != model_hash:
            raise BaseModelMismatchError(found=self.model_hash, expected=model_hash)

    def to_bytes(self) -> bytes:
        """Return the content of the bank's file, bit for bit the bank."""
        tensors: dict[str, Tensor] = {
            "identity_tokens": self.identity_tokens,
            "null_tokens": self.null_tokens,
        }
        for name in ("keys", "values", "null_keys", "null_values", "downs", "ups"):
            group = cast("LayerTensors", getattr(self, name))
            tensors |= {f"{name}/{layer}": tensor for layer, tensor in group.items()}
        content = BankContent(tensors=tensors, model_hash=self.model_hash, metadata=dict(self.metadata))
        return bank_bytes(content)

    def save(self, path: str | Path) -> None:
        """Write the bank to a safetensors file that appears whole or not at all.

        Raises:
            TensorWriteError: The system refused.
        """
        write_durably(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path, *, model_hash: str) -> "IdentityBank":
        """Read a bank that was made for this base model.

        Raises:
            MissingTensorError: There is no readable file.
            CorruptTensorError: The file is not a whole, well-formed bank.
            BaseModelMismatchError: The bank is of another base model.
        """
        content = read_bank(Path(path))
        groups: dict[str, dict[str, Tensor]] = {}
        for name, tensor in content.tensors.items():
            group, _, layer = name.partition("/")
            groups.setdefault(group, {})[layer] = tensor
        bank = cls(
            keys=groups["keys"],
            values=groups["values"],
            null_keys=groups["null_keys"],
            null_values=groups["null_values"],
            identity_tokens=groups["identity_tokens"][""],
            null_tokens=groups["null_tokens"][""],
            model_hash=content.model_hash,
            metadata=content.metadata,
            downs=groups.get("downs", {}),
            ups=groups.get("ups", {}),
        )
        bank.check_base(model_hash=model_hash)
        return bank


def _project(
    tokens: Float[Tensor, "tokens context_dim"], unet: UNet2DConditionModel
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    keys: dict[str, Tensor] = {}
    values: dict[str, Tensor] = {}
    for layer in cross_attention_layers(unet):
        attention = attention_module(unet, layer)
        matched = tokens.to(attention.to_k.weight)
        keys[layer] = attention.to_k(matched)
        values[layer] = attention.to_v(matched)
    return keys, values


def _zeros(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {layer: torch.zeros_like(tensor) for layer, tensor in tensors.items()}
