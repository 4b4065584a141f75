"""Diffusers' noise schedulers, one for each row, since a row's steps and history are its own."""

import inspect
from collections.abc import Mapping
from typing import Any

from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from synid_engine.sampling.row import NoiseSchedulerName

_KINDS: dict[NoiseSchedulerName, type[Any]] = {
    "ddim": DDIMScheduler,
    "ddim_trailing": DDIMScheduler,
    "dpm_multistep": DPMSolverMultistepScheduler,
    "euler": EulerDiscreteScheduler,
    "euler_ancestral": EulerAncestralDiscreteScheduler,
    "lcm": LCMScheduler,
    "unipc": UniPCMultistepScheduler,
}
# What StableDiffusionPipeline insists on too, whatever an old configuration says: latents are not pictures.
_ALWAYS: dict[str, object] = {"clip_sample": False, "steps_offset": 1}
_OWN: dict[NoiseSchedulerName, dict[str, object]] = {"ddim_trailing": {"timestep_spacing": "trailing"}}


def make_noise_scheduler(name: NoiseSchedulerName, config: Mapping[str, object]) -> Any:  # noqa: ANN401
    """Return a new scheduler of this kind over the model's own betas and prediction type."""
    kind = _KINDS[name]
    accepted = inspect.signature(kind.__init__).parameters
    given = {**config, **_ALWAYS, **_OWN.get(name, {})}
    settings = {key: value for key, value in given.items() if key in accepted}
    return kind(**settings)


def draws_noise(noise_scheduler: object) -> bool:
    """Whether its steps take a generator."""
    step: Any = getattr(noise_scheduler, "step")  # noqa: B009  (diffusers' schedulers have no common type)
    return "generator" in inspect.signature(step).parameters
