"""`synid bench gpu`: what Stable Diffusion 1.5's size costs here, against the stock pipeline in the same run.

The modules are filled at random: speed does not depend on what the weights are. Each kind of step is measured
and the plans are added up from their counts, so that a processor gets through it in minutes. All sides take
turns; where there is no GPU, ratios alone are judged.
"""

import gc
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.progress import BenchOptions, OnProgress, Ticker, ignore_progress
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.device import choose_device
from synid_engine.serving.compilation import with_compiled_unet
from synid_engine.serving.creation_plan import FULL_PLAN, SHORT_PLAN, BatchedSteps, SingleSteps
from synid_engine.serving.memory_bench import memory_figures
from synid_engine.serving.random_adapter import RANK
from synid_engine.serving.random_model import random_sd15
from synid_engine.serving.speed_bench import take_turns
from synid_engine.serving.step_kinds import StepKinds, step_kinds

_PICTURE_STEPS = 30
_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuBenchConfig:
    """How much is measured.

    Attributes:
        image_size: Side of the pictures, in pixels.
        kinds: Sizes of the steps.
        repeats: Turns of each side.
    """

    image_size: int = 512
    kinds: StepKinds
    repeats: int = 9

    @classmethod
    def of_device(cls, device: torch.device, *, quick: bool) -> "GpuBenchConfig":
        """Return what a device gets through in minutes."""
        if device.type == "cuda":
            return cls(kinds=StepKinds(), repeats=3 if quick else 9)
        small = StepKinds(pictures=2, drawn=2, decoded=2, batch_size=2, pipeline_steps=(1, 2))
        return cls(image_size=256, kinds=small, repeats=1 if quick else 2)


def bench_gpu(options: BenchOptions) -> BenchReport:
    """Measure pictures and the making of a character, with random modules as large as SD 1.5's."""
    device = choose_device()
    config = GpuBenchConfig.of_device(device, quick=options.quick)
    filling = Ticker("filling the modules at random", total=1, on_progress=options.on_progress)
    backbone = random_sd15(image_size=config.image_size, posed=True)
    filling.step()
    if device.type == "cuda":
        rows = sorted({2 * config.kinds.drawn, 2 * config.kinds.pictures})
        compiling = Ticker("compiling", total=1, on_progress=options.on_progress)
        backbone = with_compiled_unet(backbone, rows=rows, on_size=compiling.touch)
    figures = gpu_figures(backbone, config, on_progress=options.on_progress)
    notes = _notes(backbone, config)
    del backbone  # what follows has its own models, and counts them
    _let_go(device)
    counting = Ticker("memory of the small plan", total=1, on_progress=options.on_progress)
    figures += memory_figures(is_gpu=device.type == "cuda")
    counting.step()
    return BenchReport(name="gpu", figures=figures, quick=options.quick, notes=notes)


def _let_go(device: torch.device) -> None:
    """Free the models that nobody needs any more: a compiled step and its UNet hold each other."""
    torch.compiler.reset()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def gpu_figures(
    backbone: Backbone, config: GpuBenchConfig, *, on_progress: OnProgress = ignore_progress
) -> tuple[Figure, ...]:
    """Measure every kind of step in turns, and add up pictures and characters."""
    kinds = config.kinds
    sides = step_kinds(backbone, kinds)
    ticker = Ticker("steps of every kind", total=len(sides) * (config.repeats + 1), on_progress=on_progress)
    told = {name: _told(run, ticker) for name, run in sides.items()}
    is_gpu = backbone.device.type == "cuda"
    clock = time.perf_counter if is_gpu else time.process_time  # what else runs here slows only the first
    seconds = take_turns(backbone, told, repeats=config.repeats, clock=clock)
    batched = BatchedSteps(
        pictures=kinds.drawn,
        denoise_s=seconds["drawn"],
        decode_s=seconds["decode"],
        batch_size=kinds.batch_size,
        train_s=seconds["train"],
        quick_s=seconds["quick"],
    )
    short, long = kinds.pipeline_steps
    step_s = (seconds["long"] - seconds["short"]) / (long - short)
    single = SingleSteps(
        denoise_s=step_s,
        rest_s=max(0.0, seconds["short"] - short * step_s) + seconds["decode"],
        train_s=seconds["upstream"],
    )
    queue = replace(batched, pictures=kinds.pictures, denoise_s=seconds["mixed"])
    return (
        Figure(
            name=f"{kinds.pictures} pictures of {kinds.pictures} characters / of one character",
            value=seconds["mixed"] / seconds["one"],
            target=1.03,
            bound="most",
        ),
        *_picture_figures(queue, single),
        *_pose_figures(queue, seconds, is_gpu=is_gpu),
        *_creation_figures(batched, single, is_gpu=is_gpu),
        *_step_figures(batched, single, queue),
        *_decode_figures(seconds, kinds),
        _memory_figure(backbone.device),
    )


def _told(run: Callable[[], object], ticker: Ticker) -> Callable[[], None]:
    def work() -> None:
        run()
        ticker.step()

    return work


def _picture_figures(queue: BatchedSteps, single: SingleSteps) -> tuple[Figure, ...]:
    together, alone = queue.picture_s(_PICTURE_STEPS), single.picture_s(_PICTURE_STEPS)
    return (
        Figure(
            name=f"pictures a second: {queue.pictures} together / eager pipeline one by one",
            value=alone / together,
            target=3.0,
        ),
        Figure(name=f"  together, {_PICTURE_STEPS} steps", value=1 / together, unit="a second"),
        Figure(name=f"  one by one, {_PICTURE_STEPS} steps", value=1 / alone, unit="a second"),
    )


def _pose_figures(queue: BatchedSteps, seconds: Mapping[str, float], *, is_gpu: bool) -> tuple[Figure, ...]:
    """Compare pictures that each have a pose of their own with the same ones without."""
    if "posed" not in seconds:
        return ()
    posed_s = replace(queue, denoise_s=seconds["posed"]).picture_s(_PICTURE_STEPS)
    return (
        Figure(
            name=f"with a pose, {_PICTURE_STEPS} steps: pictures a second",
            value=1 / posed_s,
            unit="a second",
            target=4.0 if is_gpu else None,
        ),
        Figure(
            name="  a picture's time with a pose / without",
            value=posed_s / queue.picture_s(_PICTURE_STEPS),
        ),
    )


def _creation_figures(batched: BatchedSteps, single: SingleSteps, *, is_gpu: bool) -> tuple[Figure, ...]:
    """Compare the making of a character with the same pictures and samples, one by one.

    The published recipe takes a row a step, and so sees a quarter of the samples in as many steps: that is
    told too.
    """
    whole, brief = batched.creation_s(FULL_PLAN), batched.creation_s(SHORT_PLAN)
    upstream = single.creation_s(FULL_PLAN, samples=FULL_PLAN.samples)
    fewer = single.creation_s(FULL_PLAN, samples=FULL_PLAN.optimiser_steps)
    return (
        Figure(
            name="making a character / the same samples the published way",
            value=whole / upstream,
            target=1 / 8,
            bound="most",
        ),
        Figure(name="  / the published way with a row a step", value=whole / fewer),
        Figure(name="  8-step bootstrap, 100 steps of training / the same samples", value=brief / upstream),
        Figure(
            name="making a character",
            value=whole,
            unit="s",
            target=15.0 if is_gpu else None,
            bound="most",
        ),
        Figure(
            name="  with an 8-step bootstrap and 100 steps of training",
            value=brief,
            unit="s",
            target=6.0 if is_gpu else None,
            bound="most",
        ),
        Figure(name="  the published way, the same samples", value=upstream, unit="s"),
        Figure(name="  the published way, a row a step", value=fewer, unit="s"),
    )


def _step_figures(batched: BatchedSteps, single: SingleSteps, queue: BatchedSteps) -> tuple[Figure, ...]:
    seconds = {
        f"step of {queue.pictures} guided pictures": queue.denoise_s,
        f"step of {batched.pictures} guided pictures": batched.denoise_s,
        f"  the same with a few-step adapter of rank {RANK}": batched.quick_s,
        "the pipeline's step of one": single.denoise_s,
        "decoding one": batched.decode_s,
        f"optimiser step of {batched.batch_size} rows, a bank": batched.train_s,
        "optimiser step of one row, adapters behind every block": single.train_s,
    }
    return tuple(Figure(name=name, value=1000 * one, unit="ms") for name, one in seconds.items())


def _decode_figures(seconds: Mapping[str, float], kinds: StepKinds) -> tuple[Figure, ...]:
    each_s = seconds["chunk"] / kinds.decoded
    shares = [(f"decoding {kinds.decoded} together, each / decoding one", each_s / seconds["decode"])]
    if "preview" in seconds:
        shares.append(("a preview / decoding one", seconds["preview"] / seconds["decode"]))
    return tuple(Figure(name=name, value=value) for name, value in shares)


def _memory_figure(device: torch.device) -> Figure:
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
        return Figure(
            name="peak memory of the device, adapters and ControlNet included", value=peak / _GIB, unit="GiB"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Figure(
        name="peak memory of the process, adapters and ControlNet included", value=peak / _GIB, unit="GiB"
    )


def _notes(backbone: Backbone, config: GpuBenchConfig) -> tuple[str, ...]:
    device, side = backbone.device, config.image_size
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the processor, no GPU"
    form = str(backbone.dtype).removeprefix("torch.")
    lines = (
        f"{name}, {form}, {side}x{side} pixels, random modules of SD 1.5's widths,"
        f" {'not ' if backbone.compiled_unet is None else ''}compiled; median of {config.repeats} turns",
        "pictures and characters are added up from those steps: 24 candidates at 8 steps (published: 30),"
        " 20 pictures at 20, 2 at 30, 260 optimiser steps of 4 rows; no judge is counted on either side",
        "with an 8-step bootstrap a few-step adapter draws the 20; that the training ends after 100 steps is"
        " assumed",
    )
    if device.type == "cuda":
        return lines
    return (
        *lines,
        "seconds are the processor's own, of all its cores, and not judged; in batches it draws no faster",
        "the small plan's memory is that of all tensors at 512x512, counted operation by operation without"
        " computing them: neither the device's context nor what its allocator and kernels add is in it",
    )
