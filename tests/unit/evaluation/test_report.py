import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from synid_engine.evaluation.report import SheetStyle, contact_sheet

STYLE = SheetStyle(
    cell=64, gap=8, margin=10, padding=4, radius=8, caption_size=12, title_size=20, subtitle_size=12
)


def _picture(colour: str, size: tuple[int, int] = (32, 32)) -> Image.Image:
    return Image.new("RGB", size, colour)


def _has(page: Image.Image | NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((np.asarray(page) == np.array(colour)).all(-1).any())


def test_every_picture_is_on_the_page() -> None:
    colours = ["red", "lime", "blue", "yellow", "cyan"]
    page = contact_sheet(
        [_picture(one) for one in colours], colours, 2, style=STYLE, hero=_picture("magenta")
    )
    expected = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255)]
    assert all(_has(page, colour) for colour in expected)


def test_page_grows_with_its_rows_and_title() -> None:
    one = contact_sheet([_picture("red")] * 2, ["a", "b"], 2, style=STYLE)
    two = contact_sheet([_picture("red")] * 3, ["a", "b", "c"], 2, style=STYLE)
    titled = contact_sheet(
        [_picture("red")] * 2, ["a", "b"], 2, style=STYLE, title="Nova", subtitle="red hair"
    )
    assert one.width == two.width == titled.width
    assert two.height > one.height
    assert titled.height > one.height


def test_captions_change_the_page_and_never_leave_their_card() -> None:
    plain = contact_sheet([_picture("red")], [""], 1, style=STYLE)
    worded = contact_sheet([_picture("red")], ["a word " * 100], 1, style=STYLE)
    unbroken = contact_sheet([_picture("red")], ["w" * 400], 1, style=STYLE)
    ink = np.array(STYLE.ink)
    for page in (worded, unbroken):
        assert page.size == plain.size
        columns = np.nonzero((np.asarray(page) == ink).all(-1).any(0))[0]
        assert columns.min() >= STYLE.margin + STYLE.padding
        assert columns.max() <= page.width - STYLE.margin - STYLE.padding


def test_control_characters_in_a_caption_are_harmless() -> None:
    contact_sheet([_picture("red")], ["a\x00b\nc\u202e🦊"], 1, style=STYLE, title="\x1b[31m")


def test_marked_pictures_alone_have_a_frame() -> None:
    pictures, labels = [_picture("red")] * 3, ["1", "2", "3"]
    plain = np.asarray(contact_sheet(pictures, labels, 3, style=STYLE))
    marked = np.asarray(contact_sheet(pictures, labels, 3, style=STYLE, marked=(1,)))
    changed = np.nonzero((plain != marked).any(axis=(0, 2)))[0]
    width = STYLE.cell + 2 * STYLE.padding
    left = STYLE.margin + width + STYLE.gap
    assert left <= changed.min() <= changed.max() <= left + width
    assert _has(marked, STYLE.accent)


def test_picture_without_a_caption_is_in_the_middle_of_its_card() -> None:
    page = np.asarray(contact_sheet([_picture("red")], [""], 1, style=STYLE))
    rows = np.nonzero((page == np.array((255, 0, 0))).all(-1).any(1))[0]
    assert abs((rows.min() + rows.max()) - page.shape[0]) <= 2


def test_wide_picture_keeps_its_proportions() -> None:
    page = np.asarray(contact_sheet([_picture("red", (64, 32))], ["wide"], 1, style=STYLE))
    rows, columns = np.nonzero((page == np.array((255, 0, 0))).all(-1))
    height, width = int(rows.max() - rows.min() + 1), int(columns.max() - columns.min() + 1)
    assert abs(width - 2 * height) <= 2


def test_counts_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="2 pictures but 1 captions"):
        contact_sheet([_picture("red")] * 2, ["a"], 2)


def test_empty_page_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a picture"):
        contact_sheet([], [], 2)
