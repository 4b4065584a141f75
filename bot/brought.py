"""Pictures that people bring: checked, made small, and freed of all that a camera wrote beside them."""

import io

from bot.tongue import mark
from synid_engine.errors import UnreadablePictureError

MOST_PICTURE_BYTES = 16 << 20
_MOST_PIXELS = 50_000_000
_LONGEST_SIDE_PX = 1024
_FORMATS = ("PNG", "JPEG", "WEBP")
_BEHIND = (128, 128, 128)
"""What is seen through a picture."""


def checked_picture(data: bytes) -> bytes:
    """Return a picture as a PNG that is no larger than anything here looks at, the right way up.

    It is made small before anything else is done to it: a small file can hold a picture of hundreds of MB.

    Raises:
        UnreadablePictureError: It is no whole PNG, JPEG or WebP file, or far too large.
    """
    from PIL import Image

    from synid_engine.pose.upright import upright

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise UnreadablePictureError(detail=f"{opened.width} x {opened.height} pixels")
            opened.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX), Image.Resampling.LANCZOS)
            turned = upright(opened)
            if turned.mode.startswith("I"):  # 16 bits of grey
                turned = turned.point(lambda level: level * (1 / 256)).convert("L")
            picture = turned.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadablePictureError(detail=mark("no whole PNG, JPEG or WebP file")) from error
    clean = Image.new("RGB", picture.size, _BEHIND)
    clean.paste(picture, mask=picture)
    buffer = io.BytesIO()
    clean.save(buffer, "PNG")
    return buffer.getvalue()
