import pytest

from synid_engine.synid.repertoire import posed
from synid_engine.tiny.lexicon import understand
from synid_engine.tiny.repertoire import REPERTOIRE
from synid_engine.tiny.world import FREE_TRAITS, IMAGE_SIZE, trait_values


@pytest.mark.parametrize("pose", REPERTOIRE.poses)
def test_pose_says_one_thing_that_the_world_draws(pose: str) -> None:
    read = understand(pose)
    [(trait, value)] = read.traits.items()
    assert trait in FREE_TRAITS
    assert value in trait_values(trait)
    assert (read.unknown, read.cannot_draw, read.approximated) == ((), (), ())


@pytest.mark.parametrize("pose", REPERTOIRE.poses)
@pytest.mark.parametrize("prompt", ["upright", "leaning left", "leaning right", "portrait", "zoomed out"])
def test_pose_wins_whatever_the_prompt_says(pose: str, prompt: str) -> None:
    assert understand(pose).traits.items() <= understand(posed(prompt, pose)).traits.items()


def test_pictures_have_the_size_of_the_world() -> None:
    [square] = REPERTOIRE.shapes
    assert (square.width, square.height) == (IMAGE_SIZE, IMAGE_SIZE)
