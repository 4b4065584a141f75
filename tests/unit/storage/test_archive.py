import hashlib
import io
import json
import pickle
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.archive import ArchiveLimits, export_character, import_character
from storage.errors import (
    ArchiveError,
    ArchiveTooLargeError,
    DamagedMemberError,
    InvalidNameError,
    MissingArchiveError,
    MissingMemberError,
    NotAnArchiveError,
    OtherBaseModelError,
    ProfileExistsError,
    UnexpectedMemberError,
)
from storage.profiles import ProfileStore

from .conftest import MODEL_HASH, Files, bank, character_files, everything_under, picture

Put = Callable[..., None]


def zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in files.items():
            archive.writestr(part, data)
    return buffer.getvalue()


def relisted(files: Files) -> Files:
    """Let the profile list the files that are there, as an attacker would."""
    others = {part: data for part, data in files.items() if part != "profile.json"}
    fields = json.loads(files["profile.json"])
    fields["files"] = {
        part: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for part, data in others.items()
    }
    return {"profile.json": json.dumps(fields).encode(), **others}


@pytest.fixture
def other_store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "other")


@pytest.fixture
def refused(tmp_path: Path, other_store: ProfileStore) -> Callable[..., ArchiveError]:
    """Import bytes, expect a refusal, and see that nothing was written."""

    def refuse(data: bytes, limits: ArchiveLimits | None = None) -> ArchiveError:
        path = tmp_path / "evil.character"
        path.write_bytes(data)
        with pytest.raises(ArchiveError) as caught:
            import_character(path, other_store, model_hash=MODEL_HASH, limits=limits or ArchiveLimits())
        assert everything_under(tmp_path) == ["evil.character"]
        return caught.value

    return refuse


def test_exported_character_imports_equal(
    tmp_path: Path, store: ProfileStore, other_store: ProfileStore, put: Put
) -> None:
    put("Nova")
    path = export_character(store.get("Nova"), tmp_path)
    assert path == tmp_path / "Nova.character"
    stored = import_character(path, other_store, model_hash=MODEL_HASH)
    assert stored.profile == store.get("Nova").profile
    for part in stored.profile.files:
        assert (stored.folder / part).read_bytes() == (store.folder_of("Nova") / part).read_bytes()


def test_one_character_exports_to_the_same_bytes(tmp_path: Path, store: ProfileStore, put: Put) -> None:
    put("Nova")
    first = export_character(store.get("Nova"), tmp_path / "1.character").read_bytes()
    assert export_character(store.get("Nova"), tmp_path / "2.character").read_bytes() == first


def test_taken_name_is_refused_and_another_can_be_given(
    tmp_path: Path, store: ProfileStore, put: Put
) -> None:
    put("Nova")
    path = export_character(store.get("Nova"), tmp_path)
    with pytest.raises(ProfileExistsError):
        import_character(path, store, model_hash=MODEL_HASH)
    assert import_character(path, store, model_hash=MODEL_HASH, name="Nova 2").profile.name == "Nova 2"


def test_name_in_an_archive_is_checked(tmp_path: Path, other_store: ProfileStore) -> None:
    path = tmp_path / "evil.character"
    path.write_bytes(zipped(character_files("../../etc")))
    with pytest.raises(InvalidNameError):
        import_character(path, other_store, model_hash=MODEL_HASH)
    assert everything_under(tmp_path) == ["evil.character"]


def test_missing_file_is_refused(tmp_path: Path, other_store: ProfileStore) -> None:
    with pytest.raises(MissingArchiveError):
        import_character(tmp_path / "none.character", other_store, model_hash=MODEL_HASH)


@pytest.mark.parametrize(
    "member",
    [
        "../evil.png",
        "/etc/passwd",
        "anchors/../../evil.png",
        "C:\\evil.png",
        "anchors\\0.png",
        "run.py",
        "weights.pkl",
        "bank.pt",
        "anchors/",
    ],
)
def test_member_that_no_character_has_is_refused(refused: Callable[..., ArchiveError], member: str) -> None:
    error = refused(zipped(character_files() | {member: b"x"}))
    assert isinstance(error, UnexpectedMemberError)


def test_name_with_a_hidden_end_is_refused(refused: Callable[..., ArchiveError]) -> None:
    data = zipped(character_files() | {"anchors/5.png+.exe": b"x"})
    assert isinstance(refused(data.replace(b".png+.exe", b".png\x00.exe")), UnexpectedMemberError)


def test_unlisted_picture_is_refused(refused: Callable[..., ArchiveError]) -> None:
    assert isinstance(
        refused(zipped(character_files() | {"anchors/9.png": picture()})), UnexpectedMemberError
    )


def test_pickle_in_the_place_of_the_bank_is_refused(refused: Callable[..., ArchiveError]) -> None:
    error = refused(zipped(relisted(character_files() | {"bank.safetensors": pickle.dumps({"a": 1})})))
    assert isinstance(error, DamagedMemberError)
    assert error.member == "bank.safetensors"


def test_pickle_in_the_place_of_the_profile_is_refused(refused: Callable[..., ArchiveError]) -> None:
    assert isinstance(
        refused(zipped(character_files() | {"profile.json": pickle.dumps({})})), DamagedMemberError
    )


def test_something_else_in_the_place_of_a_picture_is_refused(refused: Callable[..., ArchiveError]) -> None:
    files = character_files() | {"anchors/0.png": picture(form="GIF"), "portrait.png": picture()[:-20]}
    assert isinstance(refused(zipped(relisted(files))), DamagedMemberError)


def test_changed_member_is_refused(refused: Callable[..., ArchiveError]) -> None:
    error = refused(zipped(character_files() | {"anchors/1.png": picture("green")}))
    assert isinstance(error, DamagedMemberError)
    assert error.member == "anchors/1.png"


@pytest.mark.parametrize("member", ["profile.json", "bank.safetensors", "portrait.png", "anchors/3.png"])
def test_missing_member_is_refused(refused: Callable[..., ArchiveError], member: str) -> None:
    files = character_files()
    del files[member]
    error = refused(zipped(files))
    assert isinstance(error, MissingMemberError)
    assert error.member == member


def test_character_of_another_base_model_is_refused(refused: Callable[..., ArchiveError]) -> None:
    error = refused(zipped(character_files(model_hash="b" * 64)))
    assert isinstance(error, OtherBaseModelError)
    assert error.found == "b" * 64


def test_bank_that_contradicts_its_profile_is_refused(refused: Callable[..., ArchiveError]) -> None:
    files = relisted(character_files() | {"bank.safetensors": bank("b" * 64)})
    assert isinstance(refused(zipped(files)), DamagedMemberError)


def test_symbolic_link_is_refused(refused: Callable[..., ArchiveError]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for part, data in character_files().items():
            info = zipfile.ZipInfo(part)
            kind = stat.S_IFLNK if part == "portrait.png" else stat.S_IFREG
            info.external_attr = (kind | 0o777) << 16
            archive.writestr(info, data)
    error = refused(buffer.getvalue())
    assert isinstance(error, UnexpectedMemberError)
    assert error.member == "portrait.png"


@pytest.mark.filterwarnings("ignore:Duplicate name")  # zipfile warns while the test makes one
def test_duplicate_member_is_refused(refused: Callable[..., ArchiveError]) -> None:
    buffer = io.BytesIO(zipped(character_files()))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("portrait.png", picture("green"))
    assert isinstance(refused(buffer.getvalue()), UnexpectedMemberError)


def test_zip_bomb_is_refused(refused: Callable[..., ArchiveError]) -> None:
    assert isinstance(
        refused(zipped(character_files() | {"portrait.png": bytes(64 << 20)})), ArchiveTooLargeError
    )


def test_sum_of_members_is_limited(refused: Callable[..., ArchiveError]) -> None:
    assert isinstance(refused(zipped(character_files()), ArchiveLimits(total=500)), ArchiveTooLargeError)


def test_number_of_members_is_limited(refused: Callable[..., ArchiveError]) -> None:
    assert isinstance(refused(zipped(character_files()), ArchiveLimits(members=3)), UnexpectedMemberError)


def test_size_of_the_file_is_limited(refused: Callable[..., ArchiveError]) -> None:
    assert isinstance(refused(zipped(character_files()), ArchiveLimits(archive=100)), ArchiveTooLargeError)


def test_declared_size_that_lies_is_refused(refused: Callable[..., ArchiveError]) -> None:
    data = zipped(character_files() | {"portrait.png": bytes(200_000)})
    honest = (200_000).to_bytes(4, "little")
    assert data.count(honest) == 2
    assert isinstance(refused(data.replace(honest, (1000).to_bytes(4, "little"))), NotAnArchiveError)


def test_huge_picture_is_refused(refused: Callable[..., ArchiveError]) -> None:
    assert isinstance(refused(zipped(character_files()), ArchiveLimits(picture_side=8)), DamagedMemberError)


@pytest.mark.parametrize("kept", [0, 3, 100, -30, -1])
def test_truncated_archive_is_refused(refused: Callable[..., ArchiveError], kept: int) -> None:
    assert isinstance(refused(zipped(character_files())[:kept]), NotAnArchiveError)


def test_other_formats_are_refused(refused: Callable[..., ArchiveError]) -> None:
    for data in (picture(), b"hello", pickle.dumps({}), b"MZ" + zipped(character_files())):
        assert isinstance(refused(data), NotAnArchiveError)


def test_every_single_flipped_byte_is_refused_or_harmless(tmp_path: Path, other_store: ProfileStore) -> None:
    data = zipped(character_files())
    path = tmp_path / "flipped.character"
    for position in range(0, len(data), 7):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])
        try:
            import_character(path, other_store, model_hash=MODEL_HASH)
        except ArchiveError:
            continue
        other_store.delete("Nova")
