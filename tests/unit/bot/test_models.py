"""`synid models`, against a hub on this machine that behaves well and badly."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from safetensors.torch import load_file, save

from bot import model_pull
from bot.cli import run
from bot.errors import sentence
from bot.model_hub import HubConfig
from bot.settings import Settings
from storage.files import disk_errors
from storage.model_errors import TransferCutError
from storage.models import ModelStore
from storage.part_file import part_file, part_path
from synid_engine.errors import JobCancelledError, JudgeNotInstalledError
from synid_engine.pose.estimator_folder import DWPOSE_ONNX, OPENPOSE_WEIGHTS
from synid_engine.runtime.backbone import load_backbone
from synid_engine.runtime.model_folder import hash_model
from synid_engine.runtime.model_table import MODELS, SETS

from ...adapters import kohya_layout, random_factors  # noqa: TID252  (tests are no package)
from ...hub import FakeHub, add_folder, as_served, small_weights  # noqa: TID252
from ...small_models import save_preview_vae  # noqa: TID252

UNET = "unet/diffusion_pytorch_model.fp16.safetensors"


def _parts(store: ModelStore) -> list[str]:
    return [path.name for path in store.root.rglob("*.part")]


def _published_base(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Publish small models that draw in the place of the base."""
    spec = MODELS["dreamshaper-8"]
    for key in [key for key in hub.files if key[0] == spec.repo]:
        del hub.files[key]
    add_folder(hub, spec.repo, folder, half=True)
    files = tuple(
        replace(one, path="tokenizer/tokenizer.json") if "merges" in one.path else one
        for one in spec.files
        if not one.path.endswith(("special_tokens_map.json", "vocab.json"))
    )
    monkeypatch.setitem(MODELS, spec.name, as_served(hub, replace(spec, files=files)))


def _published_control(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, base: Path, folder: Path) -> None:
    """Publish a ControlNet that fits the small base."""
    spec = MODELS["control-openpose"]
    unet = UNet2DConditionModel.from_pretrained(base / "unet", low_cpu_mem_usage=False)
    ControlNetModel.from_unet(unet).save_pretrained(folder)
    add_folder(hub, spec.repo, folder, half=True)
    monkeypatch.setitem(MODELS, spec.name, as_served(hub, spec))


def _published_preview(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Publish a small VAE that fits the small base."""
    spec = MODELS["taesd"]
    add_folder(hub, spec.repo, save_preview_vae(folder))
    monkeypatch.setitem(MODELS, spec.name, as_served(hub, spec))


def test_set_is_pulled_and_its_folder_draws(
    hub: FakeHub,
    told: Callable[..., str],
    store: ModelStore,
    small_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _published_base(hub, monkeypatch, small_folder)
    _published_control(hub, monkeypatch, small_folder, tmp_path / "control")
    _published_preview(hub, monkeypatch, tmp_path / "preview")
    folder = Path(told("models", "pull", "sd15").strip())
    assert folder == store.root / "sd15"
    assert Path(told("models", "path", "sd15").strip()) == folder
    assert (folder / "perception" / "clip" / "model.safetensors").is_file()
    assert (folder / "controlnet" / "config.json").is_file()
    described = json.loads((folder / "perception" / "perception.json").read_text())
    assert set(described) == {"clip", "face_detector", "face_encoder"}
    assert all((folder / "perception" / part["folder"]).is_dir() for part in described.values())
    assert (folder / "perception" / "face_encoder" / "glintr100.onnx").is_file()
    monkeypatch.setenv("SYNID_MODELS", "sd15")
    assert Settings().model_folder() == folder
    drawn = load_backbone(folder, device="cpu", dtype=torch.float32)
    assert drawn.pose_control is not None
    assert drawn.preview_vae is not None
    original = load_file(small_folder / "unet" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(weight, original[name]) for name, weight in drawn.unet.state_dict().items())
    assert drawn.model_hash == hash_model(store.root / "dreamshaper-8")
    moved = store.root.rename(store.root.with_name("elsewhere"))
    assert hash_model(moved / "sd15") == drawn.model_hash
    assert _parts(store) == []


def test_set_gets_the_few_step_adapter_that_is_asked_for(
    hub: FakeHub,
    told: Callable[..., str],
    mistake: Callable[..., str],
    small_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _published_base(hub, monkeypatch, small_folder)
    spec = MODELS["hyper-sd-8"]
    unet = UNet2DConditionModel.from_pretrained(small_folder / "unet", low_cpu_mem_usage=False)
    hub.files[spec.repo, spec.files[0].path] = save(kohya_layout(random_factors(unet)))
    monkeypatch.setitem(MODELS, spec.name, as_served(hub, spec))
    one = SETS["sd15"]
    plain = replace(
        one, parts=tuple(part for part in one.parts if part.place not in {"controlnet", "preview"})
    )
    monkeypatch.setitem(SETS, one.name, plain)
    assert "--accept" in mistake("models", "pull", "sd15", "--few-steps", spec.name)
    folder = Path(told("models", "pull", "sd15", "--few-steps", spec.name, "--accept").strip())
    drawn = load_backbone(folder, device="cpu", dtype=torch.float32)
    assert drawn.few_steps is not None
    assert drawn.few_steps.schedule == spec.few_steps
    told("models", "pull", "sd15")
    assert not (folder / "few_steps").exists()


def test_set_gets_the_safety_checker_that_is_asked_for(
    hub: FakeHub, told: Callable[..., str], mistake: Callable[..., str], store: ModelStore
) -> None:
    folder = Path(told("models", "pull", "sd15", "--safety-checker").strip())
    assert (folder / "safety_checker" / "model.fp16.safetensors").is_file()
    assert (folder / "feature_extractor" / "preprocessor_config.json").is_file()
    spec = MODELS["safety-checker"]
    assert f"sound    {spec.name}/safety_checker/config.json" in told("models", "verify", "sd15")
    assert hash_model(folder) == hash_model(store.root / "dreamshaper-8")
    told("models", "pull", "sd15")
    assert not (folder / "safety_checker").exists()
    assert "--safety-checker" in mistake("models", "pull", "taesd", "--safety-checker")


def test_missing_judge_is_told_how_to_get(store: ModelStore) -> None:
    said = sentence(
        JudgeNotInstalledError(judge="safety_checker", folder=store.root / "sd15-insightface", part="x")
    )
    assert "fetch it: synid models pull sd15-insightface --safety-checker" in said


def test_second_pull_asks_for_nothing(hub: FakeHub, told: Callable[..., str]) -> None:
    told("models", "pull", "taesd", "yunet")
    hub.asked.clear()
    told("models", "pull", "taesd", "yunet")
    assert hub.asked == []


def test_record_says_what_was_checked(hub: FakeHub, told: Callable[..., str], store: ModelStore) -> None:
    told("models", "pull", "taesd")
    record = store.record_of("taesd")
    spec = MODELS["taesd"]
    assert record.commit == "c0" * 20
    assert record.files["diffusion_pytorch_model.safetensors"].sha256 == spec.files[1].sha256
    listed = json.loads(told("models", "list", "--json"))
    states = {one["name"]: one["state"] for one in listed["models"]}
    assert (states["taesd"], states["yunet"], states["openpose"]) == ("here", "not here", "refused")


def test_slow_hub_is_waited_for_and_progress_is_told(
    hub: FakeHub, told: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    hub.manners.wait_s, hub.manners.piece = 0.001, 1 << 13
    assert run(["models", "pull", "taesd"]) == 0
    shown = capsys.readouterr().err
    assert "taesd: MIT (permissive)" in shown
    assert re.search(r"taesd/diffusion_pytorch_model.safetensors +100%  0.1 of 0.1 MiB", shown)


def test_cut_connection_is_gone_on_with(hub: FakeHub, told: Callable[..., str], store: ModelStore) -> None:
    hub.manners.cut_after["diffusion_pytorch_model.safetensors"] = 20_000
    told("models", "pull", "taesd")
    ranges = [line for line in hub.asked if line.startswith("GET diffusion") and "bytes=" in line]
    assert len(ranges) >= 2
    assert told("models", "verify", "taesd").count("sound") == 2
    assert store.is_whole(MODELS["taesd"])


def test_hub_without_ranges_is_asked_for_all_of_it(
    hub: FakeHub, store: ModelStore, told: Callable[..., str]
) -> None:
    [_, file] = MODELS["taesd"].files
    with part_file(store.folder_of("taesd") / file.path, tag=file.sha256 or "") as part:
        part.write(b"x" * 1000)
    hub.manners.no_ranges.add(file.path)
    told("models", "pull", "taesd")
    assert "GET diffusion_pytorch_model.safetensors bytes=1000-" in hub.asked
    assert store.is_whole(MODELS["taesd"])


def test_stopped_pull_goes_on_in_another_process(
    hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch, told: Callable[..., str]
) -> None:
    hub.manners.piece = 1 << 12
    spec = MODELS["taesd"]

    def stop(progress: model_pull.PullProgress) -> None:
        if "safetensors" in progress.stage and progress.fraction > 0.2:
            raise JobCancelledError

    config = HubConfig(endpoint=hub.endpoint, chunk=1 << 12)
    with pytest.raises(JobCancelledError):
        model_pull.pull([spec], store, config, is_offline=False, on_progress=stop)
    [part] = list(store.root.rglob("*.part"))
    done = part.stat().st_size
    assert 0 < done < (spec.files[1].size or 0)
    assert not store.is_whole(spec)
    told("models", "pull", "taesd")
    assert f"GET diffusion_pytorch_model.safetensors bytes={done}-" in hub.asked
    assert store.is_whole(spec)
    assert _parts(store) == []


def test_hub_that_breaks_off_again_and_again_is_given_up_and_keeps_what_came(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str], told: Callable[..., str]
) -> None:
    path = "diffusion_pytorch_model.safetensors"
    hub.manners.cut_after[path] = 0
    said = mistake("models", "pull", "taesd")
    assert "cannot be used" in said
    target = store.folder_of("taesd") / path
    with part_file(target, tag=MODELS["taesd"].files[1].sha256 or "") as part:
        part.write(hub.files[MODELS["taesd"].repo, path][:2000])
    assert "broke off diffusion_pytorch_model.safetensors after 2000 bytes" in mistake(
        "models", "pull", "taesd"
    )
    hub.manners.cut_after.clear()
    told("models", "pull", "taesd")
    assert f"GET {path} bytes=2000-" in hub.asked


@pytest.mark.parametrize("place", ["config.json", "diffusion_pytorch_model.safetensors"])
def test_corrupted_file_is_refused_and_nothing_of_it_is_kept(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str], told: Callable[..., str], place: str
) -> None:
    hub.manners.corrupt.add(place)
    assert f"{place} is not what it should be" in mistake("models", "pull", "taesd")
    assert not (store.folder_of("taesd") / place).exists()
    assert _parts(store) == []
    assert "not all here" in mistake("models", "path", "taesd")
    hub.manners.corrupt.clear()
    told("models", "pull", "taesd")
    assert told("models", "path", "taesd").strip() == str(store.root / "taesd")


def test_file_that_the_hub_vouches_for_but_the_table_does_not_know_is_refused(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = MODELS["yunet"]
    monkeypatch.setitem(MODELS, "yunet", replace(spec, files=(replace(spec.files[0], sha256="0" * 64),)))
    assert "instead of 000000000000" in mistake("models", "pull", "yunet")
    assert list(store.root.rglob("*.onnx")) == []


def test_file_of_another_format_than_its_name_says_is_refused(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str]
) -> None:
    spec = MODELS["control-openpose"]
    hub.files[spec.repo, "diffusion_pytorch_model.fp16.safetensors"] = b"<html>come back later</html>" * 9
    assert "is damaged: diffusion_pytorch_model.fp16.safetensors" in mistake("models", "pull", spec.name)
    assert list(store.root.rglob("*.safetensors")) == []


def test_weights_at_full_precision_serve_where_there_are_no_others(
    hub: FakeHub, store: ModelStore, told: Callable[..., str]
) -> None:
    spec = MODELS["control-openpose"]
    half = (spec.repo, "diffusion_pytorch_model.fp16.safetensors")
    hub.files[spec.repo, "diffusion_pytorch_model.safetensors"] = hub.files.pop(half)
    told("models", "pull", spec.name)
    assert (store.folder_of(spec.name) / "diffusion_pytorch_model.safetensors").is_file()
    assert store.is_whole(spec)


def test_missing_file_is_named(hub: FakeHub, mistake: Callable[..., str]) -> None:
    del hub.files[MODELS["clip-vit-l14"].repo, "vocab.json"]
    said = mistake("models", "pull", "clip-vit-l14")
    assert "has no vocab.json in openai/clip-vit-large-patch14 at 32bd64288804" in said


def test_repository_for_others_is_told(hub: FakeHub, mistake: Callable[..., str]) -> None:
    hub.manners.refused.add(MODELS["taesd"].repo)
    assert "accepted its terms there" in mistake("models", "pull", "taesd")


def test_renamed_repository_is_found(hub: FakeHub, store: ModelStore, told: Callable[..., str]) -> None:
    spec = MODELS["taesd"]
    hub.manners.renamed[spec.repo] = "somebody/else"
    for repo, path in [key for key in hub.files if key[0] == spec.repo]:
        hub.files["somebody/else", path] = hub.files.pop((repo, path))
    told("models", "pull", "taesd")
    assert store.is_whole(spec)


def test_passing_fault_is_waited_out_and_a_lasting_one_told(
    hub: FakeHub, mistake: Callable[..., str], told: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.manners.faulty["config.json"] = 99
    assert "it answers 503" in mistake("models", "pull", "taesd")
    hub.manners.faulty["config.json"] = 3
    told("models", "pull", "taesd")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be used" in mistake("models", "pull", "yunet")


def test_nothing_is_fetched_offline(
    hub: FakeHub, mistake: Callable[..., str], told: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told("models", "pull", "taesd")
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    told("models", "pull", "taesd")
    assert "HF_HUB_OFFLINE forbids" in mistake("models", "pull", "yunet")
    assert hub.asked == []
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    told("models", "pull", "yunet")


def test_model_for_research_only_has_to_be_accepted_once(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str], told: Callable[..., str]
) -> None:
    said = mistake("models", "pull", "sd15-insightface")
    assert "buffalo_l is for research only" in said
    assert "--accept" in said
    assert hub.asked == []
    assert not store.root.exists()
    told("models", "pull", "buffalo_l", "--accept")
    assert json.loads((store.folder_of("buffalo_l") / ".synid.json").read_text())["accepted"]
    assert (store.folder_of("buffalo_l") / "w600k_r50.onnx").is_file()
    told("models", "pull", "buffalo_l")
    shutil.rmtree(store.folder_of("buffalo_l"))
    assert "research only" in mistake("models", "pull", "buffalo_l")


def test_pickles_are_never_fetched(hub: FakeHub, mistake: Callable[..., str]) -> None:
    said = mistake("models", "pull", "openpose", "--accept")
    assert "body_pose_model.pth is a pickle" in said
    assert said.endswith("see: synid models list")
    assert hub.asked == []


def test_full_disk_is_told_before_anything_is_fetched(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("bot.model_pull.shutil.disk_usage", lambda _: usage._replace(free=1 << 20))
    assert "room for 1.0 MiB" in mistake("models", "pull", "taesd")
    assert not any(line.startswith("GET") for line in hub.asked)
    assert not store.root.exists()


def test_full_disk_while_fetching_is_one_sentence(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, data: bytes) -> None:
        del self, data
        with disk_errors(Path("some.part")):
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr("storage.part_file.PartFile.write", full)
    assert "the disk is full" in mistake("models", "pull", "taesd")
    assert not store.is_whole(MODELS["taesd"])


def test_verify_sets_damaged_files_aside_so_that_pull_mends_them(
    hub: FakeHub, store: ModelStore, told: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    told("models", "pull", "taesd")
    path = store.folder_of("taesd") / "diffusion_pytorch_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert run(["models", "verify"]) == 1
    assert "damaged  taesd/diffusion_pytorch_model.safetensors: pull it again" in capsys.readouterr().out
    assert not path.exists()
    assert run(["models", "verify", "taesd"]) == 1
    assert "missing" in capsys.readouterr().out
    told("models", "pull", "taesd")
    assert told("models", "verify").count("sound") == 2


def test_file_without_a_known_hash_is_held_to_what_it_was(
    hub: FakeHub, store: ModelStore, told: Callable[..., str], mistake: Callable[..., str]
) -> None:
    spec = MODELS["hyper-sd-8"]
    assert spec.files[0].sha256 is None
    told("models", "pull", spec.name, "--accept")
    (store.folder_of(spec.name) / spec.files[0].path).unlink()
    hub.files[spec.repo, spec.files[0].path] = small_weights(77)
    assert "not what it should be" in mistake("models", "pull", spec.name)
    assert hub.revisions[-1] == store.record_of(spec.name).commit != spec.revision


def test_two_pulls_do_not_write_one_file(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str]
) -> None:
    file = MODELS["yunet"].files[0]
    with part_file(store.folder_of("yunet") / file.path, tag=file.sha256 or ""):
        assert "another program is fetching" in mistake("models", "pull", "yunet")


def test_part_of_another_version_is_not_gone_on_with(store: ModelStore) -> None:
    target = store.folder_of("taesd") / "a.safetensors"
    with part_file(target, tag="a" * 64) as part:
        part.write(b"old")
    with part_file(target, tag="b" * 64) as part:
        assert part.size == 0
    assert not part_path(target, tag="a" * 64).exists()


def test_mistakes_are_one_sentence(hub: FakeHub, mistake: Callable[..., str], tmp_path: Path) -> None:
    assert "no model or set called sd16; there is sd15" in mistake("models", "pull", "sd16")
    assert "sd15 is not all here; pull it: synid models pull sd15" in mistake("models", "path", "sd15")
    assert "no model or set" in mistake("models", "verify", "sd16")
    assert "--base" in mistake("models", "pull", "taesd", "--base", str(tmp_path))
    assert "--name" in mistake("models", "pull", "taesd", "--name", "x")
    assert "lcm-lora" in mistake("models", "pull", "sd15", "--few-steps", "taesd")
    assert "--few-steps" in mistake("models", "pull", "taesd", "--few-steps", "lcm-lora")
    assert "nothing" not in mistake("models", "pull")


def test_unpulled_set_is_told_how_to_get(
    hub: FakeHub, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNID_DISCORD_TOKEN", raising=False)
    monkeypatch.setenv("SYNID_MODELS", "sd15")
    assert run(["bot", "--check", "--data", str(tmp_path)]) == 1
    assert "MISSING models: the model folder" in (said := capsys.readouterr().out)
    assert "pull it: synid models pull sd15" in said


def test_list_is_readable(hub: FakeHub, told: Callable[..., str]) -> None:
    lines = told("models", "list").splitlines()
    assert any(re.match(r"sd15 +not here +the full-size product", line) for line in lines)
    assert any("1.6 GiB" in line or "0 MiB" in line for line in lines)
    assert not any(len(line) > 150 for line in lines)


def test_table_names_the_files_that_pose_estimators_read() -> None:
    assert [file.path for file in MODELS["openpose"].files] == [OPENPOSE_WEIGHTS]
    assert {file.path for file in MODELS["dwpose"].files} == set(DWPOSE_ONNX)


def test_every_set_has_one_base_and_known_models() -> None:
    for one in SETS.values():
        assert [part.place for part in one.parts].count("") == 1
        assert all(part.model in MODELS for part in one.parts)
        assert not any(MODELS[part.model].has_pickles for part in one.parts)
    assert not SETS.keys() & MODELS.keys()


def test_cut_sentence_names_the_whole_size() -> None:
    said = sentence(TransferCutError(path="a", done=3 << 20, size=9 << 20))
    assert "after 3.0 MiB of 9.0 MiB" in said
