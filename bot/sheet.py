"""A character's reference sheet: its portrait, and beside it the other pictures that it was learned from."""

import io
from collections.abc import Sequence
from math import ceil

from PIL import Image

_GAP = 8
_PAPER = (255, 255, 255)
_ROWS = 2


def reference_sheet(pictures: Sequence[bytes]) -> bytes:
    """Return one picture of several.

    Args:
        pictures: The portrait, twice as large as the others, which follow in two rows; PNG each.

    Returns:
        A PNG; the portrait itself if it is the only one.
    """
    if len(pictures) == 1:
        return pictures[0]
    portrait, *others = (_opened(one) for one in pictures)
    side = max(max(one.size) for one in (portrait, *others))
    columns = ceil(len(others) / _ROWS)
    large = _ROWS * side + _GAP
    sheet = Image.new("RGB", (large + columns * (side + _GAP) + 2 * _GAP, large + 2 * _GAP), _PAPER)
    sheet.paste(portrait.resize((large, large), Image.Resampling.LANCZOS), (_GAP, _GAP))
    for number, one in enumerate(others):
        column, row = divmod(number, _ROWS)
        place = (2 * _GAP + large + column * (side + _GAP), _GAP + row * (side + _GAP))
        sheet.paste(one.resize((side, side), Image.Resampling.LANCZOS), place)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGB")
