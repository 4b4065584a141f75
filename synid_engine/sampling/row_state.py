"""One row under way: its own noise scheduler with its history, its own generator, its own latents."""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import InvalidSettingError, PictureSizeMismatchError
from synid_engine.identity.condition import IdentityRow
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.noise_scheduler import draws_noise, make_noise_scheduler
from synid_engine.sampling.pose_map import embedded_pose
from synid_engine.sampling.row import RenderRow


class RowState:
    """A row between its first step and its last; mutable, owned by the run that steps it.

    Attributes:
        row: What was asked for.
        latents: Float32, on the backbone's device.
        preview: The clean latents that the last step implies, or the latents where the method gives none.
        index: Steps of the schedule that are behind.
        pose: Its pose map as the ControlNet takes it; None where it is not posed.
    """

    def __init__(self, row: RenderRow, backbone: Backbone) -> None:
        channels, height, width = backbone.latent_shape
        height, width = row.latent_size or (height, width)
        self.row = row
        self._generator = cpu_generator(row.seed)
        self._noise_scheduler: Any = _prepared_noise_scheduler(row, backbone)
        self._draws_noise = draws_noise(self._noise_scheduler)
        self._timesteps = cast("Tensor", self._noise_scheduler.timesteps)
        self._model_timesteps = self._timesteps.float().to(backbone.device)
        self.index = len(self._timesteps) - row.step_count
        noise = gaussian_noise((1, channels, height, width), self._generator).to(backbone.device)
        self.latents = self._first_latents(noise)
        self.preview = self.latents
        self.pose = embedded_pose(row, backbone, latent_size=(height, width))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the latents."""
        return self.latents.shape[2], self.latents.shape[3]

    @property
    def timestep(self) -> Tensor:
        """The timestep of the next step."""
        return self._timesteps[self.index]

    @property
    def model_timestep(self) -> Tensor:
        """The same as the UNet takes it, where the UNet is."""
        return self._model_timesteps[self.index]

    @property
    def steps_left(self) -> int:
        """Steps until the picture is done."""
        return len(self._timesteps) - self.index

    @property
    def identity_acts(self) -> bool:
        """Whether the next step is inside the row's identity window."""
        return self.row.identity_start <= self.index / len(self._timesteps) < self.row.identity_end

    @property
    def pose_acts(self) -> bool:
        """Whether the next step is posed, and lies inside the row's window.

        Source: diffusers 0.42 `StableDiffusionControlNetPipeline`, `control_guidance_start` and `_end`.
        """
        steps = len(self._timesteps)
        began, ends = self.index / steps, (self.index + 1) / steps
        return self.pose is not None and self.row.pose_start <= began and ends <= self.row.pose_end

    def identity_row(self, *, is_null: bool) -> IdentityRow:
        """Return what the row's identity is at the next step, in one half of guidance."""
        if not self.identity_acts:
            return IdentityRow()
        return IdentityRow(
            banks=self.row.banks,
            scale=self.row.identity_scale,
            is_null=is_null,
            region_masks=self.row.region_masks,
            token_scale=self.row.token_scale,
        )

    def model_input(self) -> Float[Tensor, "1 c h w"]:
        """Return the latents as the UNet wants them at the next timestep."""
        return cast("Tensor", self._noise_scheduler.scale_model_input(self.latents, self.timestep))

    def advance(self, noise_pred: Float[Tensor, "1 c h w"]) -> None:
        """Take one step with this prediction."""
        noise = {"generator": self._generator} if self._draws_noise else {}
        output = self._noise_scheduler.step(noise_pred, self.timestep, self.latents, **noise)
        self.latents = cast("Tensor", output.prev_sample)
        implied = output.get("pred_original_sample", output.get("denoised"))
        self.preview = self.latents if implied is None else cast("Tensor", implied)
        self.index += 1

    def _first_latents(self, noise: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c h w"]:
        initial = self.row.initial_latents
        if initial is None:
            return noise * float(self._noise_scheduler.init_noise_sigma)
        if initial.shape != noise.shape[1:]:
            raise PictureSizeMismatchError(found=tuple(initial.shape), expected=tuple(noise.shape[1:]))
        if hasattr(self._noise_scheduler, "set_begin_index"):
            self._noise_scheduler.set_begin_index(self.index)
        started = initial[None].detach().to(noise)
        return cast("Tensor", self._noise_scheduler.add_noise(started, noise, self.timestep[None]))


def _prepared_noise_scheduler(row: RenderRow, backbone: Backbone) -> object:
    noise_scheduler = make_noise_scheduler(row.noise_scheduler, backbone.noise_scheduler_config)
    most = int(noise_scheduler.config.num_train_timesteps)
    if row.num_inference_steps > most:
        raise InvalidSettingError(
            field="num_inference_steps", value=row.num_inference_steps, allowed=f"1 to {most}"
        )
    noise_scheduler.set_timesteps(row.num_inference_steps, device=torch.device("cpu"))
    return noise_scheduler
