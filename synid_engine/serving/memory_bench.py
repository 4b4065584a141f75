"""The most that the small plan takes with Stable Diffusion 1.5: poses, decoding, and training that is judged.

On a CUDA device the work is done there, and torch says what it took of it, gaps between tensors included.
Elsewhere it is gone through with shapes alone, for a second device that is not there: every operation says
what it would return, nothing is computed, and mixing that device's tensors with the processor's is an error.
Where the same modules were computed on a processor, the peaks were the same to a tenth of a mebibyte.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from synid_engine.evaluation.figures import Figure
from synid_engine.pose.library import NAMED_POSES
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.memory_plan import GIB, MemoryPlan, plan_memory
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.runtime.sd15_memory import CARDS, SD15_WEIGHTS, SD15_WORK
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.live_bytes import LiveBytes
from synid_engine.serving.random_model import random_sd15, sd15_shapes
from synid_engine.serving.shapes import imagined, tensors_of
from synid_engine.serving.speed_bench import random_banks
from synid_engine.synid.adapter import AdapterConfig
from synid_engine.synid.exercise import Exercise, work_out_together
from synid_engine.synid.losses import diffusion_loss
from synid_engine.synid.memory import follow
from synid_engine.synid.posing import posed_row
from synid_engine.synid.trainable import TrainableLowRank

SMALL_PLAN = plan_memory(CARDS["8 GB"], SD15_WEIGHTS, SD15_WORK)
IMAGINED = "cpu:1"
"""A device that has all operators of a processor, and is not the one that text is read on."""

_PROMPT = "a woman with red hair, smiling, on a beach"
_STEPS = 30
_TIMESTEP = 500
_MOST_GIB = 8.0


def memory_figures(*, is_gpu: bool, image_size: int = 512) -> tuple[Figure, ...]:
    """Return the peak of the small plan and of each kind of work in it.

    Args:
        is_gpu: Whether the work is done, on the CUDA device that is here.
        image_size: Side of the pictures, in pixels.
    """
    if is_gpu:
        peaks = _measured(image_size)
    else:
        peaks = imagined_peaks(sd15_shapes(dtype=torch.bfloat16, image_size=image_size), SMALL_PLAN)
    whole = Figure(
        name="peak memory, small plan",
        value=max(peaks.values()) / GIB,
        unit="GiB",
        target=_MOST_GIB,
        bound="most",
    )
    parts = (Figure(name=f"  {name}", value=peak / GIB, unit="GiB") for name, peak in peaks.items())
    return (whole, *parts)


def imagined_peaks(backbone: Backbone, plan: MemoryPlan) -> Mapping[str, int]:
    """Go through the work with shapes alone, and return the highest bytes of each kind on the device."""
    mode, meter = FakeTensorMode(), LiveBytes(IMAGINED)
    texts = plan.device_of("text encoders", IMAGINED)
    shapes = imagined(backbone, mode, device=IMAGINED, text_device=texts)
    follow(plan, shapes)
    meter.hold(tensors_of(shapes))
    peaks: dict[str, int] = {}
    with mode:
        for name, work in _works(shapes, plan).items():
            meter.restart()
            with meter, suppress(DataDependentOutputException):  # numbers are asked for after the work
                work()
            peaks[name] = meter.peak
    return peaks


def _measured(image_size: int) -> Mapping[str, int]:
    backbone = random_sd15(posed=True, image_size=image_size)
    texts = SMALL_PLAN.device_of("text encoders", str(backbone.device))
    for encoder in backbone.text_encoders:
        cast("Any", encoder).to(texts)
    follow(SMALL_PLAN, backbone)
    peaks: dict[str, int] = {}
    for name, work in _works(backbone, SMALL_PLAN).items():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(backbone.device)
        work()
        peaks[name] = torch.cuda.max_memory_reserved(backbone.device)
    return peaks


def _works(backbone: Backbone, plan: MemoryPlan) -> dict[str, Callable[[], object]]:
    latents = gaussian_noise((plan.decoded_at_once, *backbone.latent_shape), cpu_generator(0))
    return {
        f"a step of {plan.most_rows} rows with poses": lambda: _posed_step(backbone, plan),
        f"decoding {plan.decoded_at_once}": torch.no_grad()(lambda: backbone.decode(latents)),
        f"an optimiser step of {plan.training_rows} rows, one judged": lambda: _judged_step(backbone, plan),
    }


def _posed_step(backbone: Backbone, plan: MemoryPlan) -> None:
    run, body = DenoiseRun(backbone), next(iter(NAMED_POSES.values()))
    height, width = backbone.image_size
    for seed, bank in enumerate(random_banks(backbone, plan.most_pictures)):
        row = RenderRow(prompt=_PROMPT, seed=seed, num_inference_steps=_STEPS, banks=(bank,))
        run.add(posed_row(row, body, size=(width, height), strength=1.0))
    run.step()


def _judged_step(backbone: Backbone, plan: MemoryPlan) -> None:
    """Train an adapter on noise; the judge looks at the first row's picture, and sees its brightness."""
    [bank] = random_banks(backbone, 1)
    trainable = TrainableLowRank.start(bank, backbone, rank=AdapterConfig().rank, generator=cpu_generator(2))
    rows = plan.training_rows
    noise = gaussian_noise((rows, *backbone.latent_shape), cpu_generator(1)).to(backbone.device)
    context = backbone.encode_prompts([_PROMPT]).repeat(rows, 1, 1)

    def loss(noise_pred: Tensor, _bank: object) -> Tensor:
        picture = backbone.decode(noise_pred[:1])
        return diffusion_loss(noise_pred, noise, noise.new_ones(rows)) + picture.mean()

    exercise = Exercise(
        latents=noise,
        timesteps=torch.full((rows,), _TIMESTEP, device=backbone.device),
        context=context,
        prompt_lengths=(context.shape[1],) * rows,
        scales=((1.0, 1.0),) * rows,
        trainable=trainable,
        loss=loss,
    )
    work_out_together([exercise], backbone)
