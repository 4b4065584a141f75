"""The arithmetic of noise: what is added, what is predicted, and the picture behind a prediction.

x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise, for epsilon and v-prediction alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from synid_engine.sampling.noise_scheduler import make_noise_scheduler


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoiseSchedule:
    """A model's noise schedule, for training through it.

    Attributes:
        alphas_cumprod: Share of the picture's variance left at each timestep; 0 at the last one with zero
            terminal SNR.
        prediction_type: What the UNet's output means.
    """

    alphas_cumprod: Float[Tensor, " train_timesteps"]
    prediction_type: Literal["epsilon", "v_prediction"]

    @classmethod
    def from_config(
        cls, config: Mapping[str, object], *, device: torch.device | str = "cpu"
    ) -> "NoiseSchedule":
        """Read it from a noise scheduler's configuration."""
        prediction = "v_prediction" if config.get("prediction_type") == "v_prediction" else "epsilon"
        alphas_cumprod = cast("Tensor", make_noise_scheduler("ddim", config).alphas_cumprod)
        return cls(alphas_cumprod=alphas_cumprod.float().to(device), prediction_type=prediction)

    @property
    def train_timesteps(self) -> int:
        """How many timesteps there are."""
        return len(self.alphas_cumprod)

    def add_noise(
        self,
        latents: Float[Tensor, "batch c h w"],
        noise: Float[Tensor, "batch c h w"],
        timesteps: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch c h w"]:
        """Return what the UNet sees at these timesteps."""
        signal, sigma = self._weights(timesteps)
        return signal * latents + sigma * noise

    def target(
        self,
        latents: Float[Tensor, "batch c h w"],
        noise: Float[Tensor, "batch c h w"],
        timesteps: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch c h w"]:
        """Return what the UNet should answer."""
        if self.prediction_type == "epsilon":
            return noise
        signal, sigma = self._weights(timesteps)
        return signal * noise - sigma * latents

    def predict_x0(
        self,
        noise_pred: Float[Tensor, "batch c h w"],
        noisy: Float[Tensor, "batch c h w"],
        timesteps: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch c h w"]:
        """Return the clean latents that the UNet's answer implies; differentiable in both."""
        signal, sigma = self._weights(timesteps)
        if self.prediction_type == "epsilon":
            return (noisy - sigma * noise_pred) / signal
        return signal * noisy - sigma * noise_pred

    def predict_noise(
        self,
        noise_pred: Float[Tensor, "batch c h w"],
        noisy: Float[Tensor, "batch c h w"],
        timesteps: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch c h w"]:
        """Return the noise that the UNet's answer implies; differentiable in both."""
        signal, sigma = self._weights(timesteps)
        return noise_pred if self.prediction_type == "epsilon" else sigma * noisy + signal * noise_pred

    def min_snr_weights(
        self, timesteps: Int[Tensor, " batch"], *, gamma: float = 5.0
    ) -> Float[Tensor, " batch"]:
        """Return each timestep's weight in the loss.

        Source: Hang et al. 2023, min-SNR; `min(snr, gamma) / snr` for epsilon and `/ (snr + 1)` for v.
        """
        alpha_bar = self.alphas_cumprod[timesteps]
        snr = alpha_bar / (1 - alpha_bar)
        capped = snr.clamp(max=gamma)
        return capped / (snr.clamp(min=1e-8) if self.prediction_type == "epsilon" else snr + 1)

    def _weights(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        alpha_bar = self.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
