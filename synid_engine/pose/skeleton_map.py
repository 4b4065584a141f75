"""Bodies drawn as OpenPose draws them, which is what a pose ControlNet was trained to read."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from synid_engine.pose.body import LIMBS, Body

_Place = tuple[float, float]
_Colour = tuple[int, int, int]

_COLOURS: tuple[_Colour, ...] = (
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
)
"""Of a joint, and of the limb of the same number."""
_LIMB_LIGHT = 0.6
_STICK_PX = 4
_USUAL_SIDE_PX = 512
_TURN = 360


def draw_map(bodies: Sequence[Body], *, width: int, height: int) -> Image.Image:
    """Draw bodies on black, later ones above.

    Args:
        bodies: Who is in the picture.
        width: Of the map, in pixels.
        height: Likewise.

    Returns:
        RGB. Limbs are ellipses 8 pixels thick and joints circles of that width where the shorter side is 512,
        and scale with it.

    Source: controlnet_aux 0.0.10 `open_pose.util.draw_bodypose`, for colours, order and sizes.
    Deviation: sizes follow the picture; upstream draws where the shorter side is 512, and resizes the map.
    """
    picture = Image.new("RGB", (width, height))
    canvas = ImageDraw.Draw(picture)
    stick = max(1, round(_STICK_PX * min(width, height) / _USUAL_SIDE_PX))
    for body in bodies:
        joints = body.placed(width, height)
        for (first, second), colour in zip(LIMBS, _COLOURS, strict=False):
            ends = joints[first], joints[second]
            if ends[0] is not None and ends[1] is not None:
                _draw_limb(canvas, ends[0], ends[1], stick, colour)
        for joint, colour in zip(joints, _COLOURS, strict=True):
            if joint is not None:
                _draw_joint(canvas, joint, stick, colour)
    return picture


def _draw_limb(
    canvas: ImageDraw.ImageDraw, first: _Place, second: _Place, stick: int, colour: _Colour
) -> None:
    """Fill the ellipse between two joints, with whole pixels and degrees as upstream does."""
    across, down = first[0] - second[0], first[1] - second[1]
    middle_x, middle_y = int((first[0] + second[0]) / 2), int((first[1] + second[1]) / 2)
    half_length = int(math.hypot(across, down) / 2)
    tilt = math.radians(int(math.degrees(math.atan2(down, across))))
    edge: list[tuple[int, int]] = []
    for degrees in range(_TURN):
        along = half_length * math.cos(math.radians(degrees))
        aside = stick * math.sin(math.radians(degrees))
        x = round(middle_x + along * math.cos(tilt) - aside * math.sin(tilt))
        y = round(middle_y + along * math.sin(tilt) + aside * math.cos(tilt))
        edge.append((x, y))
    red, green, blue = (int(level * _LIMB_LIGHT) for level in colour)
    canvas.polygon(list(dict.fromkeys(edge)), fill=(red, green, blue))


def _draw_joint(canvas: ImageDraw.ImageDraw, joint: _Place, radius: int, colour: _Colour) -> None:
    """Fill the pixels that are no further away than the radius."""
    middle_x, middle_y = int(joint[0]), int(joint[1])
    for down in range(-radius, radius + 1):
        half = math.isqrt(radius**2 - down**2)
        y = middle_y + down
        canvas.line((middle_x - half, y, middle_x + half, y), fill=colour)
