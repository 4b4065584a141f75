"""What decoding finished latents takes on this machine, and how many of them together."""

from collections.abc import Callable
from statistics import median

from PIL import Image

from synid_engine.errors import DeviceOutOfMemoryError
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.denoise import to_pictures
from synid_engine.serving.cost_model import StepCost, StepSample, fit_step_cost
from synid_engine.serving.step_timing import best_size, timed_ms


def measured_decode_cost(
    backbone: Backbone,
    *,
    most_rows: int,
    repeats: int,
    tolerance: float,
    keep: Callable[[Image.Image], object],
) -> StepCost:
    """Measure chunks of 1, 2, 4 and so on, and take the smallest in which a picture is about as fast as any.

    Args:
        backbone: The models.
        most_rows: The largest chunk that may be tried.
        repeats: Times that each is decoded, of which the median counts.
        tolerance: How much slower a picture may be than in the best chunk.
        keep: What is done with each finished picture; it counts as a part of decoding.

    Raises:
        DeviceOutOfMemoryError: Not even a single picture has room.
    """
    samples: list[StepSample] = []
    for rows in (1 << power for power in range(most_rows.bit_length())):
        try:
            samples.append(StepSample(rows=rows, ms=_decode_ms(backbone, rows, repeats, keep)))
        except DeviceOutOfMemoryError:
            if not samples:
                raise
            break
    cap = best_size(samples, tolerance)
    return fit_step_cost([sample for sample in samples if sample.rows <= cap], most_rows=cap)


def _decode_ms(backbone: Backbone, rows: int, repeats: int, keep: Callable[[Image.Image], object]) -> float:
    latents = gaussian_noise((rows, *backbone.latent_shape), cpu_generator(0)).to(backbone.device)

    def decode() -> None:
        for picture in to_pictures(backbone, latents, at_once=rows):
            keep(Image.fromarray(picture))

    decode()
    return median(timed_ms(backbone.device, decode) for _ in range(repeats))
