from collections import Counter
from pathlib import Path

import synid_engine
from synid_engine.evaluation.cast import ABLATED, DEVELOPED, MEASURED
from synid_engine.evaluation.likeness import FACE_TRAITS, IDENTITY_TRAITS, is_same, visible_traits
from synid_engine.evaluation.prompts import FIRST_SEED, PROMPTS, suite_prompts
from synid_engine.tiny.lexicon import understand
from synid_engine.tiny.world import FREE_TRAITS, STYLES, trait_values

READING = {
    "hair": "bob",
    "hair_color": "red",
    "skin": "pale",
    "facial_hair": "none",
    "glasses": "none",
    "clothes": "jacket",
    "clothes_color": "green",
}


def test_full_suite_has_24_pictures_and_quick_some_of_each_group() -> None:
    assert len(suite_prompts("full")) == 24
    assert Counter(one.group for one in suite_prompts("quick")) == dict.fromkeys(
        ("expression", "scene", "framing", "seed"), 2
    )
    assert len({one.seed for one in PROMPTS}) == 24


def test_every_prompt_means_what_is_expected_of_it() -> None:
    for prompt in PROMPTS:
        read = understand(f"a person, {prompt.words}")
        assert read.traits == prompt.expected, prompt.words
        assert not read.unknown
        assert not read.cannot_draw


def test_prompts_name_only_what_every_style_can_draw() -> None:
    for prompt in PROMPTS:
        for trait, value in prompt.expected.items():
            assert trait in FREE_TRAITS
            assert all(value in trait_values(trait, style) for style in STYLES)


def test_no_stage_uses_a_prompt_or_a_seed_of_evaluation() -> None:
    folder = Path(synid_engine.__file__).parent / "synid"
    stages = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    words = stages.replace("_", "")
    assert not [prompt.words for prompt in PROMPTS if prompt.words in stages]
    assert str(FIRST_SEED) not in words


def test_characters_of_development_ablation_and_benchmark_are_different_people() -> None:
    everyone = (*MEASURED, *DEVELOPED, *ABLATED)
    assert len({one.description for one in everyone}) == len(everyone)
    assert len({one.seed for one in everyone}) == len(everyone)
    assert len(MEASURED) >= 10
    assert sum(one.like_synid for one in MEASURED) == 5


def test_one_changed_face_trait_is_another_character() -> None:
    assert is_same(READING, READING)
    for trait in FACE_TRAITS:
        assert not is_same({**READING, trait: "other"}, READING)


def test_clothes_count_only_among_all_identity_traits() -> None:
    changed = {**READING, "clothes": "dress"}
    assert is_same(changed, READING, FACE_TRAITS)
    assert not is_same(changed, READING, IDENTITY_TRAITS)


def test_hair_colour_counts_only_where_it_can_be_seen() -> None:
    covered = {**READING, "hair": "hijab"}
    assert "hair_color" not in visible_traits(covered, FACE_TRAITS)
    assert is_same({**covered, "hair_color": "blue"}, covered)
    assert "hair_color" in visible_traits({**covered, "hair": "bald", "facial_hair": "beard"}, FACE_TRAITS)
