import io

import pytest
from PIL import Image

from bot.sheet import reference_sheet


def png(colour: str, side: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_portrait_is_large_and_the_others_stand_beside_it() -> None:
    with Image.open(io.BytesIO(reference_sheet([png("red"), png("green"), png("blue")]))) as sheet:
        colours = {sheet.getpixel(place): place for place in ((20, 20), (63, 12), (63, 36), (1, 1))}
    assert colours == {
        (255, 0, 0): (20, 20),
        (0, 128, 0): (63, 12),
        (0, 0, 255): (63, 36),
        (255, 255, 255): (1, 1),
    }


@pytest.mark.parametrize(
    ("others", "columns", "rows"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 2), (9, 3, 3)]
)
def test_no_place_is_left_empty(others: int, columns: int, rows: int) -> None:
    pictures = [png("red", 32), *[png("blue", 32)] * others]
    with Image.open(io.BytesIO(reference_sheet(pictures))) as sheet:
        side = (72 - (rows - 1) * 8) // rows
        assert sheet.size == (72 + columns * (side + 8) + 16, 72 + 16)
        assert sheet.getpixel((sheet.width - 12, sheet.height - 16)) == (0, 0, 255)


def test_single_portrait_is_its_own_sheet() -> None:
    assert reference_sheet([png("red")]) == png("red")


def test_pictures_of_other_sizes_are_brought_to_one() -> None:
    with Image.open(io.BytesIO(reference_sheet([png("red", 8), *[png("blue", 32)] * 4]))) as sheet:
        assert sheet.size == (72 + 2 * 40 + 16, 72 + 16)
