import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from bot.cli import run
from storage.profiles import ProfileStore


def _picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with one character, Nova."""
    with ProfileStore(tmp_path).put("Nova") as folder:
        (folder / "bank.safetensors").write_bytes(
            save({"keys": np.ones(4, np.float16)}, {"model_hash": "a" * 64})
        )
        (folder / "portrait.png").write_bytes(_picture())
        fields = {
            "name": "Nova",
            "description": "red hair",
            "seed": 7,
            "model_hash": "a" * 64,
            "created_at": "2026",
        }
        (folder / "profile.json").write_text(json.dumps(fields))
    return tmp_path


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail with exit code 2, one line on stderr and nothing on stdout."""

    def run_mistake(*arguments: str) -> str:
        assert run(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("synid: ")
        assert captured.err.count("\n") == 1
        return captured.err

    return run_mistake


@pytest.mark.parametrize("description", ["", "   ", "🦊", "x" * 10_000, "red\x00hair"])
def test_impossible_description_is_one_line(
    mistake: Callable[..., str], tmp_path: Path, description: str
) -> None:
    mistake("create", "Rex", description, "--data", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x" * 41, "a\nb"])
def test_impossible_name_is_one_line(mistake: Callable[..., str], tmp_path: Path, name: str) -> None:
    mistake("create", name, "red hair", "--data", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_taken_name_is_told_before_anything_slow(mistake: Callable[..., str], data: Path) -> None:
    assert "already" in mistake("create", "nova", "red hair", "--data", str(data))


def test_question_without_terminal_is_one_line(mistake: Callable[..., str], tmp_path: Path) -> None:
    assert "--pick auto" in mistake("create", "Rex", "red hair", "--pick", "ask", "--data", str(tmp_path))


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("create", "Rex"),
        ("create", "Rex", "red hair", "--seed", "minus one"),
        ("create", "Rex", "red hair", "--seed", "-1"),
        ("create", "Rex", "red hair", "--pick", "maybe"),
        ("render", "Nova", "smiling", "-n", "0"),
        ("evaluate", "Nova", "--suite", "huge"),
    ],
)
def test_wrong_arguments_are_one_line(mistake: Callable[..., str], arguments: tuple[str, ...]) -> None:
    mistake(*arguments)


def test_unknown_character_tells_the_known_ones(mistake: Callable[..., str], data: Path) -> None:
    assert "there is Nova" in mistake("show", "Rex", "--data", str(data))
    assert "there is Nova" in mistake("render", "Rex", "smiling", "--data", str(data))
    assert "there is Nova" in mistake("evaluate", "Rex", "--data", str(data))


def test_damaged_character_is_one_line(mistake: Callable[..., str], data: Path) -> None:
    (ProfileStore(data).folder_of("Nova") / "bank.safetensors").write_bytes(b"x")
    assert "damaged" in mistake("export", "Nova", "--data", str(data))


def test_file_that_is_no_archive_is_one_line(
    mistake: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.character").write_bytes(b"hello")
    assert "not a whole .character file" in mistake("import", "x.character", "--data", str(tmp_path / "data"))


def test_missing_model_folder_is_one_line(
    mistake: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNID_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("bot.console.Reporter.say", lambda _reporter, _line: None)
    assert "model folder" in mistake("create", "Rex", "red hair", "--data", str(tmp_path / "data"))
    assert list(tmp_path.iterdir()) == []


def test_damaged_model_folder_is_one_line(
    mistake: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_folder: Path
) -> None:
    shutil.copytree(small_folder, tmp_path / "models")
    weights = next((tmp_path / "models" / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    monkeypatch.setenv("SYNID_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("bot.console.Reporter.say", lambda _reporter, _line: None)
    assert "model folder" in mistake("create", "Rex", "red hair", "--data", str(tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_list_and_show_print_what_is_stored(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    assert run(("list", "--data", str(data))) == 0
    assert "Nova" in capsys.readouterr().out
    assert run(("list", "--data", str(data), "--json")) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["characters"]] == ["Nova"]
    assert run(("show", "NOVA", "--data", str(data), "--json")) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 7


def test_environment_chooses_the_data_folder(
    capsys: pytest.CaptureFixture[str], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNID_DATA", str(data))
    assert run(("show", "Nova")) == 0
    assert "red hair" in capsys.readouterr().out


def test_empty_data_folder_says_how_to_begin(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(("list", "--data", str(tmp_path / "new"))) == 0
    assert "synid create" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()


def test_export_and_delete_say_what_they_did(
    capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "away.character"
    assert run(("export", "Nova", str(target), "--data", str(data))) == 0
    assert capsys.readouterr().out.strip() == str(target)
    assert hashlib.sha256(target.read_bytes()).digest()
    assert run(("delete", "Nova", "--data", str(data))) == 0
    assert not ProfileStore(data).exists("Nova")


def test_no_arguments_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(()) == 0
    assert "create" in capsys.readouterr().out
