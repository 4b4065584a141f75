"""The small convolutional networks behind detection, recognition and trait reading.

Each takes RGB pictures in 0..1 of one fixed size and normalises them itself.
Knows nothing about files.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from synid_engine.perception.alignment import align_faces


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, kernel: int = 3) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class ResidualBlock(nn.Module):
    """Two convolutions beside an identity path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvBlock(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, features: Float[Tensor, "batch width h w"]) -> Float[Tensor, "batch width h w"]:
        """Refine the features."""
        return F.relu(features + self.norm(self.second(self.first(features))))


class LandmarkNet(nn.Module):
    """Regresses one face: box, five landmarks, and whether there is a face at all."""

    def __init__(self, *, widths: tuple[int, int, int] = (24, 48, 64), hidden: int = 64) -> None:
        super().__init__()
        low, middle, high = widths
        self.input_size = 64
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2),
            ConvBlock(12, low),
            ConvBlock(low, middle, stride=2),
            ConvBlock(middle, middle),
            ConvBlock(middle, high, stride=2),
            ConvBlock(high, high),
            ConvBlock(high, 32, kernel=1),
            nn.Flatten(),
            nn.Linear(32 * 8 * 8, hidden),
            nn.ReLU(),
        )
        self.geometry = nn.Linear(hidden, 14)
        self.presence = nn.Linear(hidden, 1)

    def forward(self, pictures: Float[Tensor, "batch 3 64 64"]) -> Float[Tensor, "batch 15"]:
        """Return box (x0, y0, x1, y1), five (x, y), a presence logit; coordinates are parts of the side."""
        features = self.body(pictures * 2 - 1)
        return torch.cat([self.geometry(features) * 0.25 + 0.5, self.presence(features)], dim=1)


class ResidualEmbedder(nn.Module):
    """A recogniser with residual blocks, which reads its last map with one linear layer."""

    def __init__(self, *, widths: tuple[int, int, int] = (32, 64, 96), embed_dim: int = 128) -> None:
        super().__init__()
        low, middle, high = widths
        self.input_size = 96
        self.body = nn.Sequential(
            nn.PixelUnshuffle(4),
            ConvBlock(48, low),
            ConvBlock(low, middle, stride=2),
            ResidualBlock(middle),
            ConvBlock(middle, high, stride=2),
            ResidualBlock(high),
            ConvBlock(high, 32, kernel=1),
            nn.Flatten(),
        )
        self.embed = nn.Linear(32 * 6 * 6, embed_dim, bias=False)
        self.norm = nn.BatchNorm1d(embed_dim)

    def forward(self, crops: Float[Tensor, "batch 3 96 96"]) -> Float[Tensor, "batch embed_dim"]:
        """Return unit vectors."""
        return F.normalize(self.norm(self.embed(self.body(crops * 2 - 1))), dim=1)


class PlainEmbedder(nn.Module):
    """A recogniser without shortcuts, which averages its maps within the cells of a coarse grid."""

    def __init__(self, *, widths: tuple[int, int, int] = (24, 48, 96), embed_dim: int = 128) -> None:
        super().__init__()
        low, middle, high = widths
        self.input_size = 96
        self.body = nn.Sequential(
            ConvBlock(3, 12, stride=2, kernel=5),
            ConvBlock(12, low, stride=2),
            ConvBlock(low, middle),
            ConvBlock(middle, middle, stride=2),
            ConvBlock(middle, high),
            ConvBlock(high, high, stride=2),
            nn.AvgPool2d(2),
            nn.Flatten(),
        )
        self.embed = nn.Linear(high * 3 * 3, embed_dim, bias=False)
        self.norm = nn.BatchNorm1d(embed_dim)

    def forward(self, crops: Float[Tensor, "batch 3 96 96"]) -> Float[Tensor, "batch embed_dim"]:
        """Return unit vectors."""
        return F.normalize(self.norm(self.embed(self.body(crops * 2 - 1))), dim=1)


def _summary(inputs: int, channels: int, *, side: int, outputs: int) -> tuple[nn.Module, ...]:
    """Return the layers that turn a last map into one vector: fewer channels, then all cells at once."""
    return (
        ConvBlock(inputs, channels, kernel=1),
        nn.Flatten(),
        nn.Linear(channels * side * side, outputs, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )


class TraitNet(nn.Module):
    """Looks at the whole picture, finds the face, and looks again at the aligned face.

    Scene, framing, tilt and style are read from the first look; what a face wears and shows from the second.
    """

    _WHOLE = ("style", "background", "framing", "tilt")

    def __init__(self, *, classes: Mapping[str, int], hidden: int = 128) -> None:
        super().__init__()
        self.input_size = 128
        self.whole = nn.Sequential(
            nn.AvgPool2d(2),
            nn.PixelUnshuffle(2),
            ConvBlock(12, 24),
            ConvBlock(24, 48, stride=2),
            ConvBlock(48, 64, stride=2),
            ConvBlock(64, 64),
            *_summary(64, 24, side=8, outputs=64),
        )
        self.points = nn.Linear(64, 10)
        self.face = nn.Sequential(
            nn.PixelUnshuffle(4),
            ConvBlock(48, 40),
            ConvBlock(40, 64, stride=2),
            ResidualBlock(64),
            ConvBlock(64, 80, stride=2),
            ResidualBlock(80),
            *_summary(80, 32, side=6, outputs=hidden),
        )
        width = {trait: 64 if trait in self._WHOLE else hidden for trait in classes}
        self.heads = nn.ModuleDict({t: nn.Linear(width[t], count) for t, count in classes.items()})

    def forward(self, pictures: Float[Tensor, "batch 3 128 128"]) -> dict[str, Float[Tensor, "batch values"]]:
        """Return logits for the values of each trait."""
        scene = self.look(pictures)
        return self.read(scene, self.look_closely(pictures, self.locate(scene)))

    def look(self, pictures: Float[Tensor, "batch 3 128 128"]) -> Float[Tensor, "batch scene"]:
        """Return features of the whole picture."""
        return self.whole(pictures * 2 - 1)

    def locate(self, scene: Float[Tensor, "batch scene"]) -> Float[Tensor, "batch 5 2"]:
        """Return five landmarks in pixels."""
        return (self.points(scene) * 0.25 + 0.5).view(-1, 5, 2) * self.input_size

    def look_closely(
        self, pictures: Float[Tensor, "batch 3 128 128"], landmarks: Float[Tensor, "batch 5 2"]
    ) -> Float[Tensor, "batch face"]:
        """Return features of the aligned face."""
        return self.face(align_faces(pictures, landmarks) * 2 - 1)

    def read(
        self, scene: Float[Tensor, "batch scene"], face: Float[Tensor, "batch face"]
    ) -> dict[str, Float[Tensor, "batch values"]]:
        """Return logits for the values of each trait."""
        return {trait: head(scene if trait in self._WHOLE else face) for trait, head in self.heads.items()}


class LatentReader(nn.Module):
    """Reads traits in latents: a teacher of the embedded denoiser, which no engine loads."""

    def __init__(
        self, *, classes: Mapping[str, int], latent_channels: int = 32, width: int = 96, hidden: int = 192
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(latent_channels, width),
            ResidualBlock(width),
            ResidualBlock(width),
            ConvBlock(width, 128, stride=2),
            ResidualBlock(128),
            *_summary(128, 48, side=8, outputs=hidden),
        )
        self.heads = nn.ModuleDict({trait: nn.Linear(hidden, count) for trait, count in classes.items()})

    def forward(self, latents: Float[Tensor, "batch channels 16 16"]) -> dict[str, Tensor]:
        """Return a logit a class for each trait."""
        features = self.body(latents)
        return {trait: head(features) for trait, head in self.heads.items()}
