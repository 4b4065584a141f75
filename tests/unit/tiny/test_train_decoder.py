"""Deepening a decoder changes nothing at first."""

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from synid_engine.tiny.train_decoder import deepened


def test_deeper_decoder_starts_as_the_shallow_one() -> None:
    generator = torch.Generator().manual_seed(0)
    vae = AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(0, 1, 1),
        num_decoder_blocks=(1, 1, 0),
        latent_channels=4,
    ).eval()
    deeper = deepened(vae, (2, 3, 0)).eval()
    picture = torch.rand(2, 3, 16, 16, generator=generator)
    with torch.no_grad():
        latents = vae.encoder(picture)
        assert torch.equal(deeper.encoder(picture), latents)
        assert torch.allclose(deeper.decoder(latents), vae.decoder(latents), atol=1e-6)
    assert len(list(deeper.decoder.parameters())) > len(list(vae.decoder.parameters()))
    with pytest.raises(ValueError, match="cannot grow"):
        deepened(vae, (2, 3, 1))
