"""What of the models stays on the device, and how much is done there at once: chosen from what is free.

Plain arithmetic over measured sizes. Knows no torch: whoever asks says what is free and how large the models
are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from synid_engine.errors import TooLittleMemoryError

Part: TypeAlias = Literal["text encoders", "perception"]
"""What can wait on the processor, and work there: it is asked once a prompt, or once a picture."""

WAITING_PARTS: tuple[Part, Part] = ("text encoders", "perception")

MIB = 2**20
GIB = 2**30

MARGIN_BYTES = 3 * GIB // 4
"""What no plan touches: the context of CUDA with its kernels (0.3 to 0.5 GiB, by what is known of them), the
workspaces of cuBLAS and cuDNN, and what onnxruntime takes beside torch. An allowance, not a measurement."""

PIECES = 1.15
"""Work takes this times its tensors: an allocator rounds blocks up, and cannot use each gap between them. An
allowance, not a measurement."""

_ROWS = (16, 8, 4, 2)
_LESSON_ROWS = 4  # of one creation's training step
_SHARED_ROWS = (16, 8, _LESSON_ROWS)
_GUIDED = 2  # forward rows of a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightBytes:
    """Bytes of the weights of each part, in the format that it runs in.

    Attributes:
        unet: Denoiser.
        vae: With its encoder.
        text_encoders: All of them.
        perception: CLIP, faces, the estimator of poses and what else looks at pictures.
        controlnet: Where there is one.
        others: What never waits, such as a small VAE for previews or an adapter for few steps.
    """

    unet: int
    vae: int
    text_encoders: int
    perception: int
    controlnet: int = 0
    others: int = 0

    def on_device(self, waiting: tuple[Part, ...]) -> int:
        """Return the bytes that are on the device while some parts wait."""
        kept = self.unet + self.vae + self.controlnet + self.others
        kept += 0 if "text encoders" in waiting else self.text_encoders
        return kept + (0 if "perception" in waiting else self.perception)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkBytes:
    """Bytes that work takes beside the weights, at its highest.

    Attributes:
        row: A forward row of a denoising step.
        posed_row: The same with the ControlNet.
        decoded: Decoding a picture.
        training_row: A row of a training step, forwards and backwards.
        training_row_again: The same where each block is worked out again on the way back.
        judged: The gradient of a picture that is judged, down to its latents.
        judged_again: The same where each block is worked out again.
        perception: What perception takes to judge a picture, with its gradient.
    """

    row: int
    posed_row: int
    decoded: int
    training_row: int
    training_row_again: int
    judged: int
    judged_again: int
    perception: int

    def scaled(self, *, denoiser: float, picture: float) -> "WorkBytes":
        """Return the same for other models or sizes; the eyes of perception see every picture alike.

        Args:
            denoiser: By what the work of the UNet grows: cells of the latents, channels, bytes of a number.
            picture: By what that of the VAE does.
        """
        return replace(
            self,
            row=round(self.row * denoiser),
            posed_row=round(self.posed_row * denoiser),
            training_row=round(self.training_row * denoiser),
            training_row_again=round(self.training_row_again * denoiser),
            decoded=round(self.decoded * picture),
            judged=round(self.judged * picture),
            judged_again=round(self.judged_again * picture),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """What an engine does on its device.

    Attributes:
        tier: Its name.
        waiting: The parts that live and work on the processor.
        most_rows: Forward rows of a denoising step; a guided picture takes two.
        training_rows: Rows of a training step that several creations share. One creation alone takes 4.
        decoded_at_once: Pictures that are decoded in one pass.
        works_twice: Whether training works each block out again on its way back, which takes a third longer
            and leaves the gradients as they are.
        works_in_tiles: Whether a picture larger than usual goes through the VAE in tiles.
        keeps_graphs: Whether a compiled step may keep its memory as CUDA graphs do.
        peak_bytes: What all this takes at most, the margin not counted; 0 where nobody counts.
    """

    tier: str
    waiting: tuple[Part, ...] = ()
    most_rows: int = _ROWS[0]
    training_rows: int = _SHARED_ROWS[0]
    decoded_at_once: int = 1
    works_twice: bool = False
    works_in_tiles: bool = False
    keeps_graphs: bool = True
    peak_bytes: int = 0

    @property
    def most_pictures(self) -> int:
        """Guided pictures of a denoising step."""
        return self.most_rows // _GUIDED

    def device_of(self, part: Part, device: str) -> str:
        """Return where a part lives when all that never waits is on this device."""
        return "cpu" if part in self.waiting else device


WHOLE = MemoryPlan(tier="whole")
"""Everything as it comes: on a processor, which has the memory of the machine."""

_TIERS = (
    MemoryPlan(tier="roomy", decoded_at_once=4),
    MemoryPlan(tier="middle", decoded_at_once=2, works_twice=True, keeps_graphs=False),
    MemoryPlan(
        tier="small", waiting=WAITING_PARTS, works_twice=True, works_in_tiles=True, keeps_graphs=False
    ),
)
_LEAST_ROWS = {"roomy": 8, "middle": 8, "small": _GUIDED}


def plan_memory(free_bytes: int, weights: WeightBytes, work: WorkBytes) -> MemoryPlan:
    """Choose the roomiest tier that fits, with the most rows that it has room for.

    Args:
        free_bytes: Of the device, before anything is loaded.
        weights: Of the models.
        work: What they take to work.

    Raises:
        TooLittleMemoryError: Not even the smallest tier fits.
    """
    room = free_bytes - MARGIN_BYTES
    for plan in _plans(weights, work):
        if plan.peak_bytes <= room:
            return plan
    raise TooLittleMemoryError(free_bytes=free_bytes, needed_bytes=least_bytes(weights, work))


def least_bytes(weights: WeightBytes, work: WorkBytes) -> int:
    """Return what must be free for the plan that takes least: of any real model, one of the smallest tier.

    Working a block out again may take more than keeping it where a model is next to nothing: all are asked.
    """
    return min(plan.peak_bytes for plan in _plans(weights, work)) + MARGIN_BYTES


def _plans(weights: WeightBytes, work: WorkBytes) -> Iterator[MemoryPlan]:
    """Yield every plan with what it takes, the best first."""
    for tier in _TIERS:
        for rows in (one for one in _ROWS if one >= _LEAST_ROWS[tier.tier]):
            for lessons in _SHARED_ROWS:
                yield _counted(replace(tier, most_rows=rows, training_rows=lessons), weights, work)


def _counted(plan: MemoryPlan, weights: WeightBytes, work: WorkBytes) -> MemoryPlan:
    """Return the plan with what it takes at most: its kinds of work take turns.

    CUDA graphs keep the memory of a step while everything else works. Creations that train together may each
    be judged in the same step.
    """
    step = plan.most_rows * (work.posed_row if weights.controlnet else work.row)
    row = work.training_row_again if plan.works_twice else work.training_row
    judged = work.judged_again if plan.works_twice else work.judged
    looking = 0 if "perception" in plan.waiting else work.perception
    training = plan.training_rows * row + plan.training_rows // _LESSON_ROWS * (judged + looking)
    others = max(training, plan.decoded_at_once * work.decoded)
    highest = step + others if plan.keeps_graphs else max(step, others)
    return replace(plan, peak_bytes=weights.on_device(plan.waiting) + round(PIECES * highest))
