"""`synid models list` and `verify`: what is here, and whether it still is what it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli import run
from storage.files import sha256_of
from storage.models import ModelStore
from synid_engine.runtime.model_table import MODELS

from ...hub import FakeHub  # noqa: TID252  (tests are no package)

WEIGHTS = "diffusion_pytorch_model.safetensors"


def _states(told: Callable[..., str]) -> dict[str, str]:
    listed = json.loads(told("models", "list", "--json"))
    return {one["name"]: one["state"] for kind in ("sets", "models", "own") for one in listed[kind]}


def test_set_whose_files_have_gone_is_partly_here(
    hub: FakeHub, store: ModelStore, told: Callable[..., str]
) -> None:
    told("models", "pull", "sd15")
    assert _states(told)["sd15"] == "here"
    shutil.rmtree(store.folder_of("yunet"))
    assert _states(told)["sd15"] == "partly"
    assert any(line.startswith("sd15              partly") for line in told("models", "list").splitlines())
    told("models", "pull", "yunet")
    shutil.rmtree(store.folder_of("dreamshaper-8"))
    assert _states(told)["sd15"] == "partly"


@pytest.mark.usefixtures("small_bases")
def test_own_set_whose_base_has_gone_is_partly_here(
    hub: FakeHub, told: Callable[..., str], small_folder: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(small_folder, tmp_path / "base")
    told("models", "pull", "sd15", "--base", str(base), "--name", "mine")
    assert _states(told)["mine"] == "here"
    shutil.rmtree(base)
    assert _states(told)["mine"] == "partly"


def test_verify_reads_the_adapter_and_the_base_of_a_set(
    hub: FakeHub, store: ModelStore, told: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    told("models", "pull", "sd15", "--few-steps", "lcm-lora")
    said = told("models", "verify", "sd15")
    assert "sound    the base of sd15" in said
    assert "sound    lcm-lora/pytorch_lora_weights.safetensors" in said
    (store.folder_of("lcm-lora") / MODELS["lcm-lora"].files[0].path).unlink()
    assert _states(told)["sd15"] == "partly"
    config = store.folder_of("dreamshaper-8") / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    assert run(["models", "verify", "sd15"]) == 1
    said = capsys.readouterr().out
    assert "changed  the base of sd15 (characters that were made on it are refused): pull it again" in said
    assert "damaged  dreamshaper-8/unet/config.json" in said
    assert "missing  lcm-lora/" in said


def test_verify_names_what_cannot_be_read_and_goes_on(
    hub: FakeHub, store: ModelStore, told: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    told("models", "pull", "taesd")

    def read(path: Path) -> str:
        if path.name == "config.json":
            raise PermissionError(13, "Permission denied")
        return sha256_of(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("storage.model_check.sha256_of", read)
        assert run(["models", "verify", "taesd"]) == 1
    said = capsys.readouterr().out
    assert "unreadable taesd/config.json (Permission denied)\n" in said
    assert f"sound    taesd/{WEIGHTS}" in said


def test_verify_on_a_disk_that_may_not_be_written_tells_all_the_same(
    hub: FakeHub,
    store: ModelStore,
    told: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told("models", "pull", "taesd")
    path = store.folder_of("taesd") / "config.json"
    path.write_text(path.read_text().replace("c", "d"))

    def refused(self: Path, target: Path) -> None:
        del self, target
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("storage.model_check.Path.replace", refused)
    assert run(["models", "verify", "taesd"]) == 1
    said = capsys.readouterr().out
    assert "damaged  taesd/config.json (it stays in its place: Read-only file system): pull it again" in said
    assert f"sound    taesd/{WEIGHTS}" in said


def test_verify_prints_each_file_as_soon_as_it_is_read(
    hub: FakeHub,
    told: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told("models", "pull", "taesd")
    printed: list[str] = []

    def read(path: Path) -> str:
        printed.append(capsys.readouterr().out)
        return sha256_of(path)

    monkeypatch.setattr("storage.model_check.sha256_of", read)
    assert run(["models", "verify", "taesd"]) == 0
    assert printed == ["", "sound    taesd/config.json\n"]


def test_licence_that_nobody_states_is_told_as_such(hub: FakeHub, mistake: Callable[..., str]) -> None:
    said = mistake("models", "pull", "hyper-sd-8")
    assert "hyper-sd-8 states no licence; if that suits you, the same command with --accept" in said
