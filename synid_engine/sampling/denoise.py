"""The loop: all rows from noise to latents, and from latents to pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import DeviceOutOfMemoryError
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """How far a loop is.

    Attributes:
        step: Forward passes so far.
        rows_done: Rows that have their latents.
        rows: Rows in all.
        row_steps_done: Steps taken, summed over the rows.
        row_steps: Steps in all.
    """

    step: int
    rows_done: int
    rows: int
    row_steps_done: int
    row_steps: int

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in [0, 1]."""
        return self.row_steps_done / self.row_steps


def ignore_progress(progress: StepProgress) -> None:
    """Do nothing with it."""


def denoise(
    backbone: Backbone,
    rows: Sequence[RenderRow],
    *,
    max_rows: int = 8,
    on_step: Callable[[StepProgress], None] = ignore_progress,
) -> Float[Tensor, "rows c h w"]:
    """Denoise rows of one picture size, in the order given.

    Args:
        backbone: The models.
        rows: At least one. None depends on the others.
        max_rows: Rows in one forward pass; the next joins when one is done. Guidance doubles a row.
        on_step: Told of every step; may raise JobCancelledError.

    Returns:
        Float32 latents on the backbone's device.
    """
    run = DenoiseRun(backbone)
    waiting = list(enumerate(rows))[::-1]
    places: dict[int, int] = {}
    latents: dict[int, Tensor] = {}
    row_steps = sum(row.step_count for row in rows)
    step = row_steps_done = 0
    while waiting or run.tickets:
        while waiting and len(run.tickets) < max_rows:
            place, row = waiting.pop()
            places[run.add(row)] = place
        row_steps_done += len(run.tickets)
        latents |= {places[ticket]: row_latents for ticket, row_latents in run.step().items()}
        step += 1
        on_step(
            StepProgress(
                step=step,
                rows_done=len(latents),
                rows=len(rows),
                row_steps_done=row_steps_done,
                row_steps=row_steps,
            )
        )
    return torch.stack([latents[place] for place in range(len(rows))])


def render(
    backbone: Backbone,
    rows: Sequence[RenderRow],
    *,
    max_rows: int = 8,
    on_step: Callable[[StepProgress], None] = ignore_progress,
) -> list[Picture]:
    """Draw rows of one picture size: see `denoise`.

    Returns:
        Pictures of (height, width, 3), in the order of the rows.
    """
    return to_pictures(backbone, denoise(backbone, rows, max_rows=max_rows, on_step=on_step))


@torch.no_grad()
def to_pictures(
    backbone: Backbone, latents: Float[Tensor, "rows c h w"], *, at_once: int = 1
) -> list[Picture]:
    """Decode latents, by default one by one: then no picture depends on another, and memory stays small.

    Args:
        backbone: The models.
        latents: Of finished rows.
        at_once: Rows of one call of the VAE; with more than one, a level may differ by one from that alone.

    Raises:
        DeviceOutOfMemoryError: So many do not fit.
    """
    return [
        picture
        for first in range(0, len(latents), at_once)
        for picture in _decoded(backbone.decode, latents[first : first + at_once])
    ]


@torch.no_grad()
def to_preview(backbone: Backbone, latents: Float[Tensor, "c h w"]) -> Picture:
    """Decode what a row under way looks like, roughly where the backbone has a small VAE for that.

    Raises:
        DeviceOutOfMemoryError: It does not fit.
    """
    return _decoded(backbone.preview, latents[None])[0]


def _decoded(decode: Callable[[Tensor], Tensor], latents: Float[Tensor, "rows c h w"]) -> list[Picture]:
    try:
        levels = (decode(latents) * 255).round().to(torch.uint8)
    except torch.OutOfMemoryError as error:
        raise DeviceOutOfMemoryError(rows=len(latents)) from error
    return list(levels.permute(0, 2, 3, 1).contiguous().cpu().numpy())
