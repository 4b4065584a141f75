"""What the shipped perception models see in the drawn world."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from synid_engine.errors import NoFaceFoundError
from synid_engine.perception import (
    Perception,
    RegressionFaceDetector,
    load_face_detector,
    load_face_encoder,
    load_perception,
    load_trait_classifier,
)
from synid_engine.tiny.captions import caption
from synid_engine.tiny.world import Person, Shot, landmarks, render, sample_person, sample_shot

SHIPPED = Path(__file__).parents[3] / "synid_engine" / "tiny" / "weights"

pytestmark = pytest.mark.skipif(
    not (SHIPPED / "perception" / "clip" / "model.safetensors").exists()
    or not (SHIPPED / "evaluation" / "face_encoder" / "model.safetensors").exists(),
    reason="the weights are not built",
)


@pytest.fixture(scope="module")
def cast() -> list[tuple[Person, Shot]]:
    """Six people in two shots each."""
    rng = np.random.default_rng(909_090)
    people = [sample_person(rng) for _ in range(6)]
    return [(person, sample_shot(rng, person.style)) for person in people for _ in range(2)]


@pytest.fixture(scope="module")
def drawn(cast: list[tuple[Person, Shot]]) -> Tensor:
    stacked = np.stack([render(person, shot) for person, shot in cast])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def perception() -> Perception:
    return load_perception(SHIPPED / "perception", device="cpu")


@pytest.fixture(scope="module")
def detector() -> RegressionFaceDetector:
    return load_face_detector(SHIPPED / "perception" / "face_detector", device="cpu")


def test_landmarks_are_near_the_truth(
    detector: RegressionFaceDetector, cast: list[tuple[Person, Shot]], drawn: Tensor
) -> None:
    truth = torch.from_numpy(np.stack([landmarks(person, shot) for person, shot in cast]))
    assert (detector.landmarks(drawn) - truth).norm(dim=2).mean() / 256 < 0.02


def test_a_face_is_found_in_every_portrait(detector: RegressionFaceDetector, drawn: Tensor) -> None:
    assert all(face.score > 0.5 for face in detector.detect(drawn))


def test_no_face_is_found_on_a_wall(detector: RegressionFaceDetector) -> None:
    with pytest.raises(NoFaceFoundError):
        detector.detect(torch.full((1, 3, 256, 256), 0.7))


def test_two_people_side_by_side_are_both_found(detector: RegressionFaceDetector, drawn: Tensor) -> None:
    pair = torch.cat([drawn[0], drawn[4]], dim=2)[None]
    assert len(detector.find_faces(pair)[0]) == 2


@pytest.mark.parametrize("folder", ["perception", "evaluation"])
def test_recognisers_tell_people_apart(folder: str, detector: RegressionFaceDetector, drawn: Tensor) -> None:
    encoder = load_face_encoder(SHIPPED / folder / "face_encoder", detector=detector, device="cpu")
    embeds = encoder.face_embeds(drawn).view(6, 2, -1)
    same = (embeds[:, 0] * embeds[:, 1]).sum(dim=1)
    different = (embeds[:, 0] @ embeds[:, 1].T)[~torch.eye(6, dtype=torch.bool)]
    assert same.mean() > different.mean() + 0.3


@pytest.mark.parametrize("folder", ["perception", "evaluation"])
def test_recognisers_see_color(folder: str, detector: RegressionFaceDetector, drawn: Tensor) -> None:
    encoder = load_face_encoder(SHIPPED / folder / "face_encoder", detector=detector, device="cpu")
    points = detector.landmarks(drawn)
    swapped = encoder.face_embeds(drawn.flip(1), landmarks=points)
    assert (encoder.face_embeds(drawn, landmarks=points) * swapped).sum(dim=1).mean() < 0.8


def test_captions_find_their_pictures(
    perception: Perception, cast: list[tuple[Person, Shot]], drawn: Tensor
) -> None:
    rng = np.random.default_rng(4)
    texts = [max((caption(*pair, rng) for _ in range(6)), key=len) for pair in cast]
    cosines = perception.clip.text_embeds(texts) @ perception.clip.image_embeds(drawn).T
    own = torch.arange(len(cast))
    assert (cosines.argmax(dim=1) == own).float().mean() > 0.5


def test_traits_are_read(cast: list[tuple[Person, Shot]], drawn: Tensor) -> None:
    classifier = load_trait_classifier(SHIPPED / "evaluation" / "trait_classifier", device="cpu")
    rows = classifier.classify(drawn)
    for trait in ("style", "skin", "clothes_color"):
        right = [row[trait] == getattr(person, trait) for row, (person, _) in zip(rows, cast, strict=True)]
        assert np.mean(right) > 0.8
    right = [row["background"] == shot.background for row, (_, shot) in zip(rows, cast, strict=True)]
    assert np.mean(right) > 0.8


@pytest.mark.parametrize("folder", ["perception", "evaluation"])
def test_shipped_onnx_equals_torch(folder: str, detector: RegressionFaceDetector) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    root = SHIPPED / folder / "face_encoder"
    session = onnxruntime.InferenceSession(str(root / "model.onnx"), providers=["CPUExecutionProvider"])
    network = load_face_encoder(root, detector=detector, device="cpu").network
    crops = torch.rand(3, 3, 96, 96)
    found = torch.from_numpy(session.run(None, {"crops": crops.numpy()})[0])
    torch.testing.assert_close(found, network(crops), atol=1e-4, rtol=0)
