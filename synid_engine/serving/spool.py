"""The folder where the engine leaves what it made: each file under the SHA-256 of its bytes.

A file is whole and durable before anybody is told its name. Whoever is told collects it; the engine never
deletes one.
"""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from synid_engine.errors import CorruptTensorError, MissingTensorError, TensorWriteError
from synid_engine.identity.bank_file import write_durably
from synid_engine.perception.picture_judge import PictureJudge
from synid_engine.serving.messages import Picture

TENSORS, PICTURE = ".safetensors", ".png"
THUMBNAIL_PX = 128
_COMPRESS_LEVEL = 3  # a third of the usual level's time, and a tenth more bytes


class Spool:
    """Writes files that are named by their content."""

    def __init__(self, folder: Path, *, judge: PictureJudge | None = None) -> None:
        """Make the folder.

        Args:
            folder: Where files go.
            judge: Looks at every picture before anybody is told of it; None leaves them unjudged.
        """
        self._folder, self._judge = folder, judge
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TensorWriteError(path=folder, reason=error.strerror or type(error).__name__) from error

    def path_of(self, digest: str, suffix: str) -> Path:
        """Return where a file with this SHA-256 lies or would lie."""
        return self._folder / f"{digest}{suffix}"

    def put(self, data: bytes, suffix: str) -> str:
        """Write bytes and return their SHA-256.

        Raises:
            TensorWriteError: The system refused.
        """
        digest = hashlib.sha256(data).hexdigest()
        write_durably(self.path_of(digest, suffix), data)
        return digest

    def put_image(self, image: Image.Image) -> str:
        """Write a picture as PNG and return its SHA-256.

        Raises:
            TensorWriteError: The system refused.
        """
        return self.put(_png(image), PICTURE)

    def put_small(self, image: Image.Image, *, longest_px: int = THUMBNAIL_PX) -> str:
        """Write a picture made no larger than `longest_px` on either side, and return its SHA-256.

        Raises:
            TensorWriteError: The system refused.
        """
        small = image.copy()
        small.thumbnail((longest_px, longest_px))
        return self.put_image(small)

    def put_picture(self, image: Image.Image, *, seed: int) -> Picture:
        """Write a finished picture and its small version.

        Raises:
            TensorWriteError: The system refused.
        """
        return Picture(
            image=self.put_image(image),
            thumbnail=self.put_small(image),
            seed=seed,
            nsfw=self.score(image),
        )

    def score(self, image: Image.Image) -> float | None:
        """Return how likely a picture is to be sexual; None without a judge."""
        return None if self._judge is None else self._judge.score(image)

    def score_of(self, digest: str) -> float | None:
        """Return the same of a picture that somebody else left here; None if it is none."""
        try:
            with Image.open(self.path_of(digest, PICTURE)) as opened:
                return self.score(opened.convert("RGB"))
        except (OSError, ValueError, Image.DecompressionBombError):
            return None

    def read_image(self, digest: str) -> Image.Image:
        """Return a picture that somebody else left here.

        Raises:
            MissingTensorError: It is not there.
            CorruptTensorError: It is not what its name says, or no picture.
        """
        path = self.path_of(digest, PICTURE)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise MissingTensorError(path=path) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise CorruptTensorError(path=path, detail="it is not what its name says")
        try:
            with Image.open(io.BytesIO(data)) as opened:
                return opened.convert("RGB")
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise CorruptTensorError(path=path, detail="it is no picture") from error

    def put_pictures(self, images: Iterable[Image.Image], seeds: Iterable[int]) -> tuple[Picture, ...]:
        """Write several.

        Raises:
            TensorWriteError: The system refused.
        """
        return tuple(self.put_picture(image, seed=seed) for image, seed in zip(images, seeds, strict=True))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=_COMPRESS_LEVEL)
    return buffer.getvalue()
