"""Pictures that people bring."""

import io

import pytest
from PIL import Image

from bot import brought
from bot.brought import checked_picture
from synid_engine.errors import UnreadablePictureError


def file(picture: Image.Image, form: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **settings)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_picture_becomes_a_small_png(form: str) -> None:
    with Image.open(io.BytesIO(checked_picture(file(Image.new("RGB", (3000, 1500)), form)))) as opened:
        assert (opened.format, opened.mode, opened.size) == ("PNG", "RGB", (1024, 512))


def test_picture_stands_upright_and_forgets_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "at home"
    data = file(Image.new("RGB", (40, 20)), "JPEG", exif=exif)
    assert b"at home" in data
    clean = checked_picture(data)
    assert b"at home" not in clean
    with Image.open(io.BytesIO(clean)) as opened:
        assert opened.size == (20, 40)
        assert not opened.info


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff" + bytes(50)])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadablePictureError):
        checked_picture(data)


def test_cut_or_far_too_large_picture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = file(Image.effect_noise((64, 64), 50.0), "PNG")
    assert checked_picture(whole)
    with pytest.raises(UnreadablePictureError):
        checked_picture(whole[: len(whole) // 2])
    monkeypatch.setattr(brought, "_MOST_PIXELS", 1000)
    with pytest.raises(UnreadablePictureError, match="64 x 64"):
        checked_picture(whole)
