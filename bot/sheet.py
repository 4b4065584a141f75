"""A character's reference sheet: its portrait, and beside it the other pictures that it was learned from."""

import io
from collections.abc import Sequence
from math import ceil

from PIL import Image

_GAP = 8
_PAPER = (255, 255, 255)


def reference_sheet(pictures: Sequence[bytes]) -> bytes:
    """Return one picture of several.

    Args:
        pictures: The portrait, as high as all rows of the others, which follow in two rows, or in three where
            that leaves no place empty; PNG each.

    Returns:
        A PNG; the portrait itself if it is the only one.
    """
    if len(pictures) == 1:
        return pictures[0]
    portrait, *others = (_opened(one) for one in pictures)
    large = 2 * max(max(one.size) for one in (portrait, *others)) + _GAP
    rows = min(len(others), 2 if len(others) % 2 == 0 or len(others) % 3 else 3)
    columns = ceil(len(others) / rows)
    side = (large - (rows - 1) * _GAP) // rows
    sheet = Image.new("RGB", (large + columns * (side + _GAP) + 2 * _GAP, large + 2 * _GAP), _PAPER)
    sheet.paste(portrait.resize((large, large), Image.Resampling.LANCZOS), (_GAP, _GAP))
    for number, one in enumerate(others):
        column, row = divmod(number, rows)
        place = (2 * _GAP + large + column * (side + _GAP), _GAP + row * (side + _GAP))
        sheet.paste(one.resize((side, side), Image.Resampling.LANCZOS), place)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGB")
