"""Pictures as files."""

import io
from pathlib import Path

from PIL import Image

from storage.files import write_whole


def save_png(image: Image.Image, path: Path) -> Path:
    """Write a picture as PNG, whole or not at all, and return its absolute path.

    Raises:
        DiskFullError: There is no room.
        UnwritableError: The system refuses to write.
    """
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=False)
    write_whole(path.absolute(), buffer.getvalue())
    return path.absolute()
