from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from synid_engine.errors import (
    FaceTooSmallError,
    InvalidSettingError,
    MissingModelError,
    NoFaceFoundError,
    UnsupportedModelError,
)
from synid_engine.perception import FaceDetector
from synid_engine.perception.grid_detector import GridConfig, GridFaceDetector
from synid_engine.perception.grid_networks import ScrfdNetwork
from synid_engine.perception.onnx_faces import load_pack_detector
from synid_engine.runtime.onnx_file import OnnxFile

from ...onnx_models import save_colour_scrfd, save_random_scrfd, save_small_arcface  # noqa: TID252

CPU = torch.device("cpu")
RED, GREEN, BLUE = range(3)
AS_IT_IS = GridConfig(sides=(640,), least_px=1)


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> ScrfdNetwork:
    path = save_colour_scrfd(tmp_path_factory.mktemp("pack") / "det_10g.onnx")
    return ScrfdNetwork(OnnxFile(path), device=CPU)


@pytest.fixture
def detector(colours: ScrfdNetwork) -> GridFaceDetector:
    return GridFaceDetector(network=colours, config=AS_IT_IS)


def with_cells(*cells: tuple[int, int, int, int], side: int = 640) -> Tensor:
    """Paint squares (x, y, side, colour) on black; the network sees them as whole cells."""
    picture = torch.zeros(1, 3, side, side)
    for x, y, size, colour in cells:
        picture[0, :, y : y + size, x : x + size] = 0
        picture[0, colour, y : y + size, x : x + size] = 1
    return picture


def test_detector_keeps_its_protocol(detector: GridFaceDetector) -> None:
    assert isinstance(detector, FaceDetector)


def test_cell_comes_back_in_pixels_of_the_picture(detector: GridFaceDetector) -> None:
    face = detector.detect(with_cells((320, 160, 32, GREEN)))[0]
    torch.testing.assert_close(face.box, torch.tensor([304.5, 144.5, 336.5, 176.5]))
    torch.testing.assert_close(face.landmarks[2], torch.tensor([336.5, 176.5]))
    assert face.score > 0.9


def test_colours_reach_the_network_as_it_was_trained(detector: GridFaceDetector) -> None:
    red, blue = with_cells((80, 80, 8, RED)), with_cells((80, 80, 8, BLUE))
    assert len(detector.find_faces(red)[0]) == 1
    assert detector.find_faces(blue) == [[]]


def test_largest_face_is_taken_and_not_the_surest(detector: GridFaceDetector) -> None:
    faces = detector.find_faces(with_cells((80, 80, 8, RED), (320, 160, 32, GREEN)))[0]
    assert [round(face.area) for face in faces] == [32 * 32, 8 * 8]
    assert faces[0].score < faces[1].score
    chosen = detector.detect(with_cells((80, 80, 8, RED), (320, 160, 32, GREEN)))[0]
    torch.testing.assert_close(chosen.box, faces[0].box)


def test_picture_of_another_size_keeps_its_pixels(detector: GridFaceDetector) -> None:
    wide = torch.zeros(1, 3, 640, 1280)
    wide[0, GREEN, 320:384, 640:704] = 1
    face = detector.detect(wide)[0]
    torch.testing.assert_close(face.box, torch.tensor([608.5, 288.5, 672.5, 352.5]), atol=0.1, rtol=0)


def test_face_at_two_sizes_is_found_once(colours: ScrfdNetwork) -> None:
    detector = GridFaceDetector(network=colours, config=GridConfig(sides=(640, 576), least_px=1))
    assert len(detector.find_faces(with_cells((320, 320, 32, GREEN)))[0]) == 1


def test_picture_without_a_face_is_refused_but_guessed_at(detector: GridFaceDetector) -> None:
    both = torch.cat([with_cells((320, 160, 32, GREEN)), with_cells()])
    with pytest.raises(NoFaceFoundError):
        detector.detect(both)
    assert detector.landmarks(both).shape == (2, 5, 2)
    torch.testing.assert_close(detector.landmarks(both)[0], detector.detect(both[:1])[0].landmarks)


def test_tiny_face_is_refused_with_its_size(colours: ScrfdNetwork) -> None:
    detector = GridFaceDetector(network=colours, config=GridConfig(sides=(640,), least_px=20))
    with pytest.raises(FaceTooSmallError) as refused:
        detector.detect(with_cells((80, 80, 8, RED)))
    assert (refused.value.side_px, refused.value.least_px) == (8, 20)
    assert len(detector.find_faces(with_cells((80, 80, 8, RED)))[0]) == 1


def test_small_pictures_are_not_enlarged_where_that_is_unwanted(colours: ScrfdNetwork) -> None:
    config = GridConfig(sides=(640,), may_enlarge=False, least_px=1)
    detector = GridFaceDetector(network=colours, config=config)
    small = with_cells((80, 80, 8, RED), side=320)
    assert len(detector.find_faces(small)[0]) == 1
    enlarged = GridFaceDetector(network=colours, config=AS_IT_IS).find_faces(small)[0]
    assert len(enlarged) == 4  # the square fills four cells


def test_boxes_and_landmarks_equal_those_of_insightface(tmp_path: Path) -> None:
    scrfd = pytest.importorskip("insightface.model_zoo.scrfd")
    path = save_random_scrfd(tmp_path / "det_10g.onnx")
    theirs = scrfd.SCRFD(str(path))
    theirs.prepare(-1, det_thresh=0.8, nms_thresh=0.999)
    picture = np.random.default_rng(1).integers(0, 256, (640, 640, 3), dtype=np.uint8)
    boxes, points = theirs.detect(picture[..., ::-1].copy(), input_size=(640, 640))
    config = GridConfig(min_score=0.8, max_overlap=0.999, sides=(640,))
    ours = GridFaceDetector(network=ScrfdNetwork(OnnxFile(path), device=CPU), config=config)
    faces = ours.find_faces(torch.as_tensor(picture).permute(2, 0, 1)[None] / 255)[0]
    faces.sort(key=lambda face: -face.score)
    assert len(faces) == len(boxes) > 20
    expected = torch.as_tensor(points) + 0.5  # insightface counts from the middle of the first pixel
    torch.testing.assert_close(torch.stack([one.landmarks for one in faces]), expected, atol=1e-2, rtol=0)
    found = torch.stack([one.box for one in faces])
    torch.testing.assert_close(found, (torch.as_tensor(boxes[:, :4]) + 0.5).clamp(0, 640), atol=1e-2, rtol=0)


def test_settings_outside_their_range_are_refused() -> None:
    for setting in ({"min_score": 0.0}, {"max_overlap": 1.0}, {"sides": ()}, {"sides": (100,)}):
        with pytest.raises(InvalidSettingError):
            GridConfig(**setting)


def test_pack_without_a_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError) as refused:
        load_pack_detector(tmp_path, device=CPU)
    assert "det_10g.onnx" in refused.value.part


def test_network_with_other_outputs_is_refused(tmp_path: Path) -> None:
    save_small_arcface(tmp_path / "det_10g.onnx")
    with pytest.raises(UnsupportedModelError):
        load_pack_detector(tmp_path, device=CPU)
