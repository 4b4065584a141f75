import re
from collections.abc import Iterator

import numpy as np
import pytest

from synid_engine.tiny import near_words, vocabulary
from synid_engine.tiny.captions import (
    MAX_TOKENS,
    caption,
    count_tokens,
    free_caption,
    identity_caption,
    named_traits,
)
from synid_engine.tiny.phrase_table import COVERED_HAIR
from synid_engine.tiny.world import COVERED_HAIR as WORLDS_COVERED_HAIR
from synid_engine.tiny.world import Person, Shot, sample_person, sample_shot, trait_values

SAMPLES = 1500
MAN = Person(
    style="flat",
    hair="bald",
    hair_color="red",
    skin="dark",
    facial_hair="big beard",
    glasses="round glasses",
    clothes="hoodie",
    clothes_color="green",
)


def samples(seed: int = 1) -> Iterator[tuple[Person, Shot, str, dict[str, str]]]:
    rng = np.random.default_rng(seed)
    for _ in range(SAMPLES):
        person = sample_person(rng)
        shot = sample_shot(rng, person.style)
        text, named = named_traits(person, shot, rng)
        yield person, shot, text, named


@pytest.mark.parametrize("trait", vocabulary.TRAIT_WORDINGS)
def test_every_value_of_the_world_has_words(trait: str) -> None:
    wordings = vocabulary.TRAIT_WORDINGS[trait]
    assert set(wordings) == set(trait_values(trait))
    assert all(len(set(options)) == len(options) for options in wordings.values())


def test_near_words_lead_only_to_values_of_the_world() -> None:
    for tables in (near_words.SAME, near_words.NEAR):
        for trait, values in tables.items():
            assert set(values) <= set(trait_values(trait)), trait
    assert set(near_words.HAIR_COLORS) == set(trait_values("hair_color"))
    assert set(near_words.CLOTHES_COLORS) == set(trait_values("clothes_color"))
    assert set(near_words.SKIN_COLORS) == set(trait_values("skin"))
    assert set(near_words.WALL_COLORS) <= set(trait_values("background"))
    assert COVERED_HAIR == WORLDS_COVERED_HAIR


def test_the_same_seed_writes_the_same_caption() -> None:
    first, second = (caption(MAN, Shot(), np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_captions_fit_the_text_encoder() -> None:
    assert all(count_tokens(text) <= MAX_TOKENS for _, _, text, _ in samples())


def test_captions_leave_traits_open_but_name_each_often() -> None:
    counts: dict[str, int] = {}
    sizes: list[int] = []
    for _, _, _, named in samples():
        sizes.append(len(named))
        for trait in named:
            counts[trait] = counts.get(trait, 0) + 1
    assert set(counts) == set(vocabulary.TRAIT_WORDINGS)
    assert all(0.15 < count / SAMPLES < 0.9 for count in counts.values())
    assert min(sizes) <= 2
    assert max(sizes) >= 9


def test_named_traits_are_those_of_the_picture() -> None:
    for person, shot, _, named in samples():
        for trait, value in named.items():
            if trait != "tilt":
                assert value == getattr(person if hasattr(person, trait) else shot, trait)


def test_hidden_hair_has_no_colour() -> None:
    for person, _, _, named in samples():
        if not person.shows_hair_color:
            assert "hair_color" not in named


def test_a_bald_mans_beard_carries_the_hair_colour() -> None:
    assert "a big red beard" in identity_caption(MAN)


def test_a_mirrored_tilt_is_named_as_it_is_seen() -> None:
    assert "right" in free_caption(Shot(tilt="left", mirror=True))
    assert "left" in free_caption(Shot(tilt="left"))


def test_people_words_follow_the_rule() -> None:
    womanly = re.compile(r"\b(?:woman|girl|lady|grandmother|grandma|she)\b")
    youthful = re.compile(r"\b(?:young|girl|boy|teenager|teen|teenage|kid)\b")
    aged = re.compile(r"\b(?:old|elderly|older|grandmother|grandfather|grandma|grandpa|senior)\b")
    for person, _, text, _ in samples():
        if person.facial_hair != "none":
            assert not womanly.search(text), text
        if person.shows_hair_color and person.hair_color == "silver":
            assert not youthful.search(text), text
        else:
            assert not aged.search(text), text


def test_an_identity_caption_without_chance_names_every_identity_trait() -> None:
    text = identity_caption(MAN)
    assert (
        text == "a man with a bald head, dark skin, a big red beard and round glasses, wearing a green hoodie"
    )


def test_a_free_caption_names_nothing_of_a_person() -> None:
    text = free_caption(Shot(expression="laughing", background="beach", framing="close-up"), noun="woman")
    assert text == "a close-up of a woman, laughing on a beach"


def test_articles_agree_with_what_follows() -> None:
    for _, _, text, _ in samples():
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|\{|\}|  ", text), text
