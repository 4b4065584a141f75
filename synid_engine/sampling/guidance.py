"""Classifier-free guidance of one row, with the contrast it adds taken back."""

from jaxtyping import Float
from torch import Tensor


def guide(
    noise_pred_uncond: Float[Tensor, "1 c h w"],
    noise_pred_text: Float[Tensor, "1 c h w"],
    *,
    guidance_scale: float,
    guidance_rescale: float,
) -> Float[Tensor, "1 c h w"]:
    """Push the prediction away from the unconditional one.

    Args:
        noise_pred_uncond: Prediction for the negative prompt and the null identity.
        noise_pred_text: Prediction for the prompt and the identity.
        guidance_scale: 1 returns `noise_pred_text`.
        guidance_rescale: In [0, 1]; 1 gives the result the standard deviation of `noise_pred_text`.

    Source: Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed", section 3.4.
    """
    guided = noise_pred_uncond + guidance_scale * (noise_pred_text - noise_pred_uncond)
    if guidance_rescale == 0:
        return guided
    axes = tuple(range(1, guided.ndim))
    matched = guided * (noise_pred_text.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True))
    return guidance_rescale * matched + (1 - guidance_rescale) * guided
