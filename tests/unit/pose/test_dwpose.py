"""DWPose's two graphs in onnxruntime: small ones that see colours, so that what they find is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from synid_engine.errors import (
    DamagedModelError,
    InvalidSettingError,
    MissingModelError,
    NobodyFoundError,
    UnsupportedModelError,
)
from synid_engine.pose.body import JOINTS, Body
from synid_engine.pose.dwpose import OnnxDwposeEstimator
from synid_engine.pose.estimator import PoseEstimator, load_pose_estimator, read_bodies
from synid_engine.pose.estimator_folder import DWPOSE_ONNX, DWPOSE_WEIGHTS, OPENPOSE_WEIGHTS, can_estimate
from synid_engine.pose.joint_reader import JointReader, WholeBody, as_openpose
from synid_engine.pose.person_finder import FinderConfig, PersonFinder
from synid_engine.runtime.onnx_file import OnnxFile

from ...onnx_models import Graph  # noqa: TID252  (tests are no package)
from ...pose_models import (  # noqa: TID252
    BLUE,
    FINDER_SIZE,
    READER_SIZE,
    RED,
    save_small_dwpose,
    save_small_yolox,
)

CPU = torch.device("cpu")
HALF, FULL = (0, 128, 0), (0, 255, 0)
LEFT, RIGHT = (0, 0, 255), (255, 0, 0)
FINDER, READER = DWPOSE_ONNX


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pose_estimator")
    save_small_yolox(made / FINDER)
    save_small_dwpose(made / READER, unsure=(15, 16))
    return made


@pytest.fixture(scope="module")
def finder(folder: Path) -> PersonFinder:
    return PersonFinder(OnnxFile(folder / FINDER), device=CPU)


@pytest.fixture(scope="module")
def reader(folder: Path) -> JointReader:
    return JointReader(OnnxFile(folder / READER), device=CPU)


Colour = tuple[int, int, int]
Mark = tuple[tuple[int, int, int, int], Colour]


def painted(size: tuple[int, int], *marks: Mark) -> Image.Image:
    """Paint boxes, given by their corners, on black."""
    picture = Image.new("RGB", size)
    canvas = ImageDraw.Draw(picture)
    for (x0, y0, x1, y1), colour in marks:
        canvas.rectangle((x0, y0, x1 - 1, y1 - 1), fill=colour)
    return picture


def dot(x: int, y: int, colour: Colour, *, reach: int = 3) -> Mark:
    return (x - reach, y - reach, x + reach, y + reach), colour


def place_of(body: Body, name: str, size: tuple[int, int]) -> tuple[float, float]:
    joint = body.joints[JOINTS.index(name)]
    assert joint is not None
    return joint[0] * size[0], joint[1] * size[1]


def test_one_person_of_a_tall_picture_is_found_with_joints_in_their_places(
    folder: Path, finder: PersonFinder
) -> None:
    size = (120, 160)  # 0.4 of it fits; the right half of the graph's picture is grey
    picture = painted(size, ((0, 80, 80, 160), HALF), dot(30, 110, RIGHT), dot(60, 130, LEFT))
    assert finder.find(picture) == pytest.approx(np.array([[0, 40, 80, 160]]), abs=1e-3)
    body = read_bodies(OnnxDwposeEstimator(folder, device="cpu"), picture)[0]
    assert body.aspect == 0.75
    assert place_of(body, "right wrist", size) == pytest.approx((30, 110), abs=3)
    assert place_of(body, "nose", size) == pytest.approx((30, 110), abs=3)
    assert place_of(body, "left wrist", size) == pytest.approx((60, 130), abs=3)
    assert place_of(body, "neck", size) == pytest.approx((45, 120), abs=3), "the middle of the shoulders"
    for name, joint in zip(JOINTS, body.joints, strict=True):
        assert (joint is None) == name.endswith("ankle"), "who is unsure is not there"


def test_two_people_come_the_largest_first(folder: Path, finder: PersonFinder) -> None:
    size = (480, 320)
    picture = painted(
        size,
        ((320, 80, 400, 160), FULL),
        ((0, 0, 160, 160), HALF),
        dot(350, 110, RIGHT),
        dot(370, 130, LEFT),
        dot(40, 60, LEFT, reach=6),
        dot(120, 150, RIGHT, reach=6),
    )
    assert sorted(finder.find(picture).tolist()) == [
        pytest.approx([0, 0, 160, 240], abs=1e-3),
        pytest.approx([320, 40, 400, 200], abs=1e-3),
    ]
    large, small = OnnxDwposeEstimator(folder, device="cpu").find_bodies(picture)
    assert large.area > 4 * small.area
    assert place_of(large, "left wrist", size) == pytest.approx((40, 60), abs=8)
    assert place_of(large, "right wrist", size) == pytest.approx((120, 150), abs=8)
    assert place_of(small, "right wrist", size) == pytest.approx((350, 110), abs=5)
    assert place_of(small, "left wrist", size) == pytest.approx((370, 130), abs=5)


def test_person_at_the_border_has_joints_where_they_are(folder: Path) -> None:
    size = (240, 160)
    for mirrored in (False, True):
        picture = painted(size, ((160, 0, 240, 80), HALF), dot(235, 10, RIGHT), dot(190, 60, LEFT))
        if mirrored:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        body = read_bodies(OnnxDwposeEstimator(folder, device="cpu"), picture)[0]
        at = [(size[0] - x if mirrored else x, y) for x, y in ((235, 10), (190, 60))]
        assert place_of(body, "right wrist", size) == pytest.approx(at[0], abs=4)
        assert place_of(body, "left wrist", size) == pytest.approx(at[1], abs=4)


def test_nobody_is_an_error_and_not_the_whole_picture(folder: Path) -> None:
    estimator = OnnxDwposeEstimator(folder, device="cpu")
    assert isinstance(estimator, PoseEstimator)
    for colour in ((0, 0, 0), (114, 114, 114), (255, 255, 255), LEFT, RIGHT):
        with pytest.raises(NobodyFoundError):
            read_bodies(estimator, Image.new("RGB", (100, 70), colour))


def test_what_is_surely_something_else_is_nobody(finder: PersonFinder) -> None:
    assert not len(finder.find(painted((96, 64), ((32, 0, 64, 32), (0, 191, 0)))))


def test_finder_is_given_bgr(tmp_path: Path) -> None:
    red, blue = (painted((96, 64), ((32, 0, 64, 32), colour)) for colour in ((128, 0, 0), (0, 0, 128)))
    for channel, seen, unseen in ((RED, red, blue), (BLUE, blue, red)):
        finder = PersonFinder(OnnxFile(save_small_yolox(tmp_path / FINDER, colour=channel)), device=CPU)
        assert len(finder.find(seen)) == 1
        assert not len(finder.find(unseen))


def test_cells_of_one_person_are_one_box(folder: Path) -> None:
    """Two cells of 32 pixels above each other have boxes that share a third of their union."""
    picture = painted((96, 64), ((32, 0, 64, 64), HALF))
    found = {
        overlap: PersonFinder(
            OnnxFile(folder / FINDER), device=CPU, config=FinderConfig(max_overlap=overlap)
        ).find(picture)
        for overlap in (0.45, 0.55)
    }
    assert {overlap: len(boxes) for overlap, boxes in found.items()} == {0.45: 1, 0.55: 2}
    with pytest.raises(InvalidSettingError):
        FinderConfig(min_score=0.0)


def test_reader_is_given_normalised_rgb(reader: JointReader) -> None:
    picture = painted((36, 48), ((0, 0, 36, 48), (200, 0, 40)))
    found = reader.read(picture, np.array((4, 5, 32, 43), np.float32))
    assert found.scores[0] == pytest.approx((200 - 123.675) / 58.395, rel=1e-4)
    assert found.scores[1] == pytest.approx((40 - 103.53) / 57.375, rel=1e-4)


@pytest.mark.parametrize("box", [(100, 100, 130, 180), (60, 100, 180, 120)])
def test_crop_is_a_quarter_larger_than_the_box_and_not_distorted(
    reader: JointReader, box: tuple[int, int, int, int]
) -> None:
    middle = np.array((box[0] + box[2], box[1] + box[3])) / 2
    width = max(box[2] - box[0], (box[3] - box[1]) * 0.75) * 1.25
    reach = np.array((width / 2, width / 0.75 / 2))
    for axis in (0, 1):
        for share, is_seen in ((0.9, True), (1.1, False)):
            x, y = (middle + np.eye(2)[axis] * reach * share).round().astype(int)
            picture = painted((300, 300), dot(int(x), int(y), RIGHT, reach=round(width / 36)))
            found = reader.read(picture, np.array(box, np.float32))
            assert (found.scores[0] > 0.3) == is_seen
            if is_seen:
                assert found.joints[0] == pytest.approx((x, y), abs=width / 24)


def test_joints_come_in_openpose_s_order() -> None:
    places = np.stack([np.arange(133), 2 * np.arange(133)], axis=1).astype(np.float32)
    found = WholeBody(joints=places, scores=np.ones(133, np.float32))
    joints = as_openpose(found, (1, 2), min_score=0.3)
    coco = {
        "nose": 0, "neck": 5.5,
        "left eye": 1, "right eye": 2, "left ear": 3, "right ear": 4,
        "left shoulder": 5, "right shoulder": 6, "left elbow": 7, "right elbow": 8,
        "left wrist": 9, "right wrist": 10, "left hip": 11, "right hip": 12,
        "left knee": 13, "right knee": 14, "left ankle": 15, "right ankle": 16,
    }  # fmt: skip
    assert joints == tuple((coco[name], coco[name]) for name in JOINTS)


@pytest.mark.parametrize("shoulder", [5, 6])
def test_neck_needs_both_shoulders(shoulder: int) -> None:
    scores = np.full(133, 0.31, np.float32)
    scores[shoulder] = 0.3
    joints = as_openpose(
        WholeBody(joints=np.ones((133, 2), np.float32), scores=scores), (10, 10), min_score=0.3
    )
    missing = {name for name, joint in zip(JOINTS, joints, strict=True) if joint is None}
    assert missing == {"neck", "left shoulder" if shoulder == 5 else "right shoulder"}


def test_folder_with_onnx_files_is_read_with_them(folder: Path, tmp_path: Path) -> None:
    assert can_estimate(folder)
    assert isinstance(load_pose_estimator(folder, device="cpu"), OnnxDwposeEstimator)
    for name in (*DWPOSE_WEIGHTS, FINDER):
        (tmp_path / name).write_bytes(b"")
    assert isinstance(load_pose_estimator(tmp_path, device="cpu"), OnnxDwposeEstimator)
    (tmp_path / OPENPOSE_WEIGHTS).write_bytes(b"")
    assert not isinstance(load_pose_estimator(tmp_path, device="cpu"), OnnxDwposeEstimator)


def test_missing_or_damaged_file_is_named_at_the_first_picture(tmp_path: Path) -> None:
    picture = Image.new("RGB", (96, 64))
    save_small_yolox(tmp_path / FINDER)
    with pytest.raises(MissingModelError) as missing:
        OnnxDwposeEstimator(tmp_path, device="cpu").find_bodies(picture)
    assert missing.value.part == READER
    (tmp_path / READER).write_bytes(b"\xff" * 64)
    with pytest.raises(DamagedModelError) as damaged:
        OnnxDwposeEstimator(tmp_path, device="cpu").find_bodies(picture)
    assert damaged.value.part == READER


def test_graphs_of_another_form_are_refused(tmp_path: Path) -> None:
    picture = Image.new("RGB", (96, 64))
    with pytest.raises(UnsupportedModelError, match="an output of"):
        PersonFinder(OnnxFile(_with_sides(tmp_path, (64, 96), "output")), device=CPU).find(picture)
    save_small_dwpose(tmp_path / READER, joints=17)
    with pytest.raises(UnsupportedModelError, match="joints"):
        JointReader(OnnxFile(tmp_path / READER), device=CPU).read(picture, np.float32([0, 0, 9, 9]))
    with pytest.raises(UnsupportedModelError, match="2 outputs"):
        PersonFinder(OnnxFile(_with_sides(tmp_path, (64, 96))), device=CPU)
    with pytest.raises(UnsupportedModelError, match="an input of"):
        JointReader(OnnxFile(_with_sides(tmp_path, ("height", 96))), device=CPU)
    with pytest.raises(UnsupportedModelError, match="an input of"):
        PersonFinder(OnnxFile(_with_sides(tmp_path, (65, 96))), device=CPU)


def _with_sides(folder: Path, sides: tuple[object, object], *outputs: str) -> Path:
    graph = Graph(0)
    values = graph.add("Relu", "input.1")
    names = dict.fromkeys(outputs or ("simcc_x", "simcc_y"), values)
    return graph.save(folder / "other.onnx", shape=[1, 3, *sides], outputs=names)


def test_small_graphs_have_the_form_of_the_published_ones(folder: Path) -> None:
    found = OnnxFile(folder / FINDER)
    assert (found.input_name, found.outputs) == ("images", ("output",))
    assert found.input_shape == (1, 3, *FINDER_SIZE)
    read = OnnxFile(folder / READER)
    assert (read.input_name, read.outputs) == ("input", ("simcc_x", "simcc_y"))
    assert read.input_shape == (None, 3, *READER_SIZE)
