"""Draw the named poses on one page: `python benchmarks/poses.py` writes `docs/poses.png`."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from synid_engine.pose.library import NAMED_POSES
from synid_engine.pose.skeleton_map import draw_map

SHEET = Path(__file__).parents[1] / "docs" / "poses.png"
SIDE_PX = 256
_COLUMNS, _GAP_PX, _CAPTION_PX = 6, 8, 26
_COLOURS = 64
_PAPER, _INK = (32, 34, 40), (225, 228, 235)


def corner(position: int) -> tuple[int, int]:
    """Return where the map of this number has its upper left corner."""
    row, column = divmod(position, _COLUMNS)
    return _GAP_PX + column * (SIDE_PX + _GAP_PX), _CAPTION_PX + row * (SIDE_PX + _CAPTION_PX + _GAP_PX)


def sheet() -> Image.Image:
    """Return the page; few colours, none of them changed."""
    rows = -(-len(NAMED_POSES) // _COLUMNS)
    left, top = corner(_COLUMNS * rows - 1)
    page = Image.new("RGB", (left + SIDE_PX + _GAP_PX, top + SIDE_PX + _GAP_PX), _PAPER)
    canvas, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    canvas.fontmode = "1"  # a letter of one colour
    for position, (name, body) in enumerate(NAMED_POSES.items()):
        x, y = corner(position)
        page.paste(draw_map([body], width=SIDE_PX, height=SIDE_PX), (x, y))
        canvas.text((x + 2, y - 21), name, fill=_INK, font=font)
    return page.quantize(_COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    sheet().save(SHEET, optimize=True)
