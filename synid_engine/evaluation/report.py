"""Contact sheets: pictures with captions on one page, drawn with Pillow alone.

Knows nothing about characters, models or measures: it is given pictures and words.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetStyle:
    """How a contact sheet looks. Lengths are pixels.

    Attributes:
        cell: Side of the square that a picture is fitted into.
        gap: Space between two cards.
        margin: Space around the page.
        radius: Rounding of cards and pictures.
        caption_lines: Most lines of a caption; the rest is cut with an ellipsis.
        frame: Width of the frame around a marked card.
    """

    cell: int = 320
    gap: int = 24
    margin: int = 48
    padding: int = 12
    radius: int = 18
    frame: int = 8
    caption_size: int = 21
    caption_lines: int = 2
    title_size: int = 52
    subtitle_size: int = 24
    page: Colour = (245, 243, 239)
    card: Colour = (255, 255, 255)
    shadow: Colour = (226, 221, 213)
    ink: Colour = (38, 36, 44)
    faint: Colour = (110, 105, 118)
    accent: Colour = (226, 98, 74)

    def __post_init__(self) -> None:
        """Refuse a page that nothing fits on."""
        if min(self.cell, self.caption_size, self.title_size, self.subtitle_size) < 8:  # noqa: PLR2004
            message = "cells and letters need at least 8 pixels"
            raise ValueError(message)


def contact_sheet(  # noqa: PLR0913  (options that a caller names)
    images: Sequence[Image.Image],
    labels: Sequence[str],
    columns: int,
    *,
    title: str = "",
    subtitle: str = "",
    hero: Image.Image | None = None,
    hero_label: str = "",
    marked: Collection[int] = (),
    style: SheetStyle | None = None,
) -> Image.Image:
    """Draw labelled pictures as a page of cards.

    Args:
        images: The pictures, in reading order; any size, fitted into square cells.
        labels: One caption a picture; one that is empty leaves its picture in the middle of the card.
        columns: Cards in a row, at least 1.
        title: Large line on top; left out when empty.
        subtitle: Smaller lines under it, wrapped to the page.
        hero: A picture shown twice as large at the left of the first two rows, for example the portrait.
        hero_label: Its caption.
        marked: Positions of the pictures that have a frame.
        style: Sizes and colours.

    Returns:
        The page, RGB.

    Raises:
        ValueError: The counts of pictures and captions differ, or there is nothing to draw.
    """
    if len(images) != len(labels):
        message = f"{len(images)} pictures but {len(labels)} captions"
        raise ValueError(message)
    if columns < 1 or (not images and hero is None):
        message = "a sheet needs a picture and a column"
        raise ValueError(message)
    return _Sheet(
        style or SheetStyle(), columns=columns, has_hero=hero is not None, pictures=len(images)
    ).draw(images, labels, title=title, subtitle=subtitle, hero=hero, hero_label=hero_label, marked=marked)


class _Sheet:
    """Where things stand on one page."""

    def __init__(self, style: SheetStyle, *, columns: int, has_hero: bool, pictures: int) -> None:
        self._style = style
        self._columns = columns
        self._hero_columns = 2 if has_hero else 0
        self._caption_font = _font(style.caption_size)
        self._caption_height = _line_height(style.caption_size) * style.caption_lines + style.padding
        self._card_width = style.cell + 2 * style.padding
        self._card_height = style.cell + 2 * style.padding + self._caption_height
        beside_hero = 2 * columns if has_hero else 0
        self._rows = (2 if has_hero else 0) + max(0, -(-(pictures - beside_hero) // self._page_columns))
        self._pictures_beside_hero = beside_hero

    @property
    def _page_columns(self) -> int:
        return self._columns + self._hero_columns

    def draw(
        self,
        images: Sequence[Image.Image],
        labels: Sequence[str],
        *,
        title: str,
        subtitle: str,
        hero: Image.Image | None,
        hero_label: str,
        marked: Collection[int],
    ) -> Image.Image:
        style = self._style
        width = 2 * style.margin + self._page_columns * (self._card_width + style.gap) - style.gap
        subtitle_lines = _wrap(subtitle, _font(style.subtitle_size), width - 2 * style.margin, limit=3)
        top = style.margin + self._heading_height(title, subtitle_lines)
        height = top + self._rows * (self._card_height + style.gap) - style.gap + style.margin
        page = Image.new("RGB", (width, height), style.page)
        self._heading(page, title, subtitle_lines)
        if hero is not None:
            self._card(page, hero, hero_label, (style.margin, top), span=2)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            column, row = self._place(index)
            corner = (
                style.margin + column * (self._card_width + style.gap),
                top + row * (self._card_height + style.gap),
            )
            self._card(page, image, label, corner, span=1)
            if index in marked:
                _frame(page, (*corner, self._card_width, self._card_height), style)
        return page

    def _place(self, index: int) -> tuple[int, int]:
        if index < self._pictures_beside_hero:
            return self._hero_columns + index % self._columns, index // self._columns
        rest = index - self._pictures_beside_hero
        first_row = 2 if self._hero_columns else 0
        return rest % self._page_columns, first_row + rest // self._page_columns

    def _heading_height(self, title: str, subtitle_lines: Sequence[str]) -> int:
        style = self._style
        height = _line_height(style.title_size) + style.padding if title else 0
        height += len(subtitle_lines) * _line_height(style.subtitle_size)
        return height + (style.gap + style.padding if height else 0)

    def _heading(self, page: Image.Image, title: str, subtitle_lines: Sequence[str]) -> None:
        style = self._style
        canvas = ImageDraw.Draw(page)
        y = style.margin
        if title:
            line_height = _line_height(style.title_size)
            canvas.rounded_rectangle(
                (style.margin, y + 4, style.margin + 8, y + line_height - 4), 4, fill=style.accent
            )
            canvas.text((style.margin + 26, y), _visible(title), font=_font(style.title_size), fill=style.ink)
            y += line_height + style.padding
        for line in subtitle_lines:
            canvas.text((style.margin, y), line, font=_font(style.subtitle_size), fill=style.faint)
            y += _line_height(style.subtitle_size)

    def _card(
        self, page: Image.Image, image: Image.Image, label: str, corner: tuple[int, int], *, span: int
    ) -> None:
        style = self._style
        x, y = corner
        width = span * self._card_width + (span - 1) * style.gap
        height = span * self._card_height + (span - 1) * style.gap
        _card_shape(page, (x, y, width, height), style)
        side = width - 2 * style.padding
        caption_height = height - side - 2 * style.padding
        picture = _square(image, side)
        top = y + style.padding + (0 if label else caption_height // 2)
        page.paste(picture, (x + style.padding, top), _rounded_mask(side, style.radius - 6))
        font = _font(style.caption_size + (10 if span > 1 else 0))
        line_height = _line_height(style.caption_size + (10 if span > 1 else 0))
        lines = _wrap(
            label,
            font,
            side,
            limit=max(1, min(style.caption_lines + span - 1, caption_height // line_height)),
        )
        text_top = y + style.padding + side + (caption_height + style.padding - line_height * len(lines)) // 2
        canvas = ImageDraw.Draw(page)
        for number, line in enumerate(lines):
            middle = x + width // 2
            canvas.text(
                (middle, text_top + number * line_height), line, font=font, fill=style.ink, anchor="ma"
            )


def _card_shape(page: Image.Image, box: tuple[int, int, int, int], style: SheetStyle) -> None:
    x, y, width, height = box
    canvas = ImageDraw.Draw(page)
    canvas.rounded_rectangle((x, y + 4, x + width, y + height + 4), style.radius, fill=style.shadow)
    canvas.rounded_rectangle((x, y, x + width, y + height), style.radius, fill=style.card)


def _frame(page: Image.Image, box: tuple[int, int, int, int], style: SheetStyle) -> None:
    x, y, width, height = box
    ImageDraw.Draw(page).rounded_rectangle(
        (x, y, x + width, y + height), style.radius, outline=style.accent, width=style.frame
    )


def _square(image: Image.Image, side: int) -> Image.Image:
    """Fit a picture into a square without changing its proportions, on white."""
    picture = image.convert("RGB")
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    fitted = picture.resize(size, Image.Resampling.LANCZOS)
    square = Image.new("RGB", (side, side), (255, 255, 255))
    square.paste(fitted, ((side - size[0]) // 2, (side - size[1]) // 2))
    return square


def _rounded_mask(side: int, radius: int) -> Image.Image:
    """Draw a rounded square four times too large and shrink it, so that its corners are smooth."""
    mask = Image.new("L", (side * 4, side * 4), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, side * 4 - 1, side * 4 - 1), max(1, radius) * 4, fill=255)
    return mask.resize((side, side), Image.Resampling.LANCZOS)


def _font(size: int) -> Font:
    return ImageFont.load_default(size=size)


def _line_height(size: int) -> int:
    return round(size * 1.3)


def _visible(text: str) -> str:
    """One line of text without control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _wrap(text: str, font: Font, width: int, *, limit: int) -> list[str]:
    """Break a text into at most `limit` lines of at most `width` pixels."""
    lines: list[str] = []
    words = _visible(text).split()
    while words:
        line, words = _take_line(words, font, width)
        if len(lines) + 1 == limit and words:
            lines.append(_shorten(f"{line} {words[0]}", font, width))
            break
        lines.append(line)
    return lines


def _take_line(words: list[str], font: Font, width: int) -> tuple[str, list[str]]:
    count = 1
    while count < len(words) and font.getlength(" ".join(words[: count + 1])) <= width:
        count += 1
    line = " ".join(words[:count])
    if font.getlength(line) > width:
        line = _shorten(line, font, width)
    return line, words[count:]


def _shorten(line: str, font: Font, width: int) -> str:
    while line and font.getlength(f"{line.rstrip()}...") > width:
        line = line[:-1]
    return f"{line.rstrip()}..."
