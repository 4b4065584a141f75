"""Poses read from pictures: what is done with what a detector finds, and the detectors of controlnet_aux."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from synid_engine.errors import DamagedModelError, NobodyFoundError, NoPoseEstimatorError
from synid_engine.pose.body import JOINTS, Body, largest_first
from synid_engine.pose.estimator import (
    DwposeEstimator,
    OpenposeEstimator,
    PoseEstimator,
    load_pose_estimator,
    read_bodies,
)
from synid_engine.pose.estimator_folder import DWPOSE_WEIGHTS, OPENPOSE_WEIGHTS, can_estimate
from synid_engine.pose.library import NAMED_POSES
from synid_engine.pose.skeleton_map import draw_map

PICTURE = Image.new("RGB", (200, 100), "grey")
REAL = pytest.mark.skipif(find_spec("controlnet_aux") is None, reason="needs controlnet_aux (extra sd15)")
# What the package and those below it say of themselves while they are imported or used.
GRUMBLES = pytest.mark.filterwarnings("ignore")


class Found:
    """A detector of controlnet_aux that has found these people; notes what it was shown."""

    def __init__(self, *people: tuple[tuple[float, float] | None, ...]) -> None:
        self.people = people
        self.shown: list[np.ndarray] = []

    def detect_poses(self, pixels: np.ndarray) -> list[SimpleNamespace]:
        self.shown.append(pixels)
        return [
            SimpleNamespace(
                body=SimpleNamespace(
                    keypoints=[None if one is None else SimpleNamespace(x=one[0], y=one[1]) for one in person]
                )
            )
            for person in self.people
        ]

    def pose_estimation(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return whole bodies in pixels and how sure they are, as DWPose does."""
        self.shown.append(pixels)
        height, width = pixels.shape[:2]
        joints = np.zeros((len(self.people), 134, 2))
        scores = np.zeros((len(self.people), 134))
        for number, person in enumerate(self.people):
            for place, one in enumerate(person):
                if one is not None:
                    joints[number, place] = one[0] * width, one[1] * height
                    scores[number, place] = 0.9
        return joints, scores


def small(body: Body) -> tuple[tuple[float, float] | None, ...]:
    return tuple(None if one is None else (one[0] / 2, one[1] / 2) for one in body.joints)


@pytest.mark.parametrize("kind", [OpenposeEstimator, DwposeEstimator])
def test_several_people_come_the_largest_first(
    kind: type[OpenposeEstimator | DwposeEstimator], tmp_path: Path
) -> None:
    front, waving = NAMED_POSES["front"].joints, NAMED_POSES["waving"]
    estimator = kind(tmp_path, device="cpu")
    detector = estimator._detector = Found(small(waving), front, (None,) * len(JOINTS))
    bodies = estimator.find_bodies(PICTURE)
    assert len(bodies) == 2, "nobody is where nothing is known"
    for found, expected in zip(bodies, (front, small(waving)), strict=True):
        assert found.aspect == 2.0
        for got, wanted in zip(found.joints, expected, strict=True):
            assert (got is None) == (wanted is None)
            assert got is None or got == pytest.approx(wanted)
    assert read_bodies(estimator, PICTURE) == bodies
    assert min(detector.shown[0].shape[:2]) == 512
    assert detector.shown[0].dtype == np.uint8


@pytest.mark.parametrize("kind", [OpenposeEstimator, DwposeEstimator])
def test_nobody_is_an_error_and_no_black_map(
    kind: type[OpenposeEstimator | DwposeEstimator], tmp_path: Path
) -> None:
    estimator = kind(tmp_path, device="cpu")
    estimator._detector = Found()
    assert isinstance(estimator, PoseEstimator)
    with pytest.raises(NobodyFoundError):
        read_bodies(estimator, PICTURE)


def body_of(**places: tuple[float, float]) -> Body:
    return Body(joints=tuple(places.get(name.replace(" ", "_")) for name in JOINTS))


def is_black(body: Body) -> bool:
    return draw_map([body], width=512, height=512).getextrema() == ((0, 0),) * 3


def test_people_of_whom_no_limb_is_seen_are_nobody() -> None:
    outside = body_of(right_wrist=(1.02, 0.5), right_elbow=(1.1, 0.9))
    assert outside.has_limb is False
    assert is_black(outside)
    scattered = body_of(right_wrist=(0.2, 0.2), left_ankle=(0.8, 0.9))
    leaving = body_of(right_wrist=(0.9, 0.5), right_elbow=(1.1, 0.9))
    assert largest_first([outside, scattered, leaving]) == []


def test_limb_that_stands_upright_is_somebody() -> None:
    upright = body_of(nose=(0.5, 0.1), neck=(0.5, 0.3))
    assert largest_first([upright]) == [upright]
    assert not is_black(upright)


def test_what_is_outside_of_the_picture_makes_nobody_larger() -> None:
    shoulders = {"neck": (0.5, 0.5), "right_shoulder": (0.4, 0.6)}
    near, far = body_of(**shoulders, left_shoulder=(0.7, 0.6)), body_of(**shoulders, left_ankle=(0.9, 3.0))
    assert largest_first([far, near]) == [near, far]


@pytest.mark.parametrize("kind", [OpenposeEstimator, DwposeEstimator])
def test_photo_is_looked_at_the_right_way_up(
    kind: type[OpenposeEstimator | DwposeEstimator], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    PICTURE.save(tmp_path / "photo.jpg", exif=exif)
    estimator = kind(tmp_path, device="cpu")
    estimator._detector = Found(NAMED_POSES["front"].joints)
    with Image.open(tmp_path / "photo.jpg") as photo:
        assert read_bodies(estimator, photo)[0].aspect == 0.5
    assert PICTURE.width == 2 * PICTURE.height


def test_folder_says_which_estimator_there_is(tmp_path: Path) -> None:
    assert load_pose_estimator(tmp_path / "none", device="cpu") is None
    assert not can_estimate(tmp_path)
    for name in DWPOSE_WEIGHTS:
        (tmp_path / name).write_bytes(b"")
    assert isinstance(load_pose_estimator(tmp_path, device="cpu"), DwposeEstimator)
    (tmp_path / OPENPOSE_WEIGHTS).write_bytes(b"")
    assert isinstance(load_pose_estimator(tmp_path, device="cpu"), OpenposeEstimator)
    has_packages = find_spec("controlnet_aux") is not None and find_spec("torchvision") is not None
    assert can_estimate(tmp_path) == has_packages


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("controlnet_aux", "controlnet_aux.open_pose", "controlnet_aux.dwpose"):
        monkeypatch.setitem(sys.modules, name, None)
    for kind in (OpenposeEstimator, DwposeEstimator):
        with pytest.raises(NoPoseEstimatorError, match="controlnet_aux"):
            kind(tmp_path, device="cpu").find_bodies(PICTURE)


@REAL
@GRUMBLES
def test_maps_are_those_of_controlnet_aux() -> None:
    joint = importlib.import_module("controlnet_aux.open_pose.body").Keypoint
    draw_bodypose = importlib.import_module("controlnet_aux.open_pose.util").draw_bodypose

    for name, body in NAMED_POSES.items():
        for width, height in ((512, 512), (512, 704)):
            joints = [
                None if one is None else joint(one[0] / width, one[1] / height)
                for one in body.placed(width, height)
            ]
            theirs = draw_bodypose(np.zeros((height, width, 3), np.uint8), joints)
            ours = np.asarray(draw_map([body], width=width, height=height))
            lit = (theirs.any(axis=2) | ours.any(axis=2)).sum()
            assert (theirs != ours).any(axis=2).sum() / lit < 0.02, name


@REAL
@GRUMBLES
def test_openpose_runs_from_its_weights_and_finds_nobody_without_any(tmp_path: Path) -> None:
    bodypose_model = importlib.import_module("controlnet_aux.open_pose.model").bodypose_model

    with torch.device("meta"):
        weights = bodypose_model().state_dict()
    nothing = {name.partition(".")[2]: torch.zeros(()).expand(one.shape) for name, one in weights.items()}
    torch.save(nothing, tmp_path / OPENPOSE_WEIGHTS)
    estimator = load_pose_estimator(tmp_path, device="cpu")
    assert estimator is not None
    with pytest.raises(NobodyFoundError):
        read_bodies(estimator, Image.new("RGB", (96, 96), "grey"))
    (tmp_path / OPENPOSE_WEIGHTS).write_bytes(b"no weights")
    broken = load_pose_estimator(tmp_path, device="cpu")
    assert broken is not None
    with pytest.raises(DamagedModelError):
        broken.find_bodies(PICTURE)


@REAL
@GRUMBLES
def test_dwpose_without_its_packages_says_so(tmp_path: Path) -> None:
    if find_spec("mmpose") is not None:
        pytest.skip("they are installed")
    with pytest.raises(NoPoseEstimatorError):
        DwposeEstimator(tmp_path, device="cpu").find_bodies(PICTURE)
