from dataclasses import replace

import pytest
import torch

from synid_engine.tiny.dataset import Labelled
from synid_engine.tiny.train_identity import TRAITS, numbers, phrase, saying_loss
from synid_engine.tiny.world import Shot, trait_values

from ...people import SOMEBODY  # noqa: TID252  (tests are no package)


@pytest.mark.parametrize("trait", TRAITS)
def test_every_value_has_words_of_its_own(trait: str) -> None:
    said = [phrase(trait, value) for value in trait_values(trait)]
    assert len(set(said)) == len(said)
    assert not any("{" in text or "  " in text for text in said)


def test_a_hair_colour_that_nobody_sees_is_not_asked_for() -> None:
    person = replace(SOMEBODY, hair="bald")
    row = numbers([Labelled(person_id=0, person=person, shot=Shot())])[0]
    assert row[TRAITS.index("hair_color")] == -1
    assert row[TRAITS.index("skin")] == trait_values("skin").index("tan")


def test_saying_the_right_words_costs_least() -> None:
    states = [torch.eye(4), torch.eye(4)[:3]]
    targets = torch.tensor([[0, 2], [3, -1]])
    right = torch.stack([states[0][[0, 3]], states[1][[2, 0]]], dim=1)
    loss, shares = saying_loss(right, states, targets)
    worse, wrong = saying_loss(right.flip(0), states, targets)
    assert shares.tolist() == [1, 1]
    assert wrong.tolist() == [0, 0]
    assert loss < worse
