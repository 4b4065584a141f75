import math

import torch
from torch import Tensor

from synid_engine.perception.alignment import align_faces, pad_to_square, resize_square, similarity_transform

# Where the template lies in a picture of 96 pixels whose crop is the picture itself.
TEMPLATE = torch.tensor([(0.388, 0.4375), (0.612, 0.4375), (0.5, 0.5083), (0.427, 0.594), (0.573, 0.594)])


def turned(points: Tensor, *, scale: float, degrees: float, shift: tuple[float, float]) -> Tensor:
    angle = math.radians(degrees)
    rotation = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return scale * (points - 0.5) @ rotation.T + 0.5 + torch.tensor(shift)


def test_landmarks_on_the_template_leave_the_picture_as_it_is() -> None:
    picture = torch.rand(1, 3, 96, 96)
    torch.testing.assert_close(align_faces(picture, TEMPLATE[None] * 96), picture, atol=1e-4, rtol=0)


def test_similarity_is_recovered_exactly() -> None:
    points = turned(TEMPLATE, scale=0.7, degrees=12, shift=(0.1, -0.05))
    theta = similarity_transform(points[None])[0]
    expected = 0.7 * math.cos(math.radians(12)), 0.7 * math.sin(math.radians(12))
    torch.testing.assert_close(theta[0, 0], torch.tensor(expected[0]))
    torch.testing.assert_close(theta[1, 0], torch.tensor(expected[1]))
    mapped = (TEMPLATE * 2 - 1) @ theta[:, :2].T + theta[:, 2]
    torch.testing.assert_close((mapped + 1) / 2, points)


def test_moved_landmarks_bring_a_moved_dot_to_the_same_place() -> None:
    pictures = torch.zeros(2, 3, 128, 128)
    nose = TEMPLATE[2] * 128
    moved = nose + torch.tensor([24.0, -16.0])
    for picture, (x, y) in zip(pictures, (nose.tolist(), moved.tolist()), strict=True):
        picture[:, int(y) - 2 : int(y) + 2, int(x) - 2 : int(x) + 2] = 1
    landmarks = torch.stack([TEMPLATE * 128, TEMPLATE * 128 + torch.tensor([24.0, -16.0])])
    crops = align_faces(pictures, landmarks)
    assert crops[0].mean(dim=0).argmax() == crops[1].mean(dim=0).argmax()


def test_gradient_of_the_crop_reaches_pixels_and_landmarks() -> None:
    picture = torch.rand(1, 3, 200, 160, requires_grad=True)
    landmarks = (TEMPLATE[None] * 150).requires_grad_()
    align_faces(picture, landmarks).square().mean().backward()
    assert picture.grad is not None
    assert landmarks.grad is not None
    assert picture.grad.abs().sum() > 0
    assert landmarks.grad.abs().sum() > 0


def test_a_crop_beyond_the_picture_is_grey() -> None:
    picture = torch.ones(1, 3, 96, 96)
    far = TEMPLATE[None] * 96 + 400
    torch.testing.assert_close(align_faces(picture, far), torch.full((1, 3, 96, 96), 0.5))


def test_padding_keeps_pixel_coordinates() -> None:
    wide = torch.rand(1, 3, 40, 64)
    square = pad_to_square(wide)
    assert square.shape == (1, 3, 64, 64)
    torch.testing.assert_close(square[:, :, :40], wide)


def test_resizing_down_averages() -> None:
    torch.testing.assert_close(resize_square(torch.rand(1, 3, 8, 8), side=8).shape, torch.Size([1, 3, 8, 8]))
    checker = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    small = resize_square(checker.float().expand(1, 3, 8, 8), side=4)
    torch.testing.assert_close(small, torch.full((1, 3, 4, 4), 0.5))
