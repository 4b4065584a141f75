from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from synid_engine.sampling.latents import NoiseSchedule
from synid_engine.tiny.dataset import Labelled
from synid_engine.tiny.train_unet import (
    FEATURE_WEIGHT,
    HARD_TRAITS,
    HARD_WEIGHT,
    Latents,
    Told,
    build_noise_scheduler,
    guess,
    stratified_timesteps,
)
from synid_engine.tiny.world import Shot, landmarks, trait_values

from ...people import SOMEBODY  # noqa: TID252  (tests are no package)


def test_errors_in_the_face_count_more_and_a_picture_counts_as_before() -> None:
    labels = [
        Labelled(person_id=0, person=SOMEBODY, shot=Shot(framing=framing)) for framing in ("wide", "close-up")
    ]
    latents = Latents(values=torch.zeros(2, 16, 16, 16), labels=labels)
    weights = latents.face_weights(np.array([0, 1]))
    assert torch.allclose(weights.mean(dim=(1, 2, 3)), torch.ones(2))
    corners, middles = weights[:, 0, 0, 0], weights[:, 0, 7, 8]
    assert bool((middles > 2 * corners).all())
    assert int((weights[1] > 1).sum()) > int((weights[0] > 1).sum())


def test_errors_about_eyes_and_mouth_count_most() -> None:
    labels = [Labelled(person_id=0, person=SOMEBODY, shot=Shot())]
    weights = Latents(values=torch.zeros(1, 16, 16, 16), labels=labels).face_weights(np.array([0]))[0, 0]
    left, _, _, mouth, _ = landmarks(SOMEBODY, Shot(), size=16).astype(int).tolist()
    assert float(weights[mouth[1], mouth[0]]) == float(weights[left[1], left[0]]) == float(weights.max())
    assert float(weights.max()) == pytest.approx(FEATURE_WEIGHT * float(weights[0, 0]))


def test_pictures_are_drawn_more_often_for_each_hard_trait() -> None:
    bearded = replace(SOMEBODY, facial_hair="big beard")
    seen = [(SOMEBODY, Shot()), (bearded, Shot()), (bearded, Shot(expression="winking"))]
    labels = [Labelled(person_id=i, person=who, shot=shot) for i, (who, shot) in enumerate(seen)]
    shares = Latents(values=torch.zeros(3, 16, 16, 16), labels=labels).shares()
    assert (shares / shares[0]).tolist() == pytest.approx([1, HARD_WEIGHT, HARD_WEIGHT**2])
    known = {trait: trait_values(trait) for trait in HARD_TRAITS}
    assert all(value in known[trait] for trait, values in HARD_TRAITS.items() for value in values)


def test_companions_are_other_pictures_of_the_same_person() -> None:
    ids = (4, 4, 4, 5, 5, 9)
    labels = [Labelled(person_id=person, person=SOMEBODY, shot=Shot()) for person in ids]
    latents = Latents(values=torch.zeros(6, 4, 2, 2), labels=labels)
    rows = np.array([0, 3, 5] * 10)
    others = latents.companions(rows, np.random.default_rng(3))
    assert others.shape == (30, 2)
    assert {int(other) for other in others[0::3].ravel()} == {1, 2}
    assert {int(other) for other in others[1::3].ravel()} == {4}
    assert {int(other) for other in others[2::3].ravel()} == {5}, "who has one picture is shown that one"


def test_timesteps_cover_the_schedule_evenly() -> None:
    torch.manual_seed(1)
    timesteps = stratified_timesteps(10, 1000)
    assert sorted((timesteps // 100).tolist()) == list(range(10))
    assert timesteps.tolist() != sorted(timesteps.tolist())


def test_a_denoiser_that_knows_the_picture_guesses_it_and_errs_nowhere() -> None:
    torch.manual_seed(2)
    clean = torch.randn(5, 4, 8, 8)
    schedule = NoiseSchedule.from_config(build_noise_scheduler().config)

    def knowing(noisy: Tensor, timesteps: Tensor, **_told: object) -> SimpleNamespace:
        alpha_bar = schedule.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        noise = (noisy - alpha_bar.sqrt() * clean) / (1 - alpha_bar).sqrt()
        return SimpleNamespace(sample=alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * clean)

    told = Told(context=torch.zeros(5, 1, 8))
    guessed = guess(schedule, knowing, clean, told, torch.ones(5, 1, 8, 8))
    assert torch.allclose(guessed.clean, clean, atol=1e-4)
    assert float(guessed.loss) < 1e-6
    assert float(guess(schedule, knowing, clean, told, torch.zeros(5, 1, 8, 8)).loss) == 0
    assert guessed.alpha_bar.shape == (5,)
