"""Everything that one picture needs, and nothing about the pictures beside it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from synid_engine.errors import InvalidSettingError
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.regions import Masks

NoiseSchedulerName = Literal[
    "ddim", "ddim_trailing", "dpm_multistep", "euler", "euler_ancestral", "lcm", "unipc"
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderRow:
    """One picture to be drawn.

    Attributes:
        prompt: What to draw.
        negative_prompt: What to steer away from; matters only with guidance.
        seed: Determines the noise alone, whatever else is drawn at the same time.
        num_inference_steps: Denoising steps of the whole schedule.
        guidance_scale: 1 draws without guidance, in half the time.
        guidance_rescale: In [0, 1]; how far the contrast that guidance adds is taken back.
        noise_scheduler: The method that walks the model's noise schedule.
        few_steps_scale: Weight of the base model's few-step adapter, whose schedule says with which steps,
            guidance and method it draws; 0 is the stock model.
        banks: The characters in the picture.
        region_masks: For each bank its weight in [0, 1] over the picture, at any resolution; none given,
            every bank is everywhere.
        identity_scale: Weight of the banks in cross-attention; 0 is the stock model.
        token_scale: Weight of the banks' text tokens against a prompt token's 1; 0 leaves them out.
        identity_start: Share of the schedule in [0, 1] after which the identity begins to act.
        identity_end: Share of the schedule in [0, 1] after which it no longer acts.
        pose_map: Skeletons on black, as OpenPose draws them: RGB in [0, 1] of the picture's size, or a
            picture of any size, which is stretched to it; None leaves the pose to the prompt.
        pose_strength: Weight of what the ControlNet adds, in both halves of guidance; 0 is the stock model.
        pose_start: Share of the schedule in [0, 1] before which no step is posed.
        pose_end: Share of the schedule in [0, 1] by which every posed step has ended.
        initial_latents: Where image-to-image starts from, as the VAE encodes it; None starts from noise.
        strength: In (0, 1]; share of the schedule that image-to-image walks. Without initial latents it is 1.
        latent_size: Height and width in latent cells; None is the model's own.
        added_conditions: Further inputs that some UNets want (`text_embeds`, `time_ids`); no batch axis.
        negative_added_conditions: The same for the unconditional half; empty repeats `added_conditions`.
    """

    prompt: str
    negative_prompt: str = ""
    seed: int
    num_inference_steps: int = 20
    guidance_scale: float = 5.0
    guidance_rescale: float = 0.7
    noise_scheduler: NoiseSchedulerName = "ddim"
    few_steps_scale: float = 0.0
    banks: tuple[IdentityBank, ...] = ()
    region_masks: Masks = ()
    identity_scale: float = 1.0
    token_scale: float = 1.0
    identity_start: float = 0.0
    identity_end: float = 1.0
    pose_map: Float[Tensor, "3 map_height map_width"] | Image.Image | None = None
    pose_strength: float = 1.0
    pose_start: float = 0.0
    pose_end: float = 1.0
    initial_latents: Float[Tensor, "c h w"] | None = None
    strength: float = 1.0
    latent_size: tuple[int, int] | None = None
    added_conditions: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    negative_added_conditions: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])

    def __post_init__(self) -> None:
        """Refuse what no picture can be drawn with."""
        _within("num_inference_steps", self.num_inference_steps, 1, 1000)
        _within("guidance_scale", self.guidance_scale, 1, 100)
        _within("guidance_rescale", self.guidance_rescale, 0, 1)
        _within("few_steps_scale", self.few_steps_scale, 0, 2)
        _within("identity_scale", self.identity_scale, 0, 10)
        _within("token_scale", self.token_scale, 0, 100)
        _within("identity_start", self.identity_start, 0, 1)
        _within("identity_end", self.identity_end, 0, 1)
        _within("pose_strength", self.pose_strength, 0, 2)
        _within("pose_start", self.pose_start, 0, 1)
        _within("pose_end", self.pose_end, 0, 1)
        _within("strength", self.strength, 0, 1)
        _one_of("noise_scheduler", self.noise_scheduler, get_args(NoiseSchedulerName))
        if self.step_count < 1:
            steps = self.num_inference_steps
            raise InvalidSettingError(field="strength", value=self.strength, allowed=f"1/{steps} to 1")
        if self.strength < 1 and self.initial_latents is None:
            raise InvalidSettingError(
                field="strength", value=self.strength, allowed="1 without initial latents"
            )
        if self.region_masks and len(self.region_masks) != len(self.banks):
            count = len(self.region_masks)
            raise InvalidSettingError(field="region_masks", value=count, allowed=f"0 or {len(self.banks)}")

    @property
    def step_count(self) -> int:
        """Steps that the row takes: all of its schedule, or the last part of it for image-to-image."""
        return int(self.num_inference_steps * self.strength)

    @property
    def is_posed(self) -> bool:
        """Whether a ControlNet takes part in some of its steps."""
        return self.pose_map is not None and self.pose_strength > 0

    @property
    def is_guided(self) -> bool:
        """Whether the row needs its unconditional half."""
        return self.guidance_scale > 1


def _within(field_name: str, value: float | int, low: int, high: int) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise InvalidSettingError(field=field_name, value=value, allowed=f"{low} to {high}")


def _one_of(field_name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidSettingError(field=field_name, value=value, allowed=", ".join(choices))
