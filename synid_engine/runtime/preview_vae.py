"""A small VAE beside the base model's own, for pictures that are looked at for a moment.

Its latents are those of the UNet as they are. Knows nothing about rows or steps.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from synid_engine.errors import UnsupportedModelError
from synid_engine.runtime.model_folder import ModelFolder

PREVIEW = "preview"
_CLASS = "AutoencoderTiny"
_COLOURS = 3


def load_preview_vae(
    models: ModelFolder, root: Path, unet: UNet2DConditionModel, *, scale_factor: int
) -> AutoencoderTiny | None:
    """Load `preview` of a folder, in the layout of `madebyollin/taesd`; None where there is none.

    Args:
        models: Reads it.
        root: The folder.
        unet: Whose latents it decodes.
        scale_factor: Pixels along each side of a latent cell of the base model's own VAE.

    Raises:
        MissingModelError: Its configuration or its weights are not there.
        DamagedModelError: A file cannot be read or lacks weights.
        UnsupportedModelError: It is of another class, or its latents or pictures are of another shape.
    """
    if not (root / PREVIEW).is_dir():
        return None
    name = str(models.json(f"{PREVIEW}/config.json").get("_class_name"))
    if name != _CLASS:
        raise UnsupportedModelError(folder=root, feature=f"a preview {name}")
    vae = cast("AutoencoderTiny", models.model(PREVIEW, AutoencoderTiny))
    ours, theirs = cast("Mapping[str, Any]", vae.config), cast("Mapping[str, Any]", unet.config)
    cell_px = int(ours["upsampling_scaling_factor"]) ** (len(ours["decoder_block_out_channels"]) - 1)
    for what, found, expected in (
        ("latent_channels", ours["latent_channels"], theirs["in_channels"]),
        ("out_channels", ours["out_channels"], _COLOURS),
        ("latent cells of pixels", cell_px, scale_factor),
    ):
        if found != expected:
            raise UnsupportedModelError(folder=root, feature=f"a preview with {what} {found}, not {expected}")
    return vae
