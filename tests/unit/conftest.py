"""Small random models that draw and judge, and settings that take a second."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from synid_engine.perception import AlignedFaceEncoder, RegressionFaceDetector
from synid_engine.perception.bundle import Perception
from synid_engine.perception.networks import LandmarkNet, ResidualEmbedder
from synid_engine.runtime import backbone as backbone_module
from synid_engine.runtime.backbone import Backbone
from synid_engine.synid import memory
from synid_engine.synid.adapter import AdapterConfig
from synid_engine.synid.bootstrap import BootstrapConfig
from synid_engine.synid.drawing import DrawConfig
from synid_engine.synid.drift import DriftConfig
from synid_engine.synid.ensemble import AnchorConfig
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.projector import ProjectorConfig
from synid_engine.synid.stage import StageModels
from synid_engine.synid.training import TrainingConfig
from synid_engine.synid.words import PlainIdentityWords


@dataclass(frozen=True, eq=False)
class SmallClip:
    """A random linear picture tower beside random, but repeatable, text vectors."""

    tower: nn.Module

    def image_embeds(self, images: Tensor) -> Tensor:
        small = functional.interpolate(images, size=(8, 8), mode="bilinear", align_corners=False)
        return functional.normalize(self.tower((small - 0.5).flatten(1)), dim=1)

    def text_embeds(self, texts: Sequence[str]) -> Tensor:
        rows = [
            torch.randn(16, generator=torch.Generator().manual_seed(sum(text.encode()))) for text in texts
        ]
        return functional.normalize(torch.stack(rows), dim=1)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load everything in float32, whatever this machine multiplies faster."""
    for module in (backbone_module, memory):
        monkeypatch.setattr(module, "choose_dtype", lambda _device: torch.float32)


def _warmed(network: nn.Module, side: int) -> nn.Module:
    with torch.no_grad():
        for _ in range(4):
            network(torch.rand(8, 3, side, side))
    return network.eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="session")
def perception() -> Perception:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        detector = RegressionFaceDetector(network=_warmed(LandmarkNet(), 64))
        face = AlignedFaceEncoder(network=_warmed(ResidualEmbedder(), 96), detector=detector)
        clip = SmallClip(nn.Linear(192, 16).requires_grad_(requires_grad=False))
    return Perception(clip=clip, detector=detector, face=face)


@pytest.fixture(scope="session")
def models(backbone: Backbone, perception: Perception) -> StageModels:
    return StageModels(backbone=backbone, perception=perception)


@pytest.fixture
def words() -> PlainIdentityWords:
    return PlainIdentityWords(description="a woman with red hair, wearing a blue hoodie")


@pytest.fixture(scope="session")
def training() -> TrainingConfig:
    return TrainingConfig(steps=2, batch_size=2, perception_every=2)


@pytest.fixture(scope="session")
def tiny_config(training: TrainingConfig) -> DistillConfig:
    draw = DrawConfig(num_inference_steps=2, guidance_scale=2.0)
    return DistillConfig(
        anchors=AnchorConfig(candidates=4, anchors=2, draw=draw),
        projector=ProjectorConfig(tokens=3, training=training),
        bootstrap=BootstrapConfig(
            scenes=("smiling", "angry, on a beach", "surprised"), accepted=2, draw=draw, training=training
        ),
        drift=DriftConfig(threshold=1.0, rounds=1, scenes=("smiling",), draw=draw, training=training),
        adapter=AdapterConfig(scenes=("angry",), draw=draw, training=training),
    )
