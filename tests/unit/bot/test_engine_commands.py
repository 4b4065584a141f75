"""The commands around a drawn engine: what is stored, printed and refused, without a model."""

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from bot.cli import run
from storage.profiles import ProfileStore
from synid_engine.synid.repertoire import Repertoire

HASH = "c" * 64


@dataclass(frozen=True, kw_only=True)
class _Progress:
    stage: str
    fraction: float
    detail: str = ""
    eta_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Rendered:
    image: Image.Image
    seed: int
    not_drawn: tuple[str, ...] = ()


class _Character:
    def __init__(self, name: str, description: str) -> None:
        self.name, self.description = name, description
        self.portrait = Image.new("RGB", (32, 32), "red")
        self.not_drawn = ("cyberpunk",) if "cyberpunk" in description else ()

    def save(self, folder: Path) -> None:
        (folder / "anchors").mkdir(parents=True)
        (folder / "bank.safetensors").write_bytes(
            save({"keys": np.ones(4, np.float16)}, {"model_hash": HASH})
        )
        self.portrait.save(folder / "portrait.png")
        self.portrait.save(folder / "anchors" / "0.png")
        fields = {
            "name": self.name,
            "description": self.description,
            "model_hash": HASH,
            "scores": {"identity": 0.9},
        }
        (folder / "profile.json").write_text(json.dumps(fields))

    @classmethod
    def load(cls, folder: Path, *, model_hash: str) -> "_Character":
        assert model_hash == HASH
        fields = json.loads((folder / "profile.json").read_text())
        return cls(fields["name"], fields["description"])


class _Engine:
    model_hash = HASH
    options: ClassVar[dict[str, object]] = {}

    @classmethod
    def load(cls, folder: Path | None = None, *, memory_gb: float | None = None) -> "_Engine":
        assert (folder, memory_gb) == (None, None)
        return cls()

    def create(self, name: str, description: str, **options: object) -> _Character:
        _Engine.options = options
        report = options["on_progress"]
        assert callable(report)
        report(_Progress(stage="anchors", fraction=0.5))
        if "interrupt" in description:
            os.kill(os.getpid(), signal.SIGINT)
        report(_Progress(stage="adapter", fraction=1.0))
        return _Character(name, description)

    def render(self, _character: _Character, _prompt: str, **options: object) -> list[_Rendered]:
        count, seed = options.get("count", 1), options["seed"]
        assert isinstance(count, int)
        assert isinstance(seed, int)
        _Engine.options = options
        blue = Image.new("RGB", (32, 32), "blue")
        return [_Rendered(image=blue, seed=seed + number) for number in range(count)]

    def read_pose(self, picture: Image.Image) -> tuple[int, int]:
        return picture.size

    def not_drawn(self, text: str) -> tuple[str, ...]:
        return ("cyberpunk",) if "cyberpunk" in text else ()


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("synid_engine.engine")
    vars(module).update(Engine=_Engine, Character=_Character, model_hash_of=lambda _folder: HASH)
    monkeypatch.setitem(sys.modules, "synid_engine.engine", module)


@pytest.fixture
def synid(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments, "--data", str(tmp_path / "data")])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


Synid = Callable[..., tuple[int, str, str]]


def test_created_character_is_stored_and_told(synid: Synid, tmp_path: Path) -> None:
    code, out, _ = synid("create", "Nova", "red hair, cyberpunk", "--seed", "3")
    assert code == 0
    assert "Nova is ready" in out
    assert "not drawn: cyberpunk" in out
    assert ProfileStore(tmp_path / "data").get("Nova").profile.scores == {"identity": 0.9}
    assert out.splitlines()[-1] == str(ProfileStore(tmp_path / "data").get("Nova").portrait)


def test_json_is_one_object_and_progress_is_elsewhere(synid: Synid) -> None:
    code, out, err = synid("create", "Nova", "red hair, cyberpunk", "--json")
    assert code == 0
    assert json.loads(out)["not_drawn"] == ["cyberpunk"]
    assert "anchors" in err


def test_warm_start_hands_over_those_who_are_there(synid: Synid, tmp_path: Path) -> None:
    synid("create", "Nova", "red hair")
    assert _Engine.options["library"] == []
    synid("create", "Vera", "blue hair", "--warm-start")
    library = _Engine.options["library"]
    assert isinstance(library, list)
    assert [one.name for one in library] == ["Nova"]
    assert _Engine.options["resume_file"] == ProfileStore(tmp_path / "data").unfinished_file("Vera")


def test_interrupt_leaves_130_and_no_character(synid: Synid, tmp_path: Path) -> None:
    code, _, err = synid("create", "Nova", "interrupt")
    assert code == 130
    assert err == "synid: cancelled\n"
    assert not (tmp_path / "data").exists()


def test_pictures_are_written_with_their_seeds(synid: Synid, tmp_path: Path) -> None:
    synid("create", "Nova", "red hair")
    code, out, _ = synid(
        "render", "nova", "smiling", "-n", "2", "--seed", "5", "-o", str(tmp_path / "out"), "--json"
    )
    assert code == 0
    pictures = json.loads(out)["pictures"]
    assert [one["seed"] for one in pictures] == [5, 6]
    assert [Path(one["path"]).name for one in pictures] == ["nova-5.png", "nova-6.png"]
    for one in pictures:
        assert Image.open(io.BytesIO(Path(one["path"]).read_bytes())).size == (32, 32)


def test_pictures_without_seed_differ_from_call_to_call(synid: Synid, tmp_path: Path) -> None:
    synid("create", "Nova", "red hair")
    for _ in range(3):
        synid("render", "nova", "smiling", "-o", str(tmp_path / "out"))
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_pose_and_shape_reach_the_engine_if_they_are_declared(synid: Synid, tmp_path: Path) -> None:
    synid("create", "Nova", "red hair")
    drawing = ("render", "Nova", "smiling", "-o", str(tmp_path / "out"))
    assert synid(*drawing, "--pose", "close-up", "--shape", "square")[0] == 0
    assert (_Engine.options["pose"], _Engine.options["shape"]) == ("close-up", "square")
    code, out, err = synid(*drawing, "--pose", "handstand")
    assert (code, out) == (2, ""), "before the model is loaded"
    assert err.startswith("synid: pose: the base model has no handstand; it has looking straight ahead,")
    assert (
        synid(*drawing, "--shape", "wide")[2] == "synid: shape: the base model has no wide; it has square\n"
    )


def test_picture_of_a_pose_is_refused_where_poses_are_words(synid: Synid, tmp_path: Path) -> None:
    synid("create", "Nova", "red hair")
    drawing = ("render", "Nova", "smiling", "-o", str(tmp_path / "out"))
    for wish in (("--pose-image", "me.jpg"), ("--pose-strength", "0.5")):
        code, out, err = synid(*drawing, *wish)
        assert (code, out) == (2, ""), "before the model is loaded"
        assert err == "synid: the base model cannot be held to a pose: it has no pose ControlNet\n"


def test_picture_of_a_pose_is_read_by_the_engine(
    synid: Synid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posed = Repertoire(poses=("front",), has_pose_maps=True, reads_poses=True)
    monkeypatch.setattr("bot.characters.repertoire_of", lambda _: posed)
    synid("create", "Nova", "red hair")
    drawing = ("render", "Nova", "smiling", "-o", str(tmp_path / "out"), "--pose-strength", "0.5")
    Image.new("RGB", (30, 20)).save(tmp_path / "me.jpg")
    assert synid(*drawing, "--pose-image", str(tmp_path / "me.jpg"))[0] == 0
    assert (_Engine.options["body"], _Engine.options["pose_strength"]) == ((30, 20), 0.5)
    assert synid(*drawing)[::2] == (
        2,
        "synid: pose strength cannot be 0.5; it must be left out where no pose is asked for\n",
    )
    (tmp_path / "me.txt").write_text("no picture")
    for name in ("me.txt", "gone.png"):
        code, _, err = synid(*drawing, "--pose-image", str(tmp_path / name))
        assert code == 2
        assert err.startswith("synid: the picture cannot be read: ")


def test_folder_that_cannot_be_written_is_one_line(synid: Synid, tmp_path: Path) -> None:
    synid("create", "Nova", "red hair")
    (tmp_path / "file").write_text("")
    code, _, err = synid("render", "Nova", "smiling", "-o", str(tmp_path / "file"))
    assert code == 2
    assert err.count("\n") == 1
    assert "cannot be written" in err


def test_character_travels_by_file(synid: Synid, tmp_path: Path) -> None:
    synid("create", "Nova", "red hair")
    target = str(tmp_path / "nova.character")
    assert synid("export", "Nova", target)[0] == 0
    code, _, err = synid("import", target)
    assert code == 2
    assert "already" in err
    assert synid("import", target, "--name", "Nova 2")[0] == 0
    synid("delete", "Nova")
    assert synid("import", target)[0] == 0
    assert len(ProfileStore(tmp_path / "data").profiles()) == 2
