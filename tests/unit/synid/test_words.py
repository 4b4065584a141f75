import pytest

from synid_engine.errors import InvalidSettingError
from synid_engine.synid.adapter import HELD_OUT_SCENES
from synid_engine.synid.bootstrap import SCENES
from synid_engine.synid.drift import PROBE_SCENES
from synid_engine.synid.words import PlainIdentityWords, Wording
from synid_engine.tiny.lexicon import understand
from synid_engine.tiny.wording import WorldWording

DESCRIPTION = "a young woman with shoulder-length red hair and round glasses, wearing a green jacket"


@pytest.fixture
def wording() -> Wording:
    return WorldWording()


def test_clothes_belong_to_the_identity(wording: Wording) -> None:
    words = wording.identity(DESCRIPTION, None)
    prompt = words.prompt("smiling, on a beach")
    assert understand(prompt).traits == {
        **understand(DESCRIPTION).traits,
        **understand("smiling, on a beach").traits,
    }
    assert words.negative_prompt("smiling, on a beach") == ""


def test_clothes_that_the_prompt_names_win(wording: Wording) -> None:
    words = wording.identity(DESCRIPTION, None)
    traits = understand(words.prompt("smiling, wearing a hoodie")).traits
    assert traits["clothes"] == "hoodie"
    assert "clothes_color" not in traits
    assert traits["hair_color"] == "red"
    negative = understand(words.negative_prompt("smiling, wearing a hoodie")).traits
    assert negative == {"clothes": "jacket", "clothes_color": "green"}


def test_bare_prompt_says_nothing_of_the_person(wording: Wording) -> None:
    bare = wording.identity(DESCRIPTION, "toon").bare_prompt("smiling, on a beach")
    assert set(understand(bare).traits) == {"style", "expression", "background"}
    assert "young woman" in bare


def test_unknown_style_is_refused(wording: Wording) -> None:
    with pytest.raises(InvalidSettingError, match="toon"):
        wording.identity(DESCRIPTION, "oil painting on velvet")


def test_words_that_cannot_be_drawn_are_named(wording: Wording) -> None:
    assert "cyberpunk" in wording.not_drawn("a cyberpunk woman with red hair")


@pytest.mark.parametrize("scene", [*SCENES, *PROBE_SCENES, *HELD_OUT_SCENES])
def test_scenes_of_the_stages_are_fully_understood(wording: Wording, scene: str) -> None:
    assert wording.not_drawn(scene) == ()


def test_plain_words_follow_the_same_rule() -> None:
    words = PlainIdentityWords(description="a woman with red hair, wearing a green jacket", style="toon")
    assert words.prompt("smiling") == "a woman with red hair, wearing a green jacket, smiling, toon"
    assert words.prompt("wearing a hoodie") == "a woman with red hair, wearing a hoodie, toon"
    assert words.negative_prompt("wearing a hoodie") == "wearing a green jacket"
    assert words.negative_prompt("smiling") == ""
    assert words.bare_prompt("smiling") == "a woman, smiling, toon"
