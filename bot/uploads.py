"""Pictures as files that Discord takes: as they are if they fit, else encoded smaller."""

import io
from dataclasses import dataclass

from PIL import Image

from bot.chat_errors import PictureTooLargeError

REQUEST_LIMIT = 24 << 20  # bytes of all files of one message; Discord takes 25 MiB
_QUALITIES = (92, 80, 65, 45)
_SMALLEST_SIDE = 64


def _tile() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (128, 128), (96, 96, 96)).save(buffer, "PNG")
    return buffer.getvalue()


WITHHELD_TILE = _tile()
"""Stands where a picture would that is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file on its way out."""

    name: str
    data: bytes


def fitted(stem: str, data: bytes, *, limit: int) -> Upload:
    """Return a PNG as it is, or as WebP or JPEG in lower quality, or smaller, whatever fits first.

    Raises:
        PictureTooLargeError: Nothing fits.
    """
    if len(data) <= limit:
        return Upload(name=f"{stem}.png", data=data)
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    while True:
        for form in ("webp", "jpeg"):
            for quality in _QUALITIES:
                encoded = _encoded(picture, form, quality)
                if len(encoded) <= limit:
                    return Upload(name=f"{stem}.{'jpg' if form == 'jpeg' else form}", data=encoded)
        if min(picture.size) // 2 < _SMALLEST_SIDE:
            raise PictureTooLargeError(limit=limit)
        picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)


def all_fitted(stem: str, pictures: list[bytes], *, limit: int) -> tuple[Upload, ...]:
    """Return pictures that fit one by one and all together.

    Raises:
        PictureTooLargeError: One does not fit.
    """
    share = min(limit, REQUEST_LIMIT // max(1, len(pictures)))
    return tuple(
        fitted(f"{stem}-{number}", data, limit=share) for number, data in enumerate(pictures, start=1)
    )


def _encoded(picture: Image.Image, form: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, quality=quality)
    return buffer.getvalue()
