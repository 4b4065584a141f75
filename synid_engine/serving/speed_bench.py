"""How fast rows of different characters are drawn together: each figure is a ratio inside one run.

Both sides of a ratio take turns, so that whatever else the machine does falls on both alike; the medians are
compared, and stand beside the ratio. Speed does not depend on what the weights are.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from synid_engine.evaluation.figures import Figure
from synid_engine.evaluation.progress import OnProgress, Ticker, ignore_progress
from synid_engine.identity.attention import remove_identity_attention
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.step_batcher import BatchConfig, StepBatcher
from synid_engine.serving.step_timing import wait_for
from synid_engine.synid.trainable import bank_from_tokens

_TOKENS = 8
_PROMPT = "a woman with red hair, smiling, on a beach"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedConfig:
    """How much is drawn.

    Attributes:
        rows: Forward rows of the batches that are compared.
        steps: Denoising steps.
        repeats: Turns of each side.
        queue: Pictures of the queue.
        single: Pictures that the pipeline draws one by one; their mean counts for the queue's.
        queue_rows: Forward rows of the queue's largest batch.
    """

    rows: int = 8
    steps: int = 20
    repeats: int = 9
    queue: int = 32
    single: int = 8
    queue_rows: int = 16


QUICK = SpeedConfig(repeats=3, single=3)


def random_banks(backbone: Backbone, count: int) -> tuple[IdentityBank, ...]:
    """Compile banks of random tokens, one a character that nobody has met."""
    generator = cpu_generator(17)
    shape = (_TOKENS, backbone.context_dim)
    with torch.no_grad():
        return tuple(
            bank_from_tokens(gaussian_noise(shape, generator).to(backbone.device), backbone, value_gain=0.3)
            for _ in range(count)
        )


def speed_figures(
    backbone: Backbone, config: SpeedConfig, *, on_progress: OnProgress = ignore_progress
) -> tuple[Figure, ...]:
    """Measure mixed batches, banks and the queue against what they are compared with."""
    return (
        *_mixed_figures(backbone, config, on_progress),
        *_bank_figures(backbone, config, on_progress),
        *_queue_figures(backbone, config, on_progress),
    )


def take_turns(
    backbone: Backbone,
    sides: Mapping[str, Callable[[], object]],
    *,
    repeats: int,
    ticker: Ticker | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Run each side once to warm it up, then in turns.

    Args:
        backbone: Whose device is waited for before a clock is read.
        sides: What is compared.
        repeats: Turns of each side.
        ticker: Told of each turn.
        clock: Counts the seconds.

    Returns:
        The median of each side's seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        for name, run in sides.items():
            taken = _timed(backbone, run, clock)
            if turn:
                seconds[name].append(taken)
        if ticker is not None:
            ticker.step()
    return {name: statistics.median(values) for name, values in seconds.items()}


def _mixed_figures(backbone: Backbone, config: SpeedConfig, on_progress: OnProgress) -> tuple[Figure, ...]:
    banks = random_banks(backbone, config.rows)
    ticker = Ticker("mixed batch", total=config.repeats + 1, on_progress=on_progress)
    seconds = take_turns(
        backbone,
        {
            "mixed": lambda: _draw(backbone, banks, config),
            "one": lambda: _draw(backbone, banks[:1] * config.rows, config),
        },
        repeats=config.repeats,
        ticker=ticker,
    )
    rows = config.rows
    return (
        Figure(
            name=f"{rows} rows of {rows} characters / of one character",
            value=seconds["mixed"] / seconds["one"],
            target=1.05,
            bound="most",
        ),
        Figure(name=f"  {rows} characters", value=seconds["mixed"], unit="s"),
        Figure(name="  one character", value=seconds["one"], unit="s"),
    )


def _bank_figures(backbone: Backbone, config: SpeedConfig, on_progress: OnProgress) -> tuple[Figure, ...]:
    """Compare steps whose prompts and banks are worked out already with the stock model's."""
    banks = random_banks(backbone, config.rows)
    context = backbone.encode_prompts([_PROMPT]).repeat(config.rows, 1, 1)
    noise = torch.cat([_noise(backbone, seed) for seed in range(config.rows)])
    ticker = Ticker("banks", total=config.repeats + 1, on_progress=on_progress)
    started: list[DenoiseRun] = []

    def with_banks() -> None:
        run = started.pop()
        while run.tickets:
            run.step()

    def prepared() -> None:
        run = DenoiseRun(backbone)
        for row in _rows(banks, config.steps + 1):
            run.add(row)
        run.step()  # works out prompts, keys and values
        started.append(run)

    seconds: dict[str, list[float]] = {"banks": [], "stock": []}
    for turn in range(config.repeats + 1):
        prepared()
        stock = _stock_seconds(backbone, context, noise, config)
        measured = {"banks": _timed(backbone, with_banks), "stock": stock}
        for name, value in measured.items():
            if turn:
                seconds[name].append(value)
        ticker.step()
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return (
        Figure(
            name=f"{config.rows} rows with banks / of the stock UNet",
            value=medians["banks"] / medians["stock"],
            target=1.10,
            bound="most",
        ),
        Figure(name=f"  with banks, {config.steps} steps", value=medians["banks"], unit="s"),
        Figure(name=f"  stock UNet, {config.steps} steps", value=medians["stock"], unit="s"),
    )


@torch.no_grad()
def _stock_seconds(backbone: Backbone, context: Tensor, noise: Tensor, config: SpeedConfig) -> float:
    """Time the stock UNet with the stock scheduler over as many rows and steps."""
    remove_identity_attention(backbone.unet)
    noise_scheduler: Any = DDIMScheduler.from_config(dict(backbone.noise_scheduler_config))  # pyright: ignore[reportUnknownMemberType]
    noise_scheduler.set_timesteps(config.steps)
    unet = cast("Any", backbone.unet)
    latents = noise

    def loop() -> None:
        nonlocal latents
        for timestep in noise_scheduler.timesteps:
            predicted = unet(latents.to(backbone.dtype), timestep, encoder_hidden_states=context).sample
            latents = noise_scheduler.step(predicted.float(), timestep, latents).prev_sample

    return _timed(backbone, loop)


def _queue_figures(backbone: Backbone, config: SpeedConfig, on_progress: OnProgress) -> tuple[Figure, ...]:
    """Compare a queue of guided pictures with the stock pipeline, called one by one."""
    ticker = Ticker("queue", total=3, on_progress=on_progress)
    pipeline = stock_pipeline(backbone)
    together: list[float] = []
    alone: list[float] = []
    for _ in range(3):
        together.append(_timed(backbone, lambda: _serve(backbone, config)) / config.queue)
        remove_identity_attention(backbone.unet)
        alone.append(_timed(backbone, lambda: _one_by_one(pipeline, config)) / config.single)
        ticker.step()
    faster, slower = statistics.median(together), statistics.median(alone)
    target = 3.0 if backbone.device.type == "cuda" else 1.3
    return (
        Figure(
            name=f"pictures a minute, queue of {config.queue} / pipeline one by one",
            value=slower / faster,
            target=target,
        ),
        Figure(name="  pictures a minute, queue", value=60 / faster),
        Figure(name="  pictures a minute, one by one", value=60 / slower),
    )


def _rows(banks: Sequence[IdentityBank], steps: int, *, guidance_scale: float = 1.0) -> list[RenderRow]:
    return [
        RenderRow(
            prompt=_PROMPT,
            seed=seed,
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            banks=(bank,),
        )
        for seed, bank in enumerate(banks)
    ]


def _draw(backbone: Backbone, banks: Sequence[IdentityBank], config: SpeedConfig) -> None:
    run = DenoiseRun(backbone)
    for row in _rows(banks, config.steps):
        run.add(row)
    while run.tickets:
        run.step()


def _serve(backbone: Backbone, config: SpeedConfig) -> None:
    banks = random_banks(backbone, config.queue)
    batcher = StepBatcher(
        backbone, lambda event: None, BatchConfig(max_rows=config.queue_rows, preview_every=0)
    )
    for number, row in enumerate(_rows(banks, config.steps, guidance_scale=5.0)):
        batcher.draw(f"job {number}", f"owner {number % 4}", [row])
    while batcher.step():
        pass


def stock_pipeline(backbone: Backbone) -> Any:  # noqa: ANN401  (diffusers' own class is untyped)
    """Return diffusers' own pipeline over the same modules, without its progress bar."""
    noise_scheduler: Any = DDIMScheduler.from_config(dict(backbone.noise_scheduler_config))  # pyright: ignore[reportUnknownMemberType]
    pipeline: Any = StableDiffusionPipeline(
        vae=cast("Any", backbone.vae),
        text_encoder=backbone.text_encoders[0],
        tokenizer=backbone.tokenizers[0],
        unet=backbone.unet,
        scheduler=noise_scheduler,
        safety_checker=cast("Any", None),
        feature_extractor=cast("Any", None),
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _one_by_one(pipeline: Any, config: SpeedConfig) -> None:  # noqa: ANN401  (likewise)
    for seed in range(config.single):
        pipeline(_PROMPT, num_inference_steps=config.steps, guidance_scale=5.0, generator=cpu_generator(seed))


def _noise(backbone: Backbone, seed: int) -> Tensor:
    return gaussian_noise((1, *backbone.latent_shape), cpu_generator(seed)).to(backbone.device)


def _timed(
    backbone: Backbone, call: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    wait_for(backbone.device)
    started = clock()
    call()
    wait_for(backbone.device)
    return clock() - started
