import numpy as np
import pytest

from synid_engine.tiny.dataset import TRAIN_SEED, held_out_people, sample_people
from synid_engine.tiny.world import (
    BACKGROUNDS,
    FRAMINGS,
    IDENTITY_TRAITS,
    STYLES,
    Person,
    Shot,
    face_box,
    landmarks,
    mouth_box,
    render,
    sample_person,
    sample_shot,
    trait_values,
    with_traits,
)


def a_person(style: str) -> Person:
    return with_traits(
        sample_person(np.random.default_rng(3), style),
        hair="short",
        hair_color="brown",
        skin="tan",
        facial_hair="none",
        glasses="none",
        clothes="t-shirt",
        clothes_color="blue",
    )


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("trait", IDENTITY_TRAITS)
def test_every_value_of_an_identity_trait_draws_a_picture_of_its_own(style: str, trait: str) -> None:
    person = a_person(style)
    if trait in {"hair_color"}:
        person = with_traits(person, hair="long wavy")
    pictures = {
        render(with_traits(person, **{trait: value}), Shot(), size=64).tobytes()
        for value in trait_values(trait, style)
    }
    assert len(pictures) == len(trait_values(trait, style))


@pytest.mark.parametrize("style", STYLES)
def test_every_expression_and_background_looks_different(style: str) -> None:
    person = a_person(style)
    expressions = trait_values("expression", style)
    faces = {render(person, Shot(expression=value), size=96).tobytes() for value in expressions}
    scenes = {render(person, Shot(background=value), size=64).tobytes() for value in BACKGROUNDS}
    assert (len(faces), len(scenes)) == (len(expressions), len(BACKGROUNDS))


def test_a_picture_is_a_function_of_its_labels() -> None:
    rng = np.random.default_rng(5)
    person = sample_person(rng)
    shot = sample_shot(rng, person.style)
    assert np.array_equal(render(person, shot), render(person, shot))


@pytest.mark.parametrize("style", STYLES)
def test_landmarks_follow_framing_tilt_and_mirror(style: str) -> None:
    person = a_person(style)
    straight = landmarks(person, Shot())
    assert straight[0, 0] < straight[2, 0] < straight[1, 0]
    eyes_apart = {name: float(np.ptp(landmarks(person, Shot(framing=name))[:2, 0])) for name in FRAMINGS}
    assert eyes_apart["wide"] < eyes_apart["portrait"] < eyes_apart["close-up"]
    tilted = landmarks(person, Shot(tilt="right"))
    assert tilted[1, 1] > tilted[0, 1]
    mirrored = landmarks(person, Shot(mirror=True, dx=3.0))
    assert mirrored[0, 0] < mirrored[1, 0]


@pytest.mark.parametrize("style", STYLES)
def test_the_pupils_are_darker_than_the_skin_at_the_eye_landmarks(style: str) -> None:
    picture = render(a_person(style), Shot())
    for x, y in landmarks(a_person(style), Shot())[:2].round().astype(int):
        around = picture[y - 7 : y + 8, x - 7 : x + 8].astype(int).sum(axis=2)
        assert around.min() < 300


@pytest.mark.parametrize("style", STYLES)
def test_the_mouth_box_lies_inside_the_face_box(style: str) -> None:
    rng = np.random.default_rng(8)
    for _ in range(20):
        person, shot = sample_person(rng, style), sample_shot(rng, style)
        mouth, face = mouth_box(person, shot), face_box(person, shot)
        assert face[0] <= mouth[0] < mouth[2] <= face[2] + 1
        assert mouth[1] >= face[1]


def test_held_out_people_are_nobody_of_the_training_set() -> None:
    trained = {item.person for item in sample_people(TRAIN_SEED, 0, 2000, 1)}
    assert not trained & set(held_out_people(50, train_people=2000))


def test_a_trait_that_a_style_cannot_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="afro"):
        with_traits(a_person("toon"), hair="afro")
