"""Pictures that a stage draws for itself, and how well they show what their words say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import InvalidSettingError
from synid_engine.identity.bank import IdentityBank
from synid_engine.perception.bundle import Perception
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.denoise import StepProgress, denoise
from synid_engine.sampling.row import RenderRow
from synid_engine.synid.stage import Report, StageModels, require_at_least

MAX_ROWS = 4
_DECODING_ROWS = 6
"""What decoding a picture takes, in forward rows of the UNet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawConfig:
    """How quickly a stage draws.

    Attributes:
        num_inference_steps: Denoising steps of a picture.
        guidance_scale: 1 draws without guidance, in half the time.
        few_steps: Whether the base model's few-step adapter draws, in the steps, the guidance and the method
            of its own schedule, whatever is said here.
    """

    num_inference_steps: int = 8
    guidance_scale: float = 5.0
    few_steps: bool = False

    def __post_init__(self) -> None:
        require_at_least("num_inference_steps", self.num_inference_steps, 1)
        require_at_least("guidance_scale", self.guidance_scale, 1)

    @property
    def rows_a_picture(self) -> int:
        """Forward rows of the UNet for one picture."""
        return self.num_inference_steps * (2 if self.guidance_scale > 1 else 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Pictures and the latents that they were decoded from, on the CPU."""

    latents: Float[Tensor, "pictures c h w"]
    images: Float[Tensor, "pictures 3 height width"]


def draw(
    prompts: Sequence[str],
    seeds: Sequence[int],
    models: StageModels,
    config: DrawConfig,
    *,
    report: Report,
    bank: IdentityBank | None = None,
) -> Drawn:
    """Draw one picture for each prompt and seed.

    Args:
        prompts: At least one.
        seeds: As many.
        models: What draws.
        config: Steps and guidance.
        report: Told of every step and of every picture that is decoded.
        bank: The character in the pictures; None draws whomever the prompt describes.

    Raises:
        InvalidSettingError: It is to be drawn in few steps, and the base model has no adapter for that.
    """
    form = replace(_form(config, models.backbone), banks=() if bank is None else (bank,))
    rows = [replace(form, prompt=prompt, seed=seed) for prompt, seed in zip(prompts, seeds, strict=True)]

    denoising_share = config.rows_a_picture / (config.rows_a_picture + _DECODING_ROWS)

    def on_step(progress: StepProgress) -> None:
        report(denoising_share * progress.fraction, f"picture {progress.rows_done} of {progress.rows}")

    most, at_once = min(MAX_ROWS, models.memory.most_pictures), models.memory.decoded_at_once
    latents = denoise(models.backbone, rows, max_rows=most, on_step=on_step)
    images: list[Tensor] = []
    for start in range(0, len(rows), at_once):
        with torch.no_grad():
            images += models.backbone.decode(latents[start : start + at_once]).cpu()
        done = denoising_share + (1 - denoising_share) * len(images) / len(rows)
        report(done, f"picture {len(images)} of {len(rows)}")
    return Drawn(latents=latents.cpu(), images=torch.stack(images))


def _form(config: DrawConfig, backbone: Backbone) -> RenderRow:
    """Return how every row is drawn."""
    if not config.few_steps:
        return RenderRow(
            prompt="",
            seed=0,
            num_inference_steps=config.num_inference_steps,
            guidance_scale=config.guidance_scale,
        )
    if backbone.few_steps is None:
        raise InvalidSettingError(field="few_steps", value=True, allowed="false with this base model")
    schedule = backbone.few_steps.schedule
    return RenderRow(
        prompt="",
        seed=0,
        num_inference_steps=schedule.steps,
        guidance_scale=schedule.guidance_scale,
        noise_scheduler=schedule.noise_scheduler,
        few_steps_scale=1.0,
    )


def prompt_scores(
    image_embeds: Float[Tensor, "pictures clip_dim"], prompts: Sequence[str], perception: Perception
) -> Float[Tensor, " pictures"]:
    """Return the cosine of each picture with its own prompt."""
    with torch.no_grad():
        text_embeds = perception.clip.text_embeds(list(prompts)).float().cpu()
    return (image_embeds * text_embeds).sum(dim=1)
