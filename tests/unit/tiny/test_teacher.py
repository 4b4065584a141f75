from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synid_engine.errors import MissingModelError
from synid_engine.perception.network_file import save_network
from synid_engine.perception.networks import LatentReader
from synid_engine.tiny.dataset import Labelled
from synid_engine.tiny.picture_cache import CLASSES, TRAITS
from synid_engine.tiny.teacher import LESSON, Teacher
from synid_engine.tiny.train_reader import as_guessed, measure
from synid_engine.tiny.world import Shot

from ...people import SOMEBODY  # noqa: TID252  (tests are no package)

PERSON = replace(SOMEBODY, hair="bald")


class Plain(nn.Module):
    """Reads the first channel's first cell: above 0 is a trait's first value."""

    def forward(self, latents: Tensor) -> dict[str, Tensor]:
        sign = latents[:, 0, 0, :1]
        return {trait: torch.cat([sign, -sign], dim=1) for trait in TRAITS}


def taught(truth: int) -> Teacher:
    return Teacher(reader=Plain(), truth=torch.full((2, len(TRAITS)), truth))


def test_a_guess_that_reads_as_the_picture_does_costs_less() -> None:
    guesses, known = torch.ones(1, 4, 16, 16), torch.ones(1)
    right = taught(0).loss(guesses, known, np.array([1]))
    wrong = taught(1).loss(guesses, known, np.array([1]))
    assert float(wrong - right) == pytest.approx(2 * LESSON * len(TRAITS), rel=0.02)


def test_a_guess_from_noise_alone_teaches_nothing() -> None:
    guesses = torch.randn(2, 4, 16, 16, requires_grad=True)
    loss = taught(1).loss(guesses, torch.tensor([0.0, 1.0]), np.array([0, 1]))
    loss.backward()
    assert guesses.grad is not None
    assert not bool(guesses.grad[0].any())
    assert bool(guesses.grad[1].any())


def test_what_cannot_be_seen_is_not_asked_for() -> None:
    loss = taught(-1).loss(torch.ones(1, 4, 16, 16), torch.ones(1), np.array([0]))
    assert float(loss) == 0


def test_a_reader_is_kept_as_other_networks_are_and_stays_frozen(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = {"architecture": "latent_reader", "arguments": {"classes": CLASSES, "width": 8, "hidden": 8}}
    network = LatentReader(classes=CLASSES, width=8, hidden=8).eval()
    save_network(tmp_path, network, config)
    labels = [Labelled(person_id=0, person=PERSON, shot=Shot())]
    teacher = Teacher.load(tmp_path, labels, torch.device("cpu"))
    assert teacher.truth[0, TRAITS.index("hair_color")] == -1
    assert not any(parameter.requires_grad for parameter in teacher.reader.parameters())
    latents = torch.randn(3, 32, 16, 16)
    assert torch.allclose(teacher.reader(latents)["hair"], network(latents)["hair"], atol=1e-2)
    with pytest.raises(MissingModelError):
        Teacher.load(tmp_path / "elsewhere", labels, torch.device("cpu"))


def test_latents_are_shown_as_they_are_too_and_never_beyond_recognition() -> None:
    latents = torch.randn(200, 2, 16, 16, generator=torch.Generator().manual_seed(1))
    shown = as_guessed(latents, torch.Generator().manual_seed(2))
    errors = (shown - latents).square().mean(dim=(1, 2, 3))
    assert 5 < int((errors == 0).sum()) < 40
    assert float(errors.max()) < 1.3
    assert torch.equal(shown, as_guessed(latents, torch.Generator().manual_seed(2)))


def test_each_trait_is_measured_where_it_can_be_seen() -> None:
    labels = torch.zeros(4, len(TRAITS), dtype=torch.int64)
    labels[0, 1], labels[3, 1], labels[1, 2] = 1, 1, -1
    latents = torch.ones(4, 4, 16, 16)
    latents[3] = -1
    network = Plain()
    network.register_parameter("none", nn.Parameter(torch.zeros(1)))
    rates = measure(network, latents, labels)
    assert (rates[TRAITS[0]], rates[TRAITS[1]]) == (0.75, 0.75)
    assert rates[TRAITS[2]] == pytest.approx(2 / 3, abs=1e-3)
