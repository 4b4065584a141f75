from pathlib import Path

import torch

from synid_engine.perception.bundle import load_identity_encoder
from synid_engine.perception.identity_encoder import IdentityEncoder
from synid_engine.perception.network_file import save_network

SIZES = {"latent_channels": 4, "context_dim": 24, "tokens": 3, "width": 16}


def _encoder() -> IdentityEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return IdentityEncoder(**SIZES).eval()


def test_each_picture_is_read_by_itself() -> None:
    encoder, latents = _encoder(), torch.randn(4, 4, 16, 16)
    together = encoder(latents)
    assert together.shape == (4, 3, 24)
    assert encoder.token_count == 3
    torch.testing.assert_close(together[2:3], encoder(latents[2:3]))
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_any_picture_size_is_read() -> None:
    encoder = _encoder()
    assert encoder(torch.randn(1, 4, 8, 24)).shape == (1, 3, 24)


def test_stored_encoder_says_the_same(tmp_path: Path) -> None:
    encoder, latents = _encoder(), torch.randn(2, 4, 16, 16)
    save_network(tmp_path / "it", encoder, {"architecture": "identity_encoder", "arguments": SIZES})
    loaded = load_identity_encoder(tmp_path / "it", device="cpu")
    assert loaded is not None
    torch.testing.assert_close(loaded(latents), encoder(latents), atol=1e-2, rtol=0)


def test_a_base_model_may_have_none(tmp_path: Path) -> None:
    assert load_identity_encoder(tmp_path / "nowhere") is None
