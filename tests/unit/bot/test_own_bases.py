"""`synid models pull SET --base`: checkpoints and folders of somebody's own."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from bot import model_sets
from bot.cli import run
from storage.models import ModelStore
from synid_engine.runtime.backbone import load_backbone
from synid_engine.runtime.model_folder import hash_model
from synid_engine.runtime.model_table import MODELS

from ...hub import FakeHub, add_folder  # noqa: TID252  (tests are no package)
from ...ldm_names import small_checkpoint, small_clip_tokenizer  # noqa: TID252


@pytest.mark.usefixtures("small_bases")
def test_own_checkpoint_gets_the_companions_and_another_name(
    hub: FakeHub,
    store: ModelStore,
    told: Callable[..., str],
    mistake: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = small_clip_tokenizer(tmp_path / "tokenizer")
    add_folder(hub, MODELS["clip-vit-l14"].repo, tokenizer)
    told("models", "pull", "sd15")
    expected = small_checkpoint(tmp_path / "My Model.safetensors")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    file = str(tmp_path / "My Model.safetensors")
    folder = Path(told("models", "pull", "sd15", "--base", file).strip())
    assert folder.name == "my-model"
    assert (folder / "perception" / "clip" / "model.safetensors").is_file()
    for filler in ("controlnet", "preview"):
        (folder / filler).unlink()
    drawn = load_backbone(folder, device="cpu", dtype=torch.float32)
    assert all(torch.equal(one, expected[f"unet.{name}"]) for name, one in drawn.unet.state_dict().items())
    assert "the base of my-model" in told("models", "verify", "my-model")
    assert "my-model" in told("models", "list")
    made = (folder / "unet").resolve().stat().st_mtime_ns
    told("models", "pull", "sd15", "--base", file)
    assert (folder / "unet").resolve().stat().st_mtime_ns == made
    small_checkpoint(tmp_path / "My Model.safetensors", seed=9)
    told("models", "pull", "sd15", "--base", file)
    assert hash_model(folder) != drawn.model_hash
    assert "cannot be called taesd" in mistake("models", "pull", "sd15", "--base", file, "--name", "taesd")
    assert "cannot be called ../x" in mistake("models", "pull", "sd15", "--base", file, "--name", "../x")


@pytest.mark.usefixtures("small_bases")
def test_own_folder_is_linked_and_its_change_is_noticed(
    hub: FakeHub,
    told: Callable[..., str],
    mistake: Callable[..., str],
    small_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = Path(shutil.copytree(small_folder, tmp_path / "base"))
    (base / "perception").mkdir()
    folder = Path(told("models", "pull", "sd15", "--base", str(base), "--name", "mine").strip())
    assert hash_model(folder) == hash_model(base)
    assert list((base / "perception").iterdir()) == []
    config = base / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text() + " ")
    assert run(["models", "verify", "mine"]) == 1
    assert "changed  the base of mine" in capsys.readouterr().out
    shutil.rmtree(base / "vae")
    assert "has no vae" in mistake("models", "pull", "sd15", "--base", str(base), "--name", "other")


def test_base_that_cannot_be_used_is_refused_before_anything_is_fetched(
    hub: FakeHub, mistake: Callable[..., str], small_folder: Path, tmp_path: Path
) -> None:
    def refused(path: Path) -> str:
        return mistake("models", "pull", "sd15", "--base", str(path))

    assert "is not there; --base takes" in refused(tmp_path / "gone.safetensors")
    pickled = tmp_path / "old.ckpt"
    pickled.write_bytes(b"x")
    assert "is a pickle, which could run anything" in refused(pickled)
    odd = tmp_path / "notes.txt"
    odd.write_bytes(b"x")
    assert "the suffix .txt" in refused(odd)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(b"x")
    assert "is damaged: cut.safetensors" in refused(cut)
    small_checkpoint(tmp_path / "other.safetensors")
    assert "prompt tokens of width 24 instead of 768" in refused(tmp_path / "other.safetensors")
    assert "prompt tokens of width 24 instead of 768" in refused(small_folder)
    assert "has no model_index.json" in refused(tmp_path)
    assert hub.asked == []


@pytest.mark.usefixtures("small_bases")
def test_folders_of_two_versions_are_two_sets(
    hub: FakeHub, told: Callable[..., str], mistake: Callable[..., str], small_folder: Path, tmp_path: Path
) -> None:
    for version in ("v5.1", "v5.2"):
        base = shutil.copytree(small_folder, tmp_path / f"Realistic-{version}")
        assert (
            Path(told("models", "pull", "sd15", "--base", str(base)).strip()).name == f"realistic-{version}"
        )
    other = str(tmp_path / "Realistic-v5.2")
    words = ("models", "pull", "sd15", "--base", other, "--name", "realistic-v5.1")
    said = mistake(*words)
    assert f"has another base, {tmp_path / 'Realistic-v5.1'}; call this one otherwise" in said
    shutil.rmtree(tmp_path / "Realistic-v5.1")
    told(*words)


@pytest.mark.usefixtures("small_bases")
def test_conversion_counts_the_room_that_it_needs(
    hub: FakeHub, mistake: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "mine.safetensors"
    small_checkpoint(base)
    assert model_sets.OwnBaseWish(path=base, name="mine").room == base.stat().st_size
    usage = shutil.disk_usage("/")
    free = (64 << 20) + (1 << 20)
    monkeypatch.setattr("bot.model_pull.shutil.disk_usage", lambda _: usage._replace(free=free))
    monkeypatch.setattr("bot.model_sets.OwnBaseWish.room", 3 << 30)
    assert "the models need 3136." in mistake("models", "pull", "sd15", "--base", str(base))
    assert not any(line.startswith("GET") for line in hub.asked)


@pytest.mark.usefixtures("small_bases")
def test_full_disk_while_converting_is_one_sentence_and_the_next_try_sweeps_up(
    hub: FakeHub,
    store: ModelStore,
    told: Callable[..., str],
    mistake: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_folder(hub, MODELS["clip-vit-l14"].repo, small_clip_tokenizer(tmp_path / "tokenizer"))
    small_checkpoint(tmp_path / "mine.safetensors")
    words = ("models", "pull", "sd15", "--base", str(tmp_path / "mine.safetensors"))

    def full(*_given: object, **_named: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("diffusers.AutoencoderKL.save_pretrained", full)
        assert "cannot be written: I/O error: No space left on device" in mistake(*words)
    left = store.root / ".scratch" / "new-0123456789abcdef"
    left.mkdir()
    os.utime(left, (0, 0))
    told(*words)
    assert list((store.root / ".scratch").iterdir()) == []
