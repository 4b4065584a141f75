"""What Stable Diffusion 1.5 and what judges its pictures take, as measured, and cards that people have.

The figures of work are peaks of live tensors at 512 x 512 in bfloat16, counted by `LiveBytes` over modules of
the full size that are filled at random, with fused attention. float16 takes the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from synid_engine.runtime.memory_plan import GIB, MIB, WeightBytes, WorkBytes

SD15_WEIGHTS = WeightBytes(
    unet=1639 * MIB,
    vae=160 * MIB,
    text_encoders=235 * MIB,
    controlnet=689 * MIB,
    perception=2247 * MIB,
    others=5 * MIB,
)
"""With OpenPose's ControlNet; CLIP ViT-L/14 (1633), a recogniser of 249, a detector of 16 and DWPose (335) in
float32; and the small VAE for previews."""

SD15_WORK = WorkBytes(
    row=70 * MIB,
    posed_row=88 * MIB,
    decoded=385 * MIB,
    training_row=837 * MIB,
    training_row_again=230 * MIB,
    judged=2910 * MIB,
    judged_again=1560 * MIB,
    perception=448 * MIB,
)

CARDS: Mapping[str, int] = {
    "8 GB": round(7.5 * GIB),
    "12 GB": round(11.3 * GIB),
    "T4, 16 GB": round(14.6 * GIB),
    "24 GB": round(23.2 * GIB),
    "H200, 141 GB": 139 * GIB,
}
"""What is expected to be free of each before an engine starts, and was measured on none: a desktop takes half
a gibibyte or more of the cards that have one, and a T4 shows programs 14.6."""

_SD15_CELLS, _SD15_CHANNELS = 64 * 64, 320
_SD15_PIXELS, _SD15_PICTURE_CHANNELS = 512 * 512, 128
_SD15_NUMBER_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSize:
    """What the work of a model of this family grows with.

    Attributes:
        cells: Of the latents.
        channels: Of the UNet's first level, whose tensors are the largest.
        pixels: Of a picture.
        picture_channels: Of the VAE's first level.
        number_bytes: Of each number.
    """

    cells: int
    channels: int
    pixels: int
    picture_channels: int
    number_bytes: int

    def of(self, sd15: WorkBytes) -> WorkBytes:
        """Scale what Stable Diffusion 1.5's work takes."""
        number = self.number_bytes / _SD15_NUMBER_BYTES
        return sd15.scaled(
            denoiser=number * self.cells * self.channels / (_SD15_CELLS * _SD15_CHANNELS),
            picture=number * self.pixels * self.picture_channels / (_SD15_PIXELS * _SD15_PICTURE_CHANNELS),
        )
