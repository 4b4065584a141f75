import json
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest

from synid_engine.tiny.captions import named_traits
from synid_engine.tiny.lexicon import Understanding, understand
from synid_engine.tiny.world import sample_person, sample_shot, trait_values

DESCRIPTIONS = Path(__file__).parents[2] / "data" / "descriptions.json"


class TraitWord(TypedDict):
    word: str
    means: list[str]


class Description(TypedDict):
    text: str
    trait_words: list[TraitWord]


def is_understood(heard: Understanding, wanted: TraitWord) -> bool:
    """Whether a word became one of its values, or was reported as undrawable where it is."""
    word = wanted["word"].lower().replace("-", " ")
    for meaning in wanted["means"]:
        if meaning == "outside":
            if any(word in said or said in word for said in heard.cannot_draw):
                return True
        else:
            trait, value = meaning.split("=")
            if heard.traits.get(trait) == value:
                return True
    return False


@pytest.mark.parametrize(("half", "first"), [("tuned on", 0), ("held out", 1)])
def test_most_trait_words_of_users_are_understood(half: str, first: int) -> None:
    descriptions: list[Description] = json.loads(DESCRIPTIONS.read_text(encoding="utf-8"))
    assert len(descriptions) == 200
    marks = [
        is_understood(understand(description["text"]), word)
        for description in descriptions[first::2]
        for word in description["trait_words"]
    ]
    share = sum(marks) / len(marks)
    sys.stdout.write(f"{half}: {share:.1%} of {len(marks)} trait words\n")
    assert share >= 0.85


def test_captions_are_understood_as_what_they_name() -> None:
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(600):
        person = sample_person(rng)
        text, named = named_traits(person, sample_shot(rng, person.style), rng)
        heard = understand(text)
        wrong += heard.traits != named or bool(heard.unknown) or bool(heard.cannot_draw)
    assert wrong <= 1


def test_normalised_text_means_the_same() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        person = sample_person(rng)
        heard = understand(named_traits(person, sample_shot(rng, person.style), rng)[0])
        again = understand(heard.normalised)
        assert again.traits == heard.traits
        assert not again.unknown
        assert not again.cannot_draw


@pytest.mark.parametrize(
    ("text", "traits"),
    [
        ("ginger ponytail", {"hair_color": "red", "hair": "bun"}),
        ("hair: long, black, curly", {"hair_color": "black", "hair": "curly"}),
        ("a black-haired woman in red", {"hair_color": "black", "clothes_color": "red"}),
        ("a tan man in a tan coat", {"skin": "tan", "clothes": "jacket", "clothes_color": "orange"}),
        ("short dark brown beard", {"facial_hair": "beard", "hair_color": "brown"}),
        ("in a forest green hoodie", {"clothes": "hoodie", "clothes_color": "green"}),
        ("a man without a beard or glasses", {"facial_hair": "none", "glasses": "none"}),
        ("no hair, not smiling", {"hair": "bald", "expression": "neutral"}),
        ("full-body portrait by the ocean", {"framing": "wide", "background": "beach"}),
        ("winter hat, winter", {"hair": "beanie", "background": "snow"}),
    ],
)
def test_ordinary_words_become_traits(text: str, traits: dict[str, str]) -> None:
    assert understand(text).traits == traits


def test_what_cannot_be_drawn_is_reported_by_name() -> None:
    heard = understand("a cyberpunk girl with green eyes, a big scar and armor")
    assert heard.cannot_draw == ("cyberpunk", "green eyes", "big scar", "armor")
    assert heard.traits == {}


def test_unheard_words_are_reported() -> None:
    assert understand("zorblax with red hair \N{PARTY POPPER}").unknown == ("zorblax", "\N{PARTY POPPER}")


def test_a_contradiction_is_reported() -> None:
    heard = understand("a red hoodie and a blue jacket")
    assert heard.traits == {"clothes": "hoodie", "clothes_color": "red"}
    assert heard.cannot_draw == ("blue jacket",)


def test_near_substitutions_are_reported() -> None:
    heard = understand("teal hair in a mohawk")
    assert heard.traits == {"hair_color": "blue", "hair": "undercut"}
    assert set(heard.approximated) == {("teal", "blue"), ("mohawk", "undercut")}


def test_a_slip_of_spelling_is_mended_and_reported() -> None:
    heard = understand("sungglasses and a moustashe")
    assert heard.traits == {"glasses": "sunglasses", "facial_hair": "moustache"}
    assert ("sungglasses", "sunglasses") in heard.approximated


def test_normalised_text_is_a_caption() -> None:
    heard = understand("tall grandma w/ a grey bun & specs, cardigan in turquoise, downtown")
    assert (
        heard.normalised == "a grandma with a grey bun and square glasses, wearing a blue sweater, downtown"
    )


@pytest.mark.parametrize("text", ["", "   ", "\x00\x07", "!!! ???", "\N{GRINNING FACE}" * 50, "a " * 5000])
def test_odd_texts_are_survived(text: str) -> None:
    heard = understand(text)
    assert heard.traits == {}
    assert heard.normalised == "a person"


def test_every_value_is_one_of_the_world() -> None:
    descriptions: list[Description] = json.loads(DESCRIPTIONS.read_text(encoding="utf-8"))
    for description in descriptions:
        for trait, value in understand(description["text"]).traits.items():
            assert value in trait_values(trait)


def test_words_are_read_without_the_renderer_or_torch() -> None:
    code = (
        "import sys, synid_engine.tiny.lexicon as l; l.understand('a man');"
        "print({'torch', 'resvg_py', 'PIL', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
