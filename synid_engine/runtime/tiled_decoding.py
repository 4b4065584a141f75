"""Decoding large pictures in overlapping tiles, which takes no more memory for a larger picture."""

from typing import Any, cast

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from synid_engine.errors import InvalidSettingError
from synid_engine.runtime.backbone import Backbone

TILE_PX = 512
_CELLS = 4  # a quarter of a tile overlaps the next one, in whole cells


def decode_in_tiles(backbone: Backbone, *, tile_px: int = TILE_PX) -> None:
    """Let the VAE encode and decode whatever is larger than a tile in tiles that blend into each other.

    A picture that fits into a tile stays the same, bit for bit; in a larger one, tiles differ a little from
    the whole. An `AutoencoderTiny` needs little memory, and is left as it is.

    Args:
        backbone: Its VAE is changed for good.
        tile_px: Longest side of what is decoded whole, in pixels; a multiple of four latent cells.

    Raises:
        InvalidSettingError: No tile can be of that size.

    Source: diffusers 0.42 `AutoencoderKL.enable_tiling`.
    Deviation: diffusers' tiles are as large as the pictures that the VAE was trained on.
    """
    step = _CELLS * backbone.vae_scale_factor
    if tile_px < step or tile_px % step:
        raise InvalidSettingError(field="tile_px", value=tile_px, allowed=f"a multiple of {step}")
    if not isinstance(backbone.vae, AutoencoderKL):
        return
    vae = cast("Any", backbone.vae)
    vae.enable_tiling()
    vae.tile_sample_min_size = tile_px
    vae.tile_latent_min_size = tile_px // backbone.vae_scale_factor
