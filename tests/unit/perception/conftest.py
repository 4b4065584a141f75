import pytest
import torch
from torch import Tensor

from synid_engine.perception import AlignedFaceEncoder, RegressionFaceDetector
from synid_engine.perception.networks import LandmarkNet, ResidualEmbedder


def warmed(network: torch.nn.Module, side: int) -> torch.nn.Module:
    """Give batch norms the statistics of a few random pictures."""
    with torch.no_grad():
        for _ in range(8):
            network(torch.rand(16, 3, side, side))
    return network.eval().requires_grad_(requires_grad=False)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(3)


@pytest.fixture
def pictures() -> Tensor:
    """Smooth random pictures, so that neighbouring pixels have something to do with each other."""
    coarse = torch.rand(3, 3, 10, 10)
    return torch.nn.functional.interpolate(coarse, size=(160, 160), mode="bilinear", align_corners=False)


@pytest.fixture(scope="session")
def landmark_net() -> torch.nn.Module:
    torch.manual_seed(5)
    return warmed(LandmarkNet(), 64)


@pytest.fixture(scope="session")
def embedder() -> torch.nn.Module:
    torch.manual_seed(6)
    return warmed(ResidualEmbedder(), 96)


@pytest.fixture
def encoder(landmark_net: torch.nn.Module, embedder: torch.nn.Module) -> AlignedFaceEncoder:
    return AlignedFaceEncoder(network=embedder, detector=RegressionFaceDetector(network=landmark_net))
