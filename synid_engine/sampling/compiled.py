"""The UNet's step, compiled once for each size of batch; characters are its inputs and never change it.

A batch is padded to a size that has been compiled: its rows to a power of two, the keys of prompts and banks
and the rank of low-rank changes to a multiple of eight; of banks and changes there may be more. Sizes are
compiled beforehand, for nobody shall wait for a compiler: one that was not is drawn by the UNet as it is, and
so is what few rows have (regions, added conditions). What a ControlNet adds is an input too; a batch that has
it is another size.
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

from synid_engine.identity.attention import install_identity_attention
from synid_engine.identity.condition import IdentityCondition
from synid_engine.runtime.device import choose_memory_format
from synid_engine.sampling.step_inputs import StepForm, StepInputs, StepSize, more_rows

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


class CompiledUNet:
    """Called as the UNet is, in the place of it, for predictions without gradients.

    It owns no weights: it reads those of the UNet. CUDA graphs are replayed by the thread that recorded them;
    any other would record its own, with memory of their own. So one thread takes the steps of all that ask.
    """

    def __init__(self, unet: UNet2DConditionModel, config: CompileConfig | None = None) -> None:
        install_identity_attention(unet)
        chosen = config or CompileConfig()
        self._unet = unet
        self._form = StepForm(unet)
        self._sizes: set[StepSize] = set()
        self._is_learning = False
        self._last: _Prepared | None = None
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
        """Compile, for a while, every size that comes; where that breaks, those are forgotten again."""
        known = set(self._sizes)
        self._is_learning = True
        try:
            yield
        except BaseException:
            self._sizes = known
            raise
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
            size = self._size(StepSize.of(latents, encoder_hidden_states, identity, residuals=len(residuals)))
            if size is not None:
                padded = [more_rows(tensor, size.rows) for tensor in (latents, timesteps)]
                inputs = self._inputs(encoder_hidden_states, identity, size)
                added = [_in_order(more_rows(tensor, size.rows)) for tensor in residuals]
                return (self._step(*padded, added, *inputs)[: len(latents)],)
        return cast("Any", self._unet)(
            latents,
            timesteps,
            encoder_hidden_states=encoder_hidden_states,
            cross_attention_kwargs=cross_attention_kwargs,
            added_cond_kwargs=added_cond_kwargs,
            return_dict=return_dict,
            **_as_residuals(residuals),
        )

    def _size(self, needed: StepSize) -> StepSize | None:
        """Return the least size that is compiled and holds a batch."""
        if self._is_learning:
            self._sizes.add(needed)
        fitting = (size for size in self._sizes if size.holds(needed))
        return min(fitting, key=lambda size: (size.bank_tokens, size.rank), default=None)

    def _inputs(self, context: Tensor, identity: IdentityCondition | None, size: StepSize) -> StepInputs:
        """Return what a step reads beside its latents; the last batch's while nothing has changed."""
        last = self._last
        if last is None or last.context is not context or last.identity is not identity or last.size != size:
            inputs = self._form.inputs(context, identity, size)
            last = self._last = _Prepared(context=context, identity=identity, size=size, inputs=inputs)
        return last.inputs

    def _predict(
        self,
        latents: Tensor,
        timesteps: Tensor,
        residuals: list[Tensor],
        *told: Any,  # noqa: ANN401  (plain tensors and lists of them, which is what is traced best)
    ) -> Tensor:
        """Run the UNet; this is what is traced."""
        inputs = StepInputs(*told)
        return cast("Any", self._unet)(
            latents,
            timesteps,
            encoder_hidden_states=inputs.context,
            cross_attention_kwargs={"identity": self._form.condition(inputs)},
            return_dict=False,
            **_as_residuals(residuals),
        )[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Prepared:
    """A batch's inputs, and what they were made from."""

    context: Tensor
    identity: IdentityCondition | None
    size: StepSize
    inputs: StepInputs


def _in_one_thread(step: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the step, taken by a thread of its own while its caller waits."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compiled step")
    without_gradients = torch.no_grad()(step)  # whether there are any is a setting of each thread

    def taken(*inputs: object) -> Tensor:
        return thread.submit(without_gradients, *inputs).result()

    return taken


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
