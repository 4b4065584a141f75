"""What the few-step adapter adds in a batch, to those of its rows that are drawn quickly.

Each layer that it changes is hooked for a while. The others' rows are not touched, and without a quick row
nothing is: the UNet is the stock one then.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.few_steps import LowRankChange


@contextmanager
def few_steps_acting(backbone: Backbone, scales: Sequence[float]) -> Generator[bool]:
    """Let the adapter act on every forward pass of the UNet, and of its layers, for a while.

    Args:
        backbone: With an adapter, if a scale is not 0.
        scales: Its weight in each row of the batch.

    Yields:
        Whether it acts at all; a compiled UNet knows nothing of it.
    """
    quick = [row for row, scale in enumerate(scales) if scale]
    if not quick or backbone.few_steps is None:
        yield False
        return
    device = backbone.device
    weights = torch.tensor([scales[row] for row in quick], dtype=backbone.dtype, device=device)
    chosen = None if len(quick) == len(scales) else torch.tensor(quick, device=device)
    handles = [
        backbone.unet.get_submodule(name).register_forward_hook(partial(_added, change, weights, chosen))
        for name, change in backbone.few_steps.changes.items()
    ]
    try:
        yield True
    finally:
        for handle in handles:
            handle.remove()


def _added(
    change: LowRankChange,
    weights: Float[Tensor, " quick"],
    chosen: Int[Tensor, " quick"] | None,
    layer: nn.Module,
    inputs: tuple[Tensor, ...],
    output: Tensor,
) -> Tensor:
    """Return a layer's output with the change in the rows that want it; `chosen` None is all of them.

    Source: Hu et al. 2021, LoRA, equation 3. Deviation: each row has a weight of its own.
    """
    states = inputs[0] if chosen is None else inputs[0].index_select(0, chosen)
    shaped = weights.view(-1, *(1,) * (states.ndim - 1))
    if isinstance(layer, nn.Conv2d):
        inner = functional.conv2d(states, change.down, None, layer.stride, layer.padding, layer.dilation)
        wanted = functional.conv2d(inner * shaped, change.up)
    else:
        wanted = functional.linear(functional.linear(states, change.down) * shaped, change.up)
    return output + wanted if chosen is None else output.index_add(0, chosen, wanted)
