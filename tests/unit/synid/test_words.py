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


@pytest.mark.parametrize(
    ("description", "prompt", "negative"),
    [
        (
            "a woman with red hair, (wearing a red coat:1.3)",
            "a woman with red hair, wearing a suit",
            "wearing a red coat",
        ),
        (
            "a woman (wearing a red coat, hat:1.2), (green eyes)",
            "a woman, (green eyes:1.1), wearing a suit",
            "wearing a red coat, hat",
        ),
        (
            "a (tall woman, wearing a [red] coat:1.2), wearing gloves, [freckles]",
            "a (tall woman:1.2), (freckles:0.909), wearing a suit",
            "wearing a red coat, wearing gloves",
        ),
        (
            r"a woman \(Ann\), wearing a coat \(red\), (a, b",
            r"a woman \(Ann\), \(a, b, wearing a suit",
            r"wearing a coat \(red\)",
        ),
        ("(a woman, red hair:1.3)", "(a woman, red hair:1.3), wearing a suit", ""),
    ],
)
def test_weighed_clothes_leave_with_their_brackets(description: str, prompt: str, negative: str) -> None:
    words = PlainIdentityWords(description=description)
    assert words.prompt("wearing a suit") == prompt
    assert words.negative_prompt("wearing a suit") == negative
    assert words.prompt("(wearing a suit:1.2)").startswith(prompt.removesuffix("wearing a suit"))
    assert words.prompt("smiling") == f"{description}, smiling"
    assert words.negative_prompt("smiling") == ""


@pytest.mark.parametrize(
    "description", ["(an old man, white beard:1.3), sunglasses", "an (old:1.2) [man] with a beard"]
)
def test_noun_of_a_person_has_no_brackets(description: str) -> None:
    assert PlainIdentityWords(description=description).bare_prompt("smiling") == "an old man, smiling"


def test_weights_are_no_words_of_the_drawn_world(wording: Wording) -> None:
    plain, weighed = "a woman with red hair, smiling", "a (woman) with (red hair:1.2), [smiling]"
    assert wording.not_drawn(weighed) == ()
    assert wording.not_drawn("(cyberpunk:1.2)") == ("cyberpunk",)
    assert wording.normalized(weighed) == wording.normalized(plain)
    assert wording.identity(weighed, None) == wording.identity(plain, None)
    words = wording.identity("a man wearing a green jacket", None)
    for scene in ("laughing, wearing a hoodie", "on a beach"):
        for tell in (words.prompt, words.bare_prompt, words.negative_prompt):
            assert tell(f"({scene}:1.3)") == tell(scene)
    assert words.filled("(red hair:1.3)") == words.filled("red hair")
