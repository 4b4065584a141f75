import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import (
    DamagedProfileError,
    DiskFullError,
    InvalidNameError,
    ProfileExistsError,
    ProfileNotFoundError,
    UnwritableError,
)
from storage.profiles import ProfileStore
from storage.weights import MalformedError, bank_metadata

from .conftest import MODEL_HASH, bank, character_files, everything_under, write_files

Put = Callable[..., None]


def test_put_character_comes_back_whole(store: ProfileStore, put: Put) -> None:
    put("Nova")
    stored = store.get("nova")
    assert stored.profile.name == "Nova"
    assert stored.profile.model_hash == MODEL_HASH
    assert stored.profile.scores == {"identity": 0.93}
    assert stored.profile.report == {"not_drawn": ["cyberpunk"]}
    assert set(stored.profile.files) == {
        "bank.safetensors",
        "portrait.png",
        *(f"anchors/{i}.png" for i in range(4)),
    }
    assert stored.bank.read_bytes() == bank()


def test_names_are_unique_whatever_their_case(put: Put) -> None:
    put("Nova")
    with pytest.raises(ProfileExistsError):
        put("NOVA")


def test_replacement_leaves_one_character_and_no_scrap(tmp_path: Path, store: ProfileStore, put: Put) -> None:
    put("Nova")
    put("NOVA", replace_existing=True)
    assert [stored.profile.name for stored in store.profiles()] == ["NOVA"]
    assert not list((tmp_path / "data" / ".scratch").iterdir())


def _put_and_fail(store: ProfileStore, error: Exception) -> None:
    with store.put("Nova") as folder:
        write_files(folder, character_files())
        raise error


def test_failing_block_leaves_nothing(tmp_path: Path, store: ProfileStore) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        _put_and_fail(store, RuntimeError("stopped"))
    assert everything_under(tmp_path) == []
    assert store.profiles() == []


def test_full_disk_leaves_nothing(tmp_path: Path, store: ProfileStore) -> None:
    with pytest.raises(DiskFullError):
        _put_and_fail(store, OSError(errno.ENOSPC, "No space left on device"))
    assert everything_under(tmp_path) == []


def test_disk_that_fills_while_syncing_leaves_nothing(
    tmp_path: Path, store: ProfileStore, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError):
        put("Nova")
    assert everything_under(tmp_path) == []
    assert not store.exists("Nova")


def test_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UnwritableError), ProfileStore(tmp_path / "data").put("Nova"):
        pass


def test_character_without_bank_is_not_kept(tmp_path: Path, store: ProfileStore) -> None:
    files = character_files()
    del files["bank.safetensors"]
    with pytest.raises(DamagedProfileError), store.put("Nova") as folder:
        write_files(folder, files)
    assert everything_under(tmp_path) == []


@pytest.mark.parametrize("part", ["bank.safetensors", "portrait.png", "anchors/2.png"])
def test_changed_file_is_noticed(store: ProfileStore, put: Put, part: str) -> None:
    put("Nova")
    path = store.folder_of("Nova") / part
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedProfileError) as caught:
        store.get("Nova")
    assert caught.value.part == part


def test_missing_file_is_noticed(store: ProfileStore, put: Put) -> None:
    put("Nova")
    (store.folder_of("Nova") / "portrait.png").unlink()
    with pytest.raises(DamagedProfileError):
        store.get("Nova")


def test_damaged_profile_is_listed_apart_and_can_be_deleted(store: ProfileStore, put: Put) -> None:
    put("Nova")
    put("Rex")
    (store.folder_of("Nova") / "profile.json").write_text("{")
    assert [stored.profile.name for stored in store.profiles()] == ["Rex"]
    assert store.damaged() == [store.folder_of("Nova").name]
    store.delete("Nova")
    assert store.damaged() == []


def test_unknown_name_tells_the_known_ones(store: ProfileStore, put: Put) -> None:
    put("Nova")
    with pytest.raises(ProfileNotFoundError) as caught:
        store.get("Rex")
    assert caught.value.known == ("Nova",)


def test_deleted_character_is_gone(tmp_path: Path, store: ProfileStore, put: Put) -> None:
    put("Nova")
    store.delete("nova")
    assert everything_under(tmp_path) == []
    with pytest.raises(ProfileNotFoundError):
        store.delete("nova")


def test_path_as_name_reaches_no_folder(store: ProfileStore, put: Put) -> None:
    put("Nova")
    with pytest.raises(InvalidNameError):
        store.delete("../characters")


def test_crash_between_the_renames_of_a_replacement_is_undone(
    tmp_path: Path, store: ProfileStore, put: Put
) -> None:
    put("Nova")
    folder = store.folder_of("Nova")
    shutil.move(folder, tmp_path / "data" / ".scratch" / f"old-{folder.name}")
    assert ProfileStore(tmp_path / "data").get("Nova").profile.name == "Nova"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95pickle of some length",
        bank()[:-1],
        bank() + b"\x00",
        (2).to_bytes(8, "little") + b"{}",
        (1 << 40).to_bytes(8, "little") + b"{}",
        (9).to_bytes(8, "little") + b"[[[[[[[[[",
    ],
)
def test_bytes_that_are_no_whole_bank_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        bank_metadata(data)


def test_bank_metadata_is_read_without_tensors() -> None:
    assert bank_metadata(bank("b" * 64)) == {"model_hash": "b" * 64}


def test_full_disk_is_known_before_slow_work(store: ProfileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    nearly_full = shutil.disk_usage("/")._replace(free=1000)

    def usage(_path: object) -> object:
        return nearly_full

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(DiskFullError):
        store.require_room("Nova")


def test_data_folder_that_cannot_be_made_is_known_before_slow_work(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UnwritableError):
        ProfileStore(tmp_path / "data").require_room("Nova")


def test_taken_name_is_known_before_slow_work(store: ProfileStore, put: Put) -> None:
    put("Nova")
    with pytest.raises(ProfileExistsError):
        store.require_room("NOVA")
