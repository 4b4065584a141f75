from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from synid_engine.errors import InvalidSettingError
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.runtime.tiled_decoding import decode_in_tiles


@pytest.fixture
def tiled(epsilon_folder: Path) -> Backbone:
    models = load_backbone(epsilon_folder, device="cpu", dtype=torch.float32)
    decode_in_tiles(models, tile_px=64)
    return models


@pytest.fixture
def whole(epsilon_folder: Path) -> Backbone:
    return load_backbone(epsilon_folder, device="cpu", dtype=torch.float32)


@pytest.fixture
def widths(tiled: Backbone) -> Iterator[list[int]]:
    """Collect how wide the latents are that the decoder sees."""
    seen: list[int] = []
    hook = tiled.vae.decoder.register_forward_hook(lambda *call: seen.append(call[1][0].shape[-1]))
    yield seen
    hook.remove()


@torch.no_grad()
def test_picture_that_fits_into_a_tile_stays_the_same(
    tiled: Backbone, whole: Backbone, widths: list[int]
) -> None:
    latents = gaussian_noise((2, 4, 8, 8), cpu_generator(1))
    assert torch.equal(tiled.decode(latents), whole.decode(latents))
    assert widths == [8]


@torch.no_grad()
def test_larger_picture_is_decoded_in_tiles(tiled: Backbone, whole: Backbone, widths: list[int]) -> None:
    latents = gaussian_noise((1, 4, 8, 20), cpu_generator(1))
    decoded = tiled.decode(latents)
    assert len(widths) > 1
    assert max(widths) == 8
    assert decoded.shape == (1, 3, 64, 160)
    assert float((decoded - whole.decode(latents)).abs().mean()) < decoded.std() / 2
    assert tiled.encode(decoded).shape == latents.shape


def test_small_autoencoder_is_left_as_it_is(small_folder: Path) -> None:
    models = load_backbone(small_folder, device="cpu", dtype=torch.float32)
    decode_in_tiles(models)
    assert not models.vae.use_tiling


@pytest.mark.parametrize("tile_px", [0, -64, 16, 100])
def test_tile_of_broken_cells_is_refused(whole: Backbone, tile_px: int) -> None:
    with pytest.raises(InvalidSettingError):
        decode_in_tiles(whole, tile_px=tile_px)
    assert not whole.vae.use_tiling
