"""The named poses and their maps; `docs/poses.png` is the golden picture, which was looked at."""

import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synid_engine.pose.body import JOINTS, Body
from synid_engine.pose.library import NAMED_POSES
from synid_engine.pose.skeleton_map import draw_map

ROOT = Path(__file__).parents[3]
SQUARE = 128


def joint(body: Body, name: str) -> tuple[float, float]:
    found = body.joints[JOINTS.index(name)]
    assert found is not None
    return found


def colours(picture: Image.Image) -> set[tuple[int, int, int]]:
    return {tuple(map(int, one)) for one in np.asarray(picture).reshape(-1, 3)}


def test_every_map_is_the_one_that_was_looked_at() -> None:
    spec = importlib.util.spec_from_file_location("poses", ROOT / "benchmarks" / "poses.py")
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    with Image.open(page.SHEET) as opened:
        golden = opened.convert("RGB")
    for position, (name, body) in enumerate(NAMED_POSES.items()):
        left, top = page.corner(position)
        expected = golden.crop((left, top, left + page.SIDE_PX, top + page.SIDE_PX))
        drawn = draw_map([body], width=page.SIDE_PX, height=page.SIDE_PX)
        assert drawn.tobytes() == expected.tobytes(), name


@pytest.mark.parametrize("name", NAMED_POSES)
def test_every_pose_has_a_person_of_human_measures(name: str) -> None:
    body = NAMED_POSES[name]
    assert len(body.joints) == len(JOINTS)
    shoulders = [joint(body, f"{side} shoulder") for side in ("right", "left")]
    neck, hips = joint(body, "neck"), [joint(body, f"{side} hip") for side in ("right", "left")]
    assert neck == pytest.approx(np.mean(shoulders, axis=0), abs=2e-3)
    heads = [one for one in (body.joints[0], *body.joints[14:]) if one is not None]
    assert min(hip[1] for hip in hips) > neck[1] > max(one[1] for one in heads)
    trunk = np.linalg.norm(np.mean(hips, axis=0) - neck)
    for side in ("right", "left"):
        limbs = [
            [joint(body, f"{side} {part}") for part in parts]
            for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
        ]
        for limb in limbs:
            for first, second in pairwise(limb):
                assert np.linalg.norm(np.subtract(first, second)) < 1.1 * trunk
    assert sum(one is not None for one in body.placed(SQUARE, SQUARE)) >= 8


def test_left_is_the_mirror_of_right() -> None:
    for name in ("three-quarter", "profile"):
        left, right = NAMED_POSES[f"{name} left"], NAMED_POSES[f"{name} right"]
        assert left.mirrored() == right or left == right.mirrored()
        assert joint(left, "nose")[0] < joint(left, "neck")[0]
        assert joint(right, "nose")[0] > joint(right, "neck")[0]
    facing, away = NAMED_POSES["front"], NAMED_POSES["from behind"]
    assert joint(facing, "right shoulder")[0] < 0.5 < joint(away, "right shoulder")[0]
    assert joint(NAMED_POSES["looking up"], "nose")[1] < joint(facing, "nose")[1]
    assert joint(NAMED_POSES["looking down"], "nose")[1] > joint(facing, "nose")[1]


@pytest.mark.parametrize(("width", "height"), [(128, 128), (128, 192), (192, 128), (64, 64), (768, 512)])
def test_map_keeps_its_measures_in_every_picture(width: int, height: int) -> None:
    body = NAMED_POSES["front"]
    picture = draw_map([body], width=width, height=height)
    assert picture.size == (width, height)
    shoulders = [body.placed(width, height)[JOINTS.index(f"{side} shoulder")] for side in ("right", "left")]
    assert shoulders[0] is not None
    assert shoulders[1] is not None
    assert shoulders[1][0] - shoulders[0][0] == pytest.approx(0.5 * min(width, height), abs=1)
    assert sum(one[0] for one in shoulders if one) / 2 == pytest.approx(width / 2, abs=1)


def test_tall_picture_shows_what_a_square_one_cuts_off() -> None:
    body = NAMED_POSES["front"]
    wrist = JOINTS.index("left wrist")
    assert body.placed(SQUARE, SQUARE)[wrist] is None
    assert body.placed(SQUARE, 2 * SQUARE)[wrist] is not None


def test_colours_are_those_of_openpose() -> None:
    body = NAMED_POSES["full body"]
    drawn = colours(draw_map([body], width=512, height=512))
    assert {(255, 0, 0), (255, 85, 0), (255, 0, 85)} <= drawn, "nose, neck and left ear"
    assert {(153, 0, 0), (0, 0, 153), (153, 0, 153)} <= drawn, "a limb has six tenths of the light"
    nobody = Body(joints=(None,) * len(JOINTS))
    assert colours(draw_map([nobody], width=8, height=8)) == {(0, 0, 0)}
    assert nobody.area == 0


def test_two_bodies_stand_in_one_map() -> None:
    left, right = NAMED_POSES["profile left"], NAMED_POSES["waving"]
    both = np.asarray(draw_map([left, right], width=SQUARE, height=SQUARE)).any(axis=2)
    first, second = (
        np.asarray(draw_map([body], width=SQUARE, height=SQUARE)).any(axis=2) for body in (left, right)
    )
    assert np.array_equal(both, first | second)
