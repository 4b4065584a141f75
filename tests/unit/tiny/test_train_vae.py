import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from synid_engine.tiny.train_vae import (
    LATENT_CHANNELS,
    autoencoding_loss,
    build_vae,
    encode,
)


def pictures(count: int = 4, side: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(3))


def test_untrained_latents_have_unit_variance_and_a_sixteenth_of_the_side() -> None:
    torch.manual_seed(0)
    latents = encode(build_vae(), pictures())
    assert latents.shape == (4, LATENT_CHANNELS, 4, 4)
    assert 0.5 < float(latents.detach().std()) < 2.0


def test_sampled_latents_are_the_means() -> None:
    torch.manual_seed(0)
    vae = build_vae()
    with torch.no_grad():
        spread = vae.encode(pictures() * 2 - 1).latent_dist
        assert torch.allclose(spread.sample(), spread.mode(), atol=1e-4)
        assert torch.allclose(spread.mode(), encode(vae, pictures()), atol=1e-5)


def test_the_loss_reaches_encoder_and_decoder() -> None:
    torch.manual_seed(0)
    vae = build_vae()
    loss, latents = autoencoding_loss(vae, pictures())
    assert latents.shape == (4, LATENT_CHANNELS, 4, 4)
    loss.backward()
    for module in (vae.encoder.conv_in, vae.encoder.conv_out, vae.decoder.conv_in, vae.decoder.conv_out):
        assert float(module.weight.grad.abs().sum()) > 0


def test_weights_are_those_of_stable_diffusion_s_class() -> None:
    assert isinstance(build_vae(), AutoencoderKL)
