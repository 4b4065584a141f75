"""The UNet's step, compiled once for each size of batch; characters are its inputs and never change it.

A batch is padded to the next size: its rows to a power of two, the keys of prompts and banks to a multiple of
eight. Sizes are compiled beforehand, for nobody shall wait for a compiler: one that was not is drawn by the
UNet as it is, and so is what few rows have (regions, added conditions). What a ControlNet adds is an input
too; a batch that has it is another size.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from synid_engine.identity.attention import install_identity_attention, with_context_projected
from synid_engine.identity.condition import ConditionedContext, IdentityCondition
from synid_engine.runtime.backbone import cross_attention_layers
from synid_engine.runtime.device import choose_memory_format

_NOWHERE = float("-inf")
_TOKENS = 8
_LEAST_ROWS = 2
_MOST_SIZES = 64
_RECORDING = frozenset({"reduce-overhead", "max-autotune"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileConfig:
    """How the step is compiled.

    Attributes:
        backend: Of torch.compile.
        mode: Likewise; `reduce-overhead` records CUDA graphs.
    """

    backend: str | Callable[..., Any] = "inductor"
    mode: str | None = None

    @property
    def records_graphs(self) -> bool:
        """Whether CUDA graphs are recorded, where there is CUDA."""
        return self.mode in _RECORDING


def row_bucket(rows: int) -> int:
    """Return the rows of the compiled batch that so many rows are drawn in: 2, 4, 8 and so on."""
    return max(_LEAST_ROWS, 1 << (rows - 1).bit_length())


def token_bucket(tokens: int) -> int:
    """Return how many keys so many are padded to; none stay none."""
    return -(-tokens // _TOKENS) * _TOKENS


class CompiledUNet:
    """Called as the UNet is, in the place of it, for predictions without gradients.

    It owns no weights: it reads those of the UNet. CUDA graphs are replayed by the thread that recorded them;
    any other would record its own, with memory of their own. So one thread takes the steps of all that ask.
    """

    def __init__(self, unet: UNet2DConditionModel, config: CompileConfig | None = None) -> None:
        install_identity_attention(unet)
        chosen = config or CompileConfig()
        self._unet = unet
        self._layers = tuple(cross_attention_layers(unet))
        self._sizes: set[tuple[int, ...]] = set()
        self._is_learning = False
        self._last: _StepInputs | None = None
        step = cast(
            "Callable[..., Tensor]",
            cast("Any", torch.compile)(
                self._predict,
                backend=chosen.backend,
                mode=chosen.mode,
                dynamic=False,
                recompile_limit=_MOST_SIZES,
            ),
        )
        self._step = _in_one_thread(step) if chosen.records_graphs else step

    @contextmanager
    def learning(self) -> Generator[None]:
        """Compile, for a while, every size that comes."""
        self._is_learning = True
        try:
            yield
        finally:
            self._is_learning = False

    def __call__(
        self,
        latents: Float[Tensor, "batch c h w"],
        timesteps: Float[Tensor, " batch"],
        *,
        encoder_hidden_states: Float[Tensor, "batch context_tokens context_dim"],
        cross_attention_kwargs: Mapping[str, IdentityCondition] | None = None,
        added_cond_kwargs: Mapping[str, Tensor] | None = None,
        down_block_additional_residuals: Sequence[Tensor] = (),
        mid_block_additional_residual: Tensor | None = None,
        return_dict: bool = False,
    ) -> tuple[Float[Tensor, "batch c h w"]]:
        """Return the prediction alone in a tuple, as the UNet does without `return_dict`."""
        identity = (cross_attention_kwargs or {}).get("identity")
        middle = mid_block_additional_residual
        residuals = [] if middle is None else [*down_block_additional_residuals, middle]
        if not added_cond_kwargs and (identity is None or not identity.regions):
            inputs = self._inputs(encoder_hidden_states, identity)
            size = (*latents.shape[1:], *inputs.size, len(residuals))
            if self._is_learning:
                self._sizes.add(size)
            if size in self._sizes:
                rows = len(inputs.context)
                padded = [_more_rows(tensor, rows) for tensor in (latents, timesteps)]
                added = [_in_order(_more_rows(tensor, rows)) for tensor in residuals]
                return (self._step(*padded, *inputs.tensors, added)[: len(latents)],)
        return cast("Any", self._unet)(
            latents,
            timesteps,
            encoder_hidden_states=encoder_hidden_states,
            cross_attention_kwargs=cross_attention_kwargs,
            added_cond_kwargs=added_cond_kwargs,
            return_dict=return_dict,
            **_as_residuals(residuals),
        )

    def _inputs(self, context: Tensor, identity: IdentityCondition | None) -> "_StepInputs":
        """Return what a step reads beside its latents; the last batch's while nothing has changed."""
        last = self._last
        if last is None or last.of[0] is not context or last.of[1] is not identity:
            tensors = _padded(context, self._whole(context, identity), self._layers)
            last = self._last = _StepInputs(of=(context, identity), tensors=tensors)
        return last

    def _whole(self, context: Tensor, identity: IdentityCondition | None) -> IdentityCondition:
        """Return a condition that says everything, so that there is one kind of it."""
        given = identity or IdentityCondition(keys={}, values={}, scale=context.new_ones(len(context), 1, 1))
        if given.context_keys:
            return given
        projected = with_context_projected(self._unet, ConditionedContext(context=context, identity=given))
        return cast("IdentityCondition", projected.identity)

    def _predict(
        self,
        latents: Tensor,
        timesteps: Tensor,
        context: Tensor,
        banks: list[list[Tensor]],
        prompts: list[list[Tensor]],
        scale: Tensor,
        biases: list[Tensor],
        residuals: list[Tensor],
    ) -> Tensor:
        """Run the UNet; this is what is traced."""
        keys, values = (dict(zip(self._layers, part, strict=False)) for part in banks)
        context_keys, context_values = (dict(zip(self._layers, part, strict=False)) for part in prompts)
        bank_bias, context_bias = biases
        identity = IdentityCondition(
            keys=keys,
            values=values,
            scale=scale,
            bank_bias=bank_bias,
            context_bias=context_bias,
            regions={},
            context_keys=context_keys,
            context_values=context_values,
        )
        return cast("Any", self._unet)(
            latents,
            timesteps,
            encoder_hidden_states=context,
            cross_attention_kwargs={"identity": identity},
            return_dict=False,
            **_as_residuals(residuals),
        )[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _StepInputs:
    """A batch, ready for the compiled step.

    Attributes:
        of: The context and the condition that it was made from.
        tensors: What the step reads beside latents and timesteps.
    """

    of: tuple[Tensor, IdentityCondition | None]
    tensors: tuple[Any, ...]

    @property
    def context(self) -> Tensor:
        return self.tensors[0]

    @property
    def size(self) -> tuple[int, ...]:
        """Rows, keys of the prompt and keys of the banks; 0 of the last where no row has a bank."""
        has_banks, bank_bias = bool(self.tensors[1][0]), self.tensors[4][0]
        return (*self.context.shape[:2], int(bank_bias.shape[-1]) if has_banks else 0)


def _in_one_thread(step: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the step, taken by a thread of its own while its caller waits."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compiled step")
    without_gradients = torch.no_grad()(step)  # whether there are any is a setting of each thread

    def taken(*inputs: object) -> Tensor:
        return thread.submit(without_gradients, *inputs).result()

    return taken


def _padded(context: Tensor, condition: IdentityCondition, layers: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what the traced step reads, padded with keys that are hidden and rows that nobody looks at."""
    rows = row_bucket(len(context))
    tokens = context.shape[1]
    room = token_bucket(tokens)
    bank_tokens = next((tensor.shape[1] for tensor in condition.keys.values()), 0)
    bank_room = token_bucket(bank_tokens)

    def padded(part: Mapping[str, Tensor], length: int) -> list[Tensor]:
        return [_more_rows(_longer(part[layer], length), rows) for layer in layers if layer in part]

    return (
        _more_rows(_longer(context, room), rows),
        [padded(condition.keys, bank_room), padded(condition.values, bank_room)],
        [padded(condition.context_keys, room), padded(condition.context_values, room)],
        _more_rows(condition.scale, rows),
        [
            _more_rows(_bias(condition.bank_bias, context, bank_tokens, bank_room), rows),
            _more_rows(_bias(condition.context_bias, context, tokens, room), rows),
        ],
    )


def _as_residuals(residuals: Sequence[Tensor]) -> dict[str, object]:
    """Return what a ControlNet adds, the middle's share last, as the UNet takes it."""
    if not residuals:
        return {}
    return {
        "down_block_additional_residuals": tuple(residuals[:-1]),
        "mid_block_additional_residual": residuals[-1],
    }


def _in_order(residual: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
    """Lay it out as the model's own states are, for a compiled step is made for one layout."""
    return residual.contiguous(memory_format=choose_memory_format(residual.dtype))


def _bias(bias: Tensor | None, context: Tensor, tokens: int, room: int) -> Tensor:
    """Return the bias, or one that hides nothing, with the padding hidden."""
    whole = context.new_zeros(len(context), 1, 1, tokens) if bias is None else bias
    return functional.pad(whole, (0, room - tokens), value=_NOWHERE)


def _longer(states: Float[Tensor, "rows tokens width"], length: int) -> Tensor:
    return functional.pad(states, (0, 0, 0, length - states.shape[1]))


def _more_rows(tensor: Tensor, rows: int) -> Tensor:
    """Repeat the last row until there are so many."""
    missing = rows - len(tensor)
    return torch.cat([tensor, tensor[-1:].expand(missing, *tensor.shape[1:])]) if missing else tensor
