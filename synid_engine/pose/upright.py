"""Photos the right way up. Knows nothing of people; writes nothing that a camera wrote beside a photo."""

import struct
from collections.abc import Mapping

from PIL import Image

_ORIENTATION = 0x0112
_TURNS: Mapping[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ILLEGIBLE = (struct.error, OSError, ValueError, TypeError, LookupError, SyntaxError)


def upright(picture: Image.Image) -> Image.Image:
    """Return a picture as the camera was held, or itself where that is not told or cannot be read.

    Source: Exif 2.32, section 4.6.4, tag Orientation.
    """
    try:
        turn = _TURNS.get(picture.getexif().get(_ORIENTATION))
    except _ILLEGIBLE:
        return picture
    return picture if turn is None else picture.transpose(turn)
