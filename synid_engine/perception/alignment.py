"""Bringing a face to its place: a similarity transform from five landmarks, and a differentiable crop.

Knows nothing about networks.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor

CROP_SIZE = 96
_SOURCE_SIZE = 128  # pictures are reduced to this side first, so that the crop does not skip pixels
# Eyes, nose and mouth corners as parts of the crop's side: the face fills two fifths, hair and collar fit in.
_TEMPLATE = ((0.388, 0.4375), (0.612, 0.4375), (0.5, 0.5083), (0.427, 0.594), (0.573, 0.594))
ARCFACE_SIZE = 112
# The places of the same points for recognisers of the ArcFace family, in pixels of their crop.
_ARCFACE_TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
_MOST_SAMPLES = 8  # along each side of a crop's pixel: enough for a face that is 900 pixels wide


def pad_to_square(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 side side"]:
    """Add grey at the right or the lower edge; pixel coordinates keep their meaning."""
    height, width = images.shape[-2:]
    side = max(height, width)
    return F.pad(images, (0, side - width, 0, side - height), value=0.5)


def resize_square(images: Float[Tensor, "batch 3 side side"], *, side: int) -> Float[Tensor, "batch 3 h w"]:
    """Average pixels on the way down, interpolate on the way up."""
    if images.shape[-1] == side:
        return images
    if images.shape[-1] > side:
        return F.interpolate(images, size=(side, side), mode="area")
    return F.interpolate(images, size=(side, side), mode="bilinear", align_corners=False)


def align_faces(
    images: Float[Tensor, "batch 3 height width"],
    landmarks: Float[Tensor, "batch 5 2"],
    *,
    size: int = CROP_SIZE,
) -> Float[Tensor, "batch 3 size size"]:
    """Cut the faces out, upright and of one size, with hair and collar around them.

    Args:
        images: Pictures in 0..1; gradients flow to them.
        landmarks: Pixels; gradients flow to them, too.
        size: Side of the crops in pixels.

    Returns:
        Crops in 0..1; grey where a crop leaves its picture.
    """
    square = pad_to_square(images)
    reduced = resize_square(square, side=min(square.shape[-1], _SOURCE_SIZE))
    unit = landmarks.to(images) / square.shape[-1]  # (batch, 5, 2)
    grid = F.affine_grid(similarity_transform(unit), [images.shape[0], 3, size, size], align_corners=False)
    return (
        F.grid_sample(reduced - 0.5, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + 0.5
    )


def align_to_arcface(
    images: Float[Tensor, "batch 3 height width"], landmarks: Float[Tensor, "batch 5 2"]
) -> Float[Tensor, "batch 3 112 112"]:
    """Cut the faces out as recognisers of the ArcFace family want them, features in fixed places.

    A face that is larger than the crop is averaged down, so each of its pixels counts and gets a gradient.

    Args:
        images: Pictures in 0..1, any side; gradients flow to them.
        landmarks: Pixels, where pixel i reaches from i to i + 1; gradients flow to them, too.

    Returns:
        Crops in 0..1; black where a crop leaves its picture.

    Source: Deng et al. 2019, ArcFace; the template of insightface's `face_align`.
    Deviation: insightface takes one bilinear sample a pixel, however large the face is.
    """
    template = torch.tensor(_ARCFACE_TEMPLATE, dtype=landmarks.dtype, device=landmarks.device) + 0.5
    rotation, shift = fit_similarity(template, landmarks)
    rows = zip(images, rotation, shift, strict=True)
    return torch.cat([_sample(picture[None], turn, move) for picture, turn, move in rows])


def _sample(
    picture: Float[Tensor, "1 3 height width"], rotation: Float[Tensor, "2 2"], shift: Float[Tensor, "2"]
) -> Float[Tensor, "1 3 112 112"]:
    """Read one crop, as many samples a pixel as the face is larger than the crop."""
    scale = float(rotation.detach()[0].square().sum().sqrt())
    count = min(_MOST_SAMPLES, max(1, round(scale)))
    steps = torch.arange(ARCFACE_SIZE * count, dtype=rotation.dtype, device=rotation.device)
    places = torch.stack(torch.meshgrid((steps + 0.5) / count, (steps + 0.5) / count, indexing="xy"), dim=-1)
    points = places @ rotation.T + shift  # (side, side, 2), pixels of the picture
    size = torch.tensor(picture.shape[:1:-1], dtype=points.dtype, device=points.device)
    grid = (points / size * 2 - 1)[None].to(picture)
    sampled = F.grid_sample(picture, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(sampled, count) if count > 1 else sampled


def similarity_transform(landmarks: Float[Tensor, "batch 5 2"]) -> Float[Tensor, "batch 2 3"]:
    """Fit rotation, scale and shift from the template to the landmarks, by least squares.

    Args:
        landmarks: As parts of the picture's side.

    Returns:
        The map from the crop's coordinates to the picture's, both -1..1, as `affine_grid` wants it.
    """
    template = torch.tensor(_TEMPLATE, dtype=landmarks.dtype, device=landmarks.device) * 2 - 1
    rotation, shift = fit_similarity(template, landmarks * 2 - 1)
    return torch.cat([rotation, shift[..., None]], dim=2)


def fit_similarity(
    template: Float[Tensor, "5 2"], target: Float[Tensor, "batch 5 2"]
) -> tuple[Float[Tensor, "batch 2 2"], Float[Tensor, "batch 2"]]:
    """Return the scaled rotations and the shifts that bring a template nearest to each target."""
    origin, center = template.mean(dim=0), target.mean(dim=1)
    source, moved = template - origin, target - center[:, None]
    power = source.square().sum()
    cosine = (moved * source).sum(dim=(1, 2)) / power  # (batch,)
    sine = (moved[..., 1] * source[:, 0] - moved[..., 0] * source[:, 1]).sum(dim=1) / power
    rotation = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    return rotation, center - (rotation @ origin[:, None])[..., 0]
