from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synid_engine.sampling.latents import NoiseSchedule
from synid_engine.tiny import train_decoder
from synid_engine.tiny.dataset import Labelled
from synid_engine.tiny.train_decoder import DRAWN_STEPS, DRAWN_TIMESTEPS, GUIDANCE, Lessons
from synid_engine.tiny.train_unet import Latents, build_noise_scheduler
from synid_engine.tiny.world import Shot

from ...people import SOMEBODY  # noqa: TID252  (tests are no package)

SCHEDULE = NoiseSchedule.from_config(build_noise_scheduler().config)


class Knowing(nn.Module):
    """Sees the same latents behind any noise, however it is told; guidance can only go past them."""

    def __init__(self, clean: Tensor, *, untold: Tensor | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.clean, self.untold = clean, clean if untold is None else untold
        self.asked: list[tuple[Tensor, Tensor]] = []

    def forward(self, noisy: Tensor, timesteps: Tensor, *, encoder_hidden_states: Tensor) -> SimpleNamespace:
        rows = len(noisy) // 2
        assert len(encoder_hidden_states) == 2 * rows
        self.asked.append((noisy[:rows], timesteps[:rows]))
        clean = torch.cat([one.expand(rows, -1, -1, -1) for one in (self.clean, self.untold)])
        alpha_bar = SCHEDULE.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        noise = (noisy - alpha_bar.sqrt() * clean) / (1 - alpha_bar).sqrt()
        return SimpleNamespace(sample=alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * clean)


def lessons(unet: nn.Module) -> Lessons:
    """Make lessons on four pictures, each of one colour, whose latents hold their number."""
    labels = [Labelled(person_id=i, person=SOMEBODY, shot=Shot()) for i in range(4)]
    values = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 2, 16, 16)
    family = SimpleNamespace(
        noise_scheduler=build_noise_scheduler(), encode=lambda texts: torch.zeros(len(texts), 1, 8)
    )
    shard = np.stack([np.full((256, 256, 3), 10 * i, dtype=np.uint8) for i in range(4)])
    return Lessons([shard], Latents(values=values, labels=labels), family, unet, np.random.default_rng(3))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(6)


def test_squares_lie_over_their_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_decoder, "DRAWN_SHARE", 0.0)
    codes, pictures = lessons(nn.Conv2d(1, 1, 1)).draw(12, 8)
    assert codes.shape == (12, 2, 8, 8)
    assert pictures.shape == (12, 3, 128, 128)
    numbers = (pictures.mean(dim=(1, 2, 3)) * 25.5).round()
    assert len(set(numbers.tolist())) == 4
    assert torch.allclose(codes.mean(dim=(1, 2, 3)), numbers, atol=0.05)


def test_drawn_latents_are_what_the_denoiser_sees_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_decoder, "DRAWN_SHARE", 1.0)
    seen = torch.randn(1, 2, 16, 16)
    unet = Knowing(seen)
    codes, _ = lessons(unet).draw(6, 16)
    assert torch.allclose(codes, seen.expand(6, -1, -1, -1), atol=1e-3)
    timesteps = torch.stack([timesteps for _, timesteps in unet.asked])
    assert len(timesteps) == DRAWN_STEPS
    assert bool((timesteps.diff(dim=0) < 0).all())
    assert bool((timesteps[0] >= DRAWN_TIMESTEPS[0]).all())
    assert bool((timesteps[0] < DRAWN_TIMESTEPS[1]).all())


def test_drawing_goes_on_with_the_noise_that_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_decoder, "DRAWN_SHARE", 1.0)
    unet = Knowing(torch.zeros(1, 2, 16, 16))
    lessons(unet).draw(4, 16)
    (second, at_second), (third, at_third) = unet.asked[1:]
    sigmas = [(1 - SCHEDULE.alphas_cumprod[at]).sqrt().view(-1, 1, 1, 1) for at in (at_second, at_third)]
    assert torch.allclose(second / sigmas[0], third / sigmas[1], atol=1e-3)


def test_drawing_is_guided_as_pictures_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_decoder, "DRAWN_SHARE", 1.0)
    unet = Knowing(torch.ones(1, 2, 16, 16), untold=torch.zeros(1, 2, 16, 16))
    codes, _ = lessons(unet).draw(4, 16)
    assert torch.allclose(codes, torch.full_like(codes, GUIDANCE), atol=1e-2)
