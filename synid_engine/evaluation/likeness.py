"""When two pictures show the same character, and when a picture shows what was asked for.

Readings are what the trait classifier names. Knows nothing about models.
"""

from collections.abc import Mapping, Sequence

from synid_engine.tiny.world import COVERED_HAIR, FACE_TRAITS, IDENTITY_TRAITS

Reading = Mapping[str, str]

__all__ = ["FACE_TRAITS", "IDENTITY_TRAITS", "Reading", "found_traits", "is_same", "visible_traits"]


def visible_traits(reading: Reading, traits: Sequence[str]) -> tuple[str, ...]:
    """Leave out the hair colour where neither hair nor a beard can be seen."""
    hidden = reading["hair"] in (*COVERED_HAIR, "bald") and reading["facial_hair"] == "none"
    return tuple(trait for trait in traits if not (hidden and trait == "hair_color"))


def is_same(reading: Reading, canonical: Reading, traits: Sequence[str] = FACE_TRAITS) -> bool:
    """Say whether every trait that the canonical picture shows is the same here."""
    return all(reading[trait] == canonical[trait] for trait in visible_traits(canonical, traits))


def found_traits(reading: Reading, expected: Reading) -> dict[str, bool]:
    """Say for every expected trait whether the picture shows the expected value."""
    return {trait: reading[trait] == value for trait, value in expected.items()}
