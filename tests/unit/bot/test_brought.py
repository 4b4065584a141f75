"""Pictures that people bring."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

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


def opened(data: bytes) -> Image.Image:
    """Open what becomes of a picture."""
    return Image.open(io.BytesIO(checked_picture(data)))


def turned(way: object) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "x" * 20
    exif[0x0112] = way
    return exif


@pytest.mark.parametrize("way", range(10))
def test_picture_is_turned_as_its_camera_was(way: int) -> None:
    picture = Image.effect_noise((24, 20), 80.0).convert("RGB")
    data = file(picture, "PNG", exif=turned(way))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(np.asarray(opened(data)), np.asarray(upright))


def test_what_a_camera_wrote_amiss_does_not_keep_its_photo_from_standing_upright() -> None:
    data = file(Image.new("RGB", (40, 20)), "JPEG", exif=turned(6))
    amiss = data.replace(b"\x01\x0e\x00\x02", b"\x01\x00\x00\x02")  # the width, in letters
    assert amiss != data
    assert opened(amiss).size == (20, 40)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0of no camera", b"Exif\0\0MM\0*\0\0\0\x08\0"])
def test_photo_with_illegible_notes_is_taken_as_it_is(exif: bytes) -> None:
    assert opened(file(Image.new("RGB", (40, 20)), "JPEG", exif=exif)).size == (40, 20)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_hidden_colours_stay_hidden(mode: str) -> None:
    pixels = np.zeros((20, 20, len(mode)), np.uint8)
    pixels[:10] = 255
    pixels[10:, :, -2] = 200  # transparent, and not grey
    seen = np.asarray(opened(file(Image.fromarray(pixels, mode), "PNG")))
    assert np.unique(seen[:10]).tolist() == [255]
    assert np.unique(seen[10:]).tolist() == [128]


def test_transparent_colour_of_a_palette_stays_hidden() -> None:
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    assert opened(file(palette, "PNG")).getpixel((0, 0)) == (0, 0, 255)
    assert opened(file(palette, "PNG", transparency=1)).getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("side", [256, 2048])
def test_sixteen_bits_of_grey_keep_their_shades(side: int) -> None:
    shades = np.tile(np.linspace(0, 65535, side, dtype=np.uint16), (side, 1))
    seen = np.asarray(opened(file(Image.fromarray(shades), "PNG")))[0, :, 0].astype(float)
    assert np.abs(seen - np.linspace(0, 255, len(seen))).max() < 1.5


@pytest.mark.parametrize(("form", "most_mb"), [("PNG", 300), ("JPEG", 120)])
def test_small_file_of_a_huge_picture_takes_little_memory(tmp_path: Path, form: str, most_mb: int) -> None:
    path = tmp_path / "huge"
    path.write_bytes(file(Image.new("RGB", (7000, 7000)), form))
    code = (
        "import pathlib; from PIL import Image; from bot.brought import checked_picture as check;"
        "from bot.peak_memory import PeakMemory as P; Image.init();"
        f"data = pathlib.Path({str(path)!r}).read_bytes(); before = P.measured().own; check(data);"
        "print(P.measured().own - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < most_mb * 1e6


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
