"""Pictures that people bring: checked, made small, and freed of all that a camera wrote beside them."""

import io

from bot.tongue import mark
from synid_engine.errors import UnreadablePictureError

MOST_PICTURE_BYTES = 16 << 20
_MOST_PIXELS = 50_000_000
_LONGEST_SIDE_PX = 1024
_FORMATS = ("PNG", "JPEG", "WEBP")


def checked_picture(data: bytes) -> bytes:
    """Return a picture as a PNG that is no larger than anything here looks at, the right way up.

    Raises:
        UnreadablePictureError: It is no whole PNG, JPEG or WebP file, or far too large.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise UnreadablePictureError(detail=f"{opened.width} x {opened.height} pixels")
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadablePictureError(detail=mark("no whole PNG, JPEG or WebP file")) from error
    picture.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX), Image.Resampling.LANCZOS)
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    buffer = io.BytesIO()
    clean.save(buffer, "PNG")
    return buffer.getvalue()
