"""Poses as an engine with a ControlNet offers and draws them."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from synid_engine.engine import Engine
from synid_engine.errors import (
    InvalidSettingError,
    NobodyFoundError,
    NoPoseControlError,
    NoPoseEstimatorError,
    NotDeclaredError,
)
from synid_engine.perception.bundle import Perception
from synid_engine.pose.body import Body
from synid_engine.pose.estimator_folder import ESTIMATOR, OPENPOSE_WEIGHTS, can_estimate
from synid_engine.pose.library import NAMED_POSES
from synid_engine.pose.skeleton_map import draw_map
from synid_engine.runtime.backbone import Backbone
from synid_engine.serving.bank_shelf import BankShelf
from synid_engine.serving.calibration import CalibrationConfig, calibrated
from synid_engine.serving.messages import WORK, RenderWork
from synid_engine.serving.render_job import render_rows
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.repertoire import Repertoire, Shape, folder_repertoire
from synid_engine.synid.stage import StageModels
from synid_engine.synid.words import PlainWording
from synid_engine.tiny.repertoire import REPERTOIRE

PICTURE = Image.new("RGB", (32, 32))
SHAPES = (Shape(name="square", width=64, height=64), Shape(name="portrait", width=64, height=96))


@dataclass(frozen=True)
class Sees:
    """Finds these people in every picture."""

    bodies: tuple[Body, ...]

    def find_bodies(self, picture: Image.Image) -> list[Body]:
        assert picture.size == PICTURE.size
        return list(self.bodies)


@pytest.fixture
def engine(posed_backbone: Backbone, perception: Perception, posed_folder: Path) -> Engine:
    declared = folder_repertoire(posed_folder)
    repertoire = Repertoire(poses=declared.poses, shapes=SHAPES, has_pose_maps=declared.has_pose_maps)
    return Engine(
        models=StageModels(backbone=posed_backbone, perception=perception),
        wording=PlainWording(repertoire=repertoire),
    )


def test_folder_with_a_controlnet_declares_the_named_poses(posed_folder: Path, small_folder: Path) -> None:
    declared = folder_repertoire(posed_folder)
    assert declared.poses == tuple(NAMED_POSES)
    assert declared.hidden_options() == {"shape", "pose_image"}
    assert folder_repertoire(small_folder) == Repertoire()
    assert REPERTOIRE.hidden_options() == {"shape", "pose_image", "pose_strength"}
    for refuse in (REPERTOIRE.require_pose_reading, Repertoire().require_pose_maps):
        with pytest.raises(NoPoseControlError):
            refuse()
    with pytest.raises(NoPoseEstimatorError):
        declared.require_pose_reading()


def test_estimator_beside_the_models_lets_pictures_be_read(tmp_path: Path) -> None:
    (tmp_path / "controlnet").mkdir()
    (tmp_path / "controlnet" / "config.json").write_text("{}")
    (tmp_path / ESTIMATOR).mkdir()
    (tmp_path / ESTIMATOR / OPENPOSE_WEIGHTS).write_bytes(b"")
    assert folder_repertoire(tmp_path).reads_poses == can_estimate(tmp_path / ESTIMATOR)


def test_named_pose_becomes_a_map_of_the_pictures_size(engine: Engine) -> None:
    row = engine.request((), "smiling", pose="waving")
    assert row.prompt == "waving, smiling"
    assert isinstance(row.pose_map, Image.Image)
    assert row.pose_map.tobytes() == draw_map([NAMED_POSES["waving"]], width=64, height=64).tobytes()
    assert row.pose_strength == engine.config.pose_strength
    tall = engine.request((), "smiling", pose="waving", shape="portrait", pose_strength=0.3)
    assert isinstance(tall.pose_map, Image.Image)
    assert (tall.pose_map.size, tall.pose_strength) == ((64, 96), 0.3)
    assert engine.request((), "smiling").pose_map is None
    [drawn] = engine.render(None, "smiling", pose="waving", shape="portrait", num_inference_steps=1)
    assert drawn.image.size == (64, 96)


def test_body_of_ones_own_takes_the_place_of_a_name(engine: Engine) -> None:
    body = NAMED_POSES["pointing"]
    row = engine.request((), "smiling", body=body)
    assert row.prompt == "smiling"
    assert isinstance(row.pose_map, Image.Image)
    assert row.pose_map.tobytes() == draw_map([body], width=64, height=64).tobytes()
    with pytest.raises(InvalidSettingError):
        engine.request((), "smiling", body=body, pose="waving")
    with pytest.raises(NotDeclaredError):
        engine.request((), "smiling", pose="handstand")


@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_strength_of_no_pose_is_refused(engine: Engine, strength: float) -> None:
    with pytest.raises(InvalidSettingError, match="pose strength"):
        engine.request((), "smiling", pose_strength=strength)


def test_model_without_a_controlnet_is_held_to_nothing(models: StageModels) -> None:
    engine = Engine(models=models, pose_estimator=Sees((NAMED_POSES["front"],)))
    assert engine.request((), "smiling", pose="close-up").pose_map is None
    for wish in ({"body": NAMED_POSES["front"]}, {"pose_strength": 1.0}):
        with pytest.raises(NoPoseControlError):
            engine.request((), "smiling", **wish)
    with pytest.raises(NoPoseControlError):
        engine.read_pose(PICTURE)


def test_pose_is_read_from_a_picture(engine: Engine) -> None:
    with pytest.raises(NoPoseEstimatorError):
        engine.read_pose(PICTURE)
    large, other = NAMED_POSES["full body"], NAMED_POSES["front"]
    seeing = Engine(models=engine.models, wording=engine.wording, pose_estimator=Sees((large, other)))
    assert seeing.read_pose(PICTURE) == large
    assert seeing.read_bodies(PICTURE) == [large, other]
    blind = Engine(models=engine.models, wording=engine.wording, pose_estimator=Sees(()))
    with pytest.raises(NobodyFoundError):
        blind.read_pose(PICTURE)


def test_body_travels_as_plain_data(engine: Engine, tmp_path: Path) -> None:
    body = NAMED_POSES["profile left"]
    work = RenderWork(prompt="smiling", body=body, pose_strength=0.7, pictures=2)
    assert WORK.validate_json(WORK.dump_json(work)) == work
    rows = render_rows(work, engine, BankShelf(tmp_path, model_hash=engine.model_hash))
    assert [row.pose_strength for row in rows] == [0.7, 0.7]
    assert all(row.is_posed for row in rows)
    for damaged in ({"joints": [[0, 0]]}, {"joints": [[1e9, 0]] * 18}, {"joints": [None] * 18, "aspect": 0}):
        with pytest.raises(ValueError, match="validation error"):
            RenderWork.model_validate({"prompt": "smiling", "body": damaged})


def test_cost_of_a_pose_is_measured(engine: Engine, tiny_config: DistillConfig, tmp_path: Path) -> None:
    quick = CalibrationConfig(rows=(2,), repeats=1)
    file = tmp_path / "calibration.json"
    found = calibrated(engine, threads=1, file=file, config=quick, distill=tiny_config)
    assert found.machine.has_pose_control
    costs = found.costs.model_copy(update={"posed_steps": 1.5})
    plain = RenderWork(prompt="smiling")
    free = costs.step_cost(costs.stages(plain)[1].kind).ms(1)
    for wish in ({"pose": "waving"}, {"body": NAMED_POSES["front"]}):
        posed = costs.cost_ms(plain.model_copy(update=wish)) - free
        assert posed == pytest.approx(1.5 * (costs.cost_ms(plain) - free))
    unheld = plain.model_copy(update={"pose": "waving", "pose_strength": 0.0})
    assert costs.cost_ms(unheld) == costs.cost_ms(plain)


def test_engine_of_a_folder_with_a_controlnet_offers_its_poses(
    posed_folder: Path, perception: Perception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synid_engine.engine.load_perception", lambda *_, **__: perception)
    engine = Engine.load(posed_folder, device="cpu")
    assert engine.wording.repertoire == folder_repertoire(posed_folder)
    assert engine.pose_estimator is None
    [drawn] = engine.render(None, "a woman, smiling", pose="sitting", num_inference_steps=1)
    assert drawn.prompt == "sitting, a woman, smiling", "ordinary English is left as it is"
