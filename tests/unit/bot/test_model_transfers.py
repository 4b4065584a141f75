"""How `synid models pull` bears with hubs, disks and people that break in."""

import fcntl
import hashlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from bot import model_pull
from bot.cli import run
from bot.model_hub import HubConfig
from storage.model_errors import PullRunningError
from storage.models import ModelStore
from storage.part_file import part_file
from storage.swept_scratch import swept_scratch
from synid_engine.runtime.model_table import MODELS

from ...hub import FakeHub, as_served, small_weights  # noqa: TID252  (tests are no package)

WEIGHTS = "diffusion_pytorch_model.safetensors"
TAG = "ab" * 32


def test_hub_that_sends_more_than_it_announced_is_given_up(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str]
) -> None:
    hub.manners.longer["vocab.json"] = 1 << 21
    hub.manners.longer[WEIGHTS] = 1 << 21
    hub.manners.no_ranges.add(WEIGHTS)
    hub.manners.piece = 1 << 21
    size = len(hub.files[MODELS["taesd"].repo, WEIGHTS])
    assert f"it sends more than the {size} bytes" in mistake("models", "pull", "taesd")
    assert [path.stat().st_size for path in store.root.rglob("*.part")] == [0]


@pytest.mark.timeout(60)
def test_hub_without_ranges_that_breaks_off_now_here_now_there_is_given_up(
    hub: FakeHub, mistake: Callable[..., str]
) -> None:
    hub.manners.no_ranges.add(WEIGHTS)
    hub.manners.cuts[WEIGHTS] = cycle((40_000, 20_000))
    hub.manners.piece = 10_000
    assert f"broke off {WEIGHTS}" in mistake("models", "pull", "taesd")


def test_interrupt_ends_a_pull_whose_hub_is_silent(hub: FakeHub) -> None:
    hub.manners.silent.add(WEIGHTS)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    assert run(["models", "pull", "taesd"]) == 130
    assert time.monotonic() - began < 10


def test_hub_that_asks_to_wait_is_waited_for(hub: FakeHub, told: Callable[..., str]) -> None:
    hub.manners.faulty["config.json"] = 1
    hub.manners.retry_after_s = 1
    began = time.monotonic()
    told("models", "pull", "taesd")
    assert time.monotonic() - began >= 1


def test_tag_that_is_no_file_name_is_one_all_the_same(
    hub: FakeHub, store: ModelStore, told: Callable[..., str]
) -> None:
    hub.manners.tags = {"config.json": "a/../b", WEIGHTS: "c/" * 20}
    told("models", "pull", "taesd")
    assert store.is_whole(MODELS["taesd"])


def test_parts_of_two_odd_tags_are_two(tmp_path: Path) -> None:
    with part_file(tmp_path / "a", tag="0123456789abcdef-1") as part:
        part.write(b"old")
    with part_file(tmp_path / "a", tag="0123456789abcdef-2") as part:
        assert part.size == 0


@pytest.mark.parametrize("address", ["http://[::1", "huggingface.co", "ftp://huggingface.co"])
def test_address_that_is_none_is_one_sentence(
    hub: FakeHub, mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert f"HF_ENDPOINT cannot be {address}" in mistake("models", "pull", "taesd")


def test_room_is_wanted_for_what_is_still_to_come(
    hub: FakeHub, store: ModelStore, mistake: Callable[..., str], told: Callable[..., str]
) -> None:
    spec = MODELS["control-openpose"]
    path = spec.files[1].path
    data = small_weights(3, size=200 << 20)
    hub.files[spec.repo, path] = data
    usage = shutil.disk_usage("/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.model_pull.shutil.disk_usage", lambda _: usage._replace(free=100 << 20))
        assert "need 264.0 MiB" in mistake("models", "pull", spec.name)
        target = store.folder_of(spec.name) / path
        with part_file(target, tag=hashlib.sha256(data).hexdigest()) as part:
            part.write(data[: 190 << 20])
        told("models", "pull", spec.name)


def test_missing_file_is_told_before_anything_is_fetched(hub: FakeHub, mistake: Callable[..., str]) -> None:
    spec = MODELS["clip-vit-l14"]
    del hub.files[spec.repo, spec.files[-1].path]
    mistake("models", "pull", spec.name)
    assert not any(line.startswith("GET") for line in hub.asked)


def test_progress_tells_which_file_of_how_many(
    hub: FakeHub, told: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "pull", "taesd"]) == 0
    assert "file 2 of 2" in capsys.readouterr().err


def test_file_that_lies_there_without_a_record_is_taken(
    hub: FakeHub, store: ModelStore, told: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told("models", "pull", "taesd")
    record = store.folder_of("taesd") / ".synid.json"
    record.unlink()
    hub.asked.clear()
    told("models", "pull", "taesd")
    assert not any(line.startswith("GET") for line in hub.asked)
    assert store.is_whole(MODELS["taesd"])
    told("models", "pull", "yunet")
    (store.folder_of("yunet") / ".synid.json").unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # the table alone vouches for it
    told("models", "pull", "yunet")
    assert store.is_whole(MODELS["yunet"])


def test_something_else_that_lies_there_is_replaced(
    hub: FakeHub, store: ModelStore, told: Callable[..., str]
) -> None:
    path = store.folder_of("taesd") / WEIGHTS
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    told("models", "pull", "taesd")
    assert path.read_bytes() == hub.files[MODELS["taesd"].repo, WEIGHTS]


def test_new_hash_in_the_table_makes_a_file_lacking(
    hub: FakeHub,
    store: ModelStore,
    told: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told("models", "pull", "lcm-lora")
    spec = MODELS["lcm-lora"]
    assert not spec.is_pinned
    hub.files[spec.repo, spec.files[0].path] = small_weights(99)
    monkeypatch.setitem(MODELS, spec.name, as_served(hub, spec))
    assert run(["models", "verify", spec.name]) == 1
    assert f"outdated {spec.name}/{spec.files[0].path}" in capsys.readouterr().out
    assert "not all here" in _failing("models", "path", spec.name, capsys=capsys)
    told("models", "pull", spec.name)
    assert hub.revisions[-1] != spec.revision
    assert "main" in hub.revisions, "the commit that is here is not the one wanted"
    assert told("models", "verify", spec.name).startswith("sound")


@pytest.mark.parametrize("change", [{"revision": "d1" * 20}, {"repo": "somebody/else"}])
def test_new_revision_or_repository_in_the_table_makes_files_lacking(
    hub: FakeHub,
    store: ModelStore,
    told: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
) -> None:
    spec = MODELS["taesd"]
    told("models", "pull", spec.name)
    other = replace(spec, **change)
    for file in spec.files:
        hub.files[other.repo, file.path] = hub.files[spec.repo, file.path]
    monkeypatch.setitem(MODELS, spec.name, other)
    plain, promised = spec.files
    assert promised.sha256 is not None
    assert store.lacking(other) == (plain,), "what the table has a hash of is the same"
    told("models", "pull", spec.name)
    assert store.is_whole(other)


def test_interrupted_change_of_version_keeps_nothing_of_the_old_one(
    hub: FakeHub, store: ModelStore, told: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = MODELS["clip-vit-l14"]
    told("models", "pull", spec.name)
    other = replace(spec, revision="d1" * 20)
    monkeypatch.setitem(MODELS, spec.name, other)
    lacking = store.lacking(other)
    assert len(lacking) > 2
    for file in lacking:
        hub.files[spec.repo, file.path] += b" "
    hub.manners.silent.add(lacking[1].path)

    def stop() -> None:
        if len(store.lacking(other)) < len(lacking):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_pull.pull(
            [other],
            store,
            HubConfig(endpoint=hub.endpoint),
            is_offline=False,
            on_progress=lambda _: None,
            check_stop=stop,
        )
    assert store.lacking(other) == lacking[1:]


def test_damaged_file_goes_when_the_new_one_has_come(
    hub: FakeHub, store: ModelStore, told: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    told("models", "pull", "taesd")
    path = store.folder_of("taesd") / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    run(["models", "verify", "taesd"])
    assert path.with_name(f"{WEIGHTS}.damaged").exists()
    told("models", "pull", "taesd")
    assert not path.with_name(f"{WEIGHTS}.damaged").exists()


def test_part_that_another_pull_finished_meanwhile_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def finished_first(file: object, how: int) -> None:
        [part] = tmp_path.glob(".a.*.part")
        part.rename(tmp_path / "a")
        lock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr("storage.part_file.fcntl.flock", finished_first)
    with pytest.raises(PullRunningError), part_file(tmp_path / "a", tag=TAG):
        pass
    assert (tmp_path / "a").exists()


def test_disk_without_locks_is_one_sentence(
    hub: FakeHub, mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_file: object, _how: int) -> None:
        raise OSError(37, os.strerror(37))

    monkeypatch.setattr("storage.part_file.fcntl.flock", no_locks)
    assert "cannot be written: No locks available" in mistake("models", "pull", "taesd")


def test_scratch_of_a_killed_program_is_swept_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    left = tmp_path / "new-0123456789abcdef"
    left.mkdir()
    fresh = tmp_path / "new-fedcba9876543210"
    fresh.mkdir()
    with swept_scratch(tmp_path) as lent:
        for folder in (left, lent):
            os.utime(folder, (0, 0))
        with swept_scratch(tmp_path) as second:
            assert sorted(tmp_path.iterdir()) == sorted((fresh, lent, second))


def _failing(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(words) == 2
    return capsys.readouterr().err
