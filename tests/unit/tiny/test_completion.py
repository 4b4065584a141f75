import pytest

from synid_engine.tiny.lexicon import understand
from synid_engine.tiny.wording import WorldIdentityWords, WorldWording
from synid_engine.tiny.world import LONG_HAIR, trait_values


def _somebody(description: str, seed: int) -> dict[str, str]:
    words = WorldWording().identity(description, None).somebody(seed)
    assert isinstance(words, WorldIdentityWords)
    return words.traits


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "description",
    [
        "someone",
        "a young woman with shoulder-length red hair and round glasses, wearing a green jacket",
        "an elderly man with a big beard",
        "a girl with a pink bob in comic style, blue dress",
        "an old bearded woman in a hijab",
    ],
)
def test_what_was_said_stays_and_the_rest_can_be_drawn_beside_it(description: str, seed: int) -> None:
    said = understand(description).traits
    whole = _somebody(description, seed)
    assert said.items() <= whole.items()
    assert all(value in trait_values(trait, whole["style"]) for trait, value in whole.items())
    assert {"style", "hair", "hair_color", "skin", "glasses", "clothes", "clothes_color"} <= set(whole)


def test_another_seed_is_another_person() -> None:
    skins = {_somebody("a woman with red hair", seed)["skin"] for seed in range(20)}
    assert len(skins) > 2
    assert _somebody("a woman with red hair", 3) == _somebody("a woman with red hair", 3)


@pytest.mark.parametrize("seed", range(8))
def test_people_words_are_kept_to(seed: int) -> None:
    woman, man = _somebody("a woman", seed), _somebody("a boy", seed)
    assert woman["hair"] in LONG_HAIR
    assert "facial_hair" not in woman
    assert man["hair"] not in LONG_HAIR
    assert man["clothes"] != "dress"
    assert _somebody("an old lady", seed)["hair_color"] == "silver"
    assert woman["glasses"] == man["glasses"] == "none"


def test_words_that_cannot_be_of_one_style_are_left_as_they_are() -> None:
    """No style has both; what the model makes of it is its business."""
    whole = _somebody("a man with a goatee and a mullet", 1)
    assert (whole["facial_hair"], whole["hair"]) == ("goatee", "mullet")


@pytest.mark.parametrize("seed", range(8))
def test_words_are_filled_in_again_from_the_caption_of_the_whole_person(seed: int) -> None:
    words = WorldWording().identity("a woman with red hair and a hat", None)
    somebody = words.somebody(seed)
    again = words.filled(somebody.prompt(""))
    assert isinstance(again, WorldIdentityWords)
    assert again == somebody


def test_what_is_filled_in_never_replaces_what_was_said() -> None:
    words = WorldWording().identity("a bald man in a red hoodie", None)
    filled = words.filled(
        "a woman with long wavy blue hair, round glasses, green dress, laughing, on a beach"
    )
    assert isinstance(filled, WorldIdentityWords)
    assert filled.traits == {
        "hair": "bald",
        "clothes": "hoodie",
        "clothes_color": "red",
        "hair_color": "blue",
        "glasses": "round glasses",
    }
    assert words.filled("") == words
