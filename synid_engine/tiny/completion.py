"""One person among those whom a description leaves open.

Where words leave a trait open, the denoiser is torn between all of its values; a person has one.
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from synid_engine.tiny import vocabulary as vocab
from synid_engine.tiny.world import LONG_HAIR, NATURAL_HAIR_COLORS, sample_person, trait_values

_TRIES = 1000


def complete(traits: Mapping[str, str], noun: str, seed: int) -> dict[str, str]:
    """Fill in the traits that are open, as people of the world have them.

    Args:
        traits: What a description says; it stays as it is.
        noun: The description's word for the person. A woman that nothing else is said of has long hair and no
            beard, a man short hair and no dress, and who is old has grey hair: the rule of the captions.
            Nobody wears glasses or has hair of an unusual colour that was not asked for.
        seed: Another one is another person.
    """
    rng = np.random.default_rng(seed)
    who = noun.removeprefix("a ").removeprefix("an ")
    whole = dict(traits)
    for _ in range(_TRIES):
        person = {key: str(value) for key, value in asdict(sample_person(rng, traits.get("style"))).items()}
        whole = {**person, "glasses": "none", **traits}
        can_be = all(value in trait_values(trait, whole["style"]) for trait, value in whole.items())
        if can_be and _fits(whole, traits, who):
            break
    return {trait: value for trait, value in whole.items() if not _goes_without_saying(trait, value, who)}


def _fits(whole: Mapping[str, str], said: Mapping[str, str], noun: str) -> bool:
    open_hair, open_color = "hair" not in said, "hair_color" not in said
    if _is(noun, "woman") and (
        ("facial_hair" not in said and whole["facial_hair"] != "none")
        or (open_hair and whole["hair"] not in LONG_HAIR)
    ):
        return False
    if _is(noun, "man") and (
        (open_hair and whole["hair"] in LONG_HAIR) or ("clothes" not in said and whole["clothes"] == "dress")
    ):
        return False
    is_old = any(noun in words for words in vocab.OLD_PEOPLE.values())
    return not open_color or whole["hair_color"] in (("silver",) if is_old else NATURAL_HAIR_COLORS)


def _goes_without_saying(trait: str, value: str, noun: str) -> bool:
    """Whether no caption says it: only of men that they are shaven."""
    return trait == "facial_hair" and value == "none" and not _is(noun, "man")


def _is(noun: str, kind: str) -> bool:
    words = (*vocab.PEOPLE[kind], *vocab.YOUNG_PEOPLE[kind], *vocab.OLD_PEOPLE[kind])
    return noun in words or (kind == "man" and noun in vocab.BOYS)
