"""Backgrounds of the drawn world, as SVG of 256 units: plain walls and simple landscapes, all drawn here."""

PLAIN = {
    "white": "#f7f7f5",
    "grey": "#a9adb3",
    "blue": "#a9d2f5",
    "yellow": "#f6e08a",
    "pink": "#f6c1d2",
    "green": "#a8d8a0",
}


def scene_svg(background: str) -> str:
    """Draw one background.

    Raises:
        KeyError: for a name that the world does not have.
    """
    if background in PLAIN:
        return _sky(PLAIN[background])
    return _SCENES[background]


def _sky(color: str) -> str:
    return f'<rect width="256" height="256" fill="{color}"/>'


def _pine(x: int, base: int, height: int, color: str) -> str:
    half = height // 3
    return f'<path d="M{x - half} {base}L{x} {base - height}L{x + half} {base}z" fill="{color}"/>'


def _tower(x: int, top: int, width: int, color: str, window: str) -> str:
    body = f'<rect x="{x}" y="{top}" width="{width}" height="{256 - top}" fill="{color}"/>'
    rows = "".join(
        f'<rect x="{x + 7 + column * 14}" y="{y}" width="7" height="9" fill="{window}"/>'
        for y in range(top + 10, 240, 22)
        for column in range((width - 7) // 14)
    )
    return body + rows


_STARS = (
    (24, 30),
    (60, 70),
    (40, 120),
    (88, 22),
    (128, 14),
    (170, 26),
    (206, 60),
    (236, 24),
    (228, 112),
    (16, 180),
)

_SCENES = {
    "beach": _sky("#9fdcf4")
    + '<rect y="120" width="256" height="70" fill="#2f9fc9"/><rect y="184" width="256" height="72" fill="#efd79a"/>'
    + '<circle cx="216" cy="42" r="24" fill="#fff1a8"/>',
    "forest": _sky("#cfeccb")
    + "".join(_pine(x, 215, h, "#4d9b63") for x, h in ((10, 150), (62, 120), (200, 130), (246, 165)))
    + "".join(_pine(x, 240, h, "#2f7349") for x, h in ((34, 130), (90, 110), (176, 100), (224, 135)))
    + '<rect y="220" width="256" height="36" fill="#3b8351"/>',
    "city": _sky("#d9e4ee")
    + _tower(0, 70, 50, "#8796a8", "#e9eef3")
    + _tower(54, 120, 44, "#6f8096", "#d6e0ea")
    + _tower(166, 100, 42, "#7b8b9f", "#e3eaf1")
    + _tower(208, 50, 48, "#64758b", "#d6e0ea"),
    "night": _sky("#1b2350")
    + "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="#fff7d6"/>' for x, y in _STARS)
    + '<circle cx="42" cy="64" r="20" fill="#f5e9b0"/><circle cx="51" cy="58" r="17" fill="#1b2350"/>',
    "mountains": _sky("#c5e3f6")
    + '<path d="M-30 256L60 80L150 256z" fill="#7d8fa5"/><path d="M38 124L60 80L83 124L68 116L58 128L50 116z" fill="#fff"/>'
    + '<path d="M110 256L205 60L300 256z" fill="#677a92"/><path d="M181 110L205 60L229 110L214 102L203 116L194 102z" fill="#fff"/>',
    "sunset": _sky("#f9a65a")
    + '<rect width="256" height="70" fill="#e0637a"/><rect y="70" width="256" height="50" fill="#f2846a"/>'
    + '<circle cx="52" cy="168" r="34" fill="#ffe08a"/><rect y="180" width="256" height="76" fill="#6d3f6f"/>',
    "snow": _sky("#b9cfe2")
    + '<path d="M0 200q70-40 140-8t116-14v78H0z" fill="#fbfdff"/>'
    + "".join(
        f'<circle cx="{x}" cy="{y}" r="5" fill="#fff"/>'
        for x, y in (
            (20, 24),
            (66, 58),
            (28, 104),
            (56, 150),
            (110, 18),
            (186, 22),
            (232, 50),
            (206, 96),
            (240, 140),
        )
    ),
}
