"""Files that are named by their content."""

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from synid_engine.errors import TensorWriteError
from synid_engine.serving.spool import PICTURE, TENSORS, Spool


def test_files_are_named_by_their_content_and_nothing_else_is_left(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    digest = spool.put(b"some tensors", TENSORS)
    assert spool.put(b"some tensors", TENSORS) == digest == hashlib.sha256(b"some tensors").hexdigest()
    assert spool.path_of(digest, TENSORS).read_bytes() == b"some tensors"
    assert [path.name for path in (tmp_path / "spool").iterdir()] == [f"{digest}.safetensors"]


def test_pictures_have_a_small_version(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    image = Image.linear_gradient("L").convert("RGB").resize((300, 200))
    picture = spool.put_picture(image, seed=4)
    small = Image.open(io.BytesIO(spool.path_of(picture.thumbnail, PICTURE).read_bytes()))
    assert small.size == (128, 85)
    whole = Image.open(spool.path_of(picture.image, PICTURE))
    assert whole.tobytes() == image.tobytes()
    assert picture.seed == 4


def test_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TensorWriteError):
        Spool(tmp_path / "file" / "spool")
    spool = Spool(tmp_path / "spool")
    (tmp_path / "spool").rmdir()
    with pytest.raises(TensorWriteError):
        spool.put(b"x", TENSORS)
