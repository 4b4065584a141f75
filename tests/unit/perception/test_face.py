import pytest
import torch
from torch import Tensor, nn

from synid_engine.errors import InvalidSettingError, NoFaceFoundError
from synid_engine.perception import (
    AlignedFaceEncoder,
    DetectorConfig,
    FaceDetector,
    FaceEncoder,
    RegressionFaceDetector,
)


class BrightSpotNet(nn.Module):
    """Calls the bright pixels of a picture its face, and is sure when they are many."""

    def __init__(self) -> None:
        super().__init__()
        self.input_size = 64
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, pictures: Tensor) -> Tensor:
        rows: list[Tensor] = []
        for picture in pictures:
            mask = self._main_blob(picture.mean(dim=0) > 0.8)
            points = mask.nonzero().float().flip(1)
            if len(points) < 12:
                rows.append(torch.cat([torch.full((14,), 0.5), torch.tensor([-5.0])]))
                continue
            low, high = points.amin(dim=0) / 64, (points.amax(dim=0) + 1) / 64
            center = (low + high) / 2
            rows.append(torch.cat([low, high, center.repeat(5), torch.tensor([5.0])]))
        return torch.stack(rows) + self.bias

    @staticmethod
    def _main_blob(mask: Tensor) -> Tensor:
        """Keep the heavier half of the picture where there is something on either side."""
        left, right = mask.clone(), mask.clone()
        left[:, 32:] = False
        right[:, :32] = False
        apart = bool(left.any() and right.any() and not mask[:, 31:33].any())
        return (left if left.sum() >= right.sum() else right) if apart else mask


def with_spots(*spots: tuple[int, int, int]) -> Tensor:
    picture = torch.full((1, 3, 256, 256), 0.2)
    for x, y, side in spots:
        picture[..., y : y + side, x : x + side] = 1.0
    return picture


@pytest.fixture
def spots() -> RegressionFaceDetector:
    return RegressionFaceDetector(network=BrightSpotNet())


def test_implementations_keep_their_protocols(encoder: AlignedFaceEncoder) -> None:
    assert isinstance(encoder, FaceEncoder)
    assert isinstance(encoder.detector, FaceDetector)


def test_detection_speaks_in_pixels_of_the_picture(spots: RegressionFaceDetector) -> None:
    face = spots.detect(with_spots((40, 80, 100)))[0]
    torch.testing.assert_close(face.box, torch.tensor([40.0, 80.0, 140.0, 180.0]))
    torch.testing.assert_close(face.landmarks[2], torch.tensor([90.0, 130.0]))
    assert face.score > 0.9


def test_detection_in_a_wide_picture_keeps_its_pixels(spots: RegressionFaceDetector) -> None:
    picture = torch.full((1, 3, 128, 256), 0.2)
    picture[..., 20:80, 160:220] = 1.0
    torch.testing.assert_close(spots.detect(picture)[0].box, torch.tensor([160.0, 20.0, 220.0, 80.0]))


def test_picture_without_a_face_is_refused(spots: RegressionFaceDetector) -> None:
    both = torch.cat([with_spots((40, 80, 100)), with_spots()])
    with pytest.raises(NoFaceFoundError):
        spots.detect(both)


def test_search_in_a_picture_without_a_face_finds_nothing(spots: RegressionFaceDetector) -> None:
    assert spots.find_faces(with_spots()) == [[]]


def test_landmarks_never_refuse(spots: RegressionFaceDetector) -> None:
    assert spots.landmarks(with_spots()).shape == (1, 5, 2)


def test_largest_face_comes_first(spots: RegressionFaceDetector) -> None:
    faces = spots.find_faces(with_spots((20, 100, 44), (150, 90, 80)))[0]
    assert len(faces) == 2
    assert faces[0].area > faces[1].area
    torch.testing.assert_close(faces[0].box, torch.tensor([150.0, 90.0, 230.0, 170.0]), atol=5, rtol=0)
    torch.testing.assert_close(faces[1].box, torch.tensor([20.0, 100.0, 64.0, 144.0]), atol=5, rtol=0)


def test_one_face_is_found_once(spots: RegressionFaceDetector) -> None:
    assert len(spots.find_faces(with_spots((80, 80, 90)))[0]) == 1


@pytest.mark.parametrize("setting", [{"min_score": 0.0}, {"min_overlap": 1.5}])
def test_threshold_outside_its_range_is_refused(setting: dict[str, float]) -> None:
    with pytest.raises(InvalidSettingError):
        DetectorConfig(**setting)  # pyright: ignore[reportArgumentType]


def test_embeddings_have_unit_length(encoder: AlignedFaceEncoder, pictures: Tensor) -> None:
    torch.testing.assert_close(encoder.face_embeds(pictures).norm(dim=1), torch.ones(len(pictures)))


def test_gradient_of_an_embedding_reaches_the_picture(encoder: AlignedFaceEncoder, pictures: Tensor) -> None:
    leaf = pictures.clone().requires_grad_()
    target = torch.nn.functional.normalize(torch.randn(128), dim=0)
    (encoder.face_embeds(leaf) @ target).sum().backward()
    assert leaf.grad is not None
    assert all(bool(row.abs().sum() > 0) for row in leaf.grad)


def test_swapped_channels_change_the_embedding(encoder: AlignedFaceEncoder, pictures: Tensor) -> None:
    landmarks = encoder.detector.landmarks(pictures)
    rgb = encoder.face_embeds(pictures, landmarks=landmarks)
    bgr = encoder.face_embeds(pictures.flip(1), landmarks=landmarks)
    assert (rgb - bgr).norm(dim=1).min() > 1e-2


def test_own_landmarks_are_used(encoder: AlignedFaceEncoder, pictures: Tensor) -> None:
    landmarks = encoder.detector.landmarks(pictures)
    moved = encoder.face_embeds(pictures, landmarks=landmarks + 25)
    assert not torch.allclose(encoder.face_embeds(pictures), moved, atol=1e-3)


def test_an_embedding_does_not_depend_on_its_neighbours(
    encoder: AlignedFaceEncoder, pictures: Tensor
) -> None:
    alone = encoder.face_embeds(pictures[1:2])
    torch.testing.assert_close(encoder.face_embeds(pictures)[1:2], alone, atol=1e-5, rtol=0)


def test_short_pictures_are_read_in_full_precision(encoder: AlignedFaceEncoder, pictures: Tensor) -> None:
    assert encoder.face_embeds(pictures.bfloat16()).dtype == torch.float32
