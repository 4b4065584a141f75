"""The pages of `synid bench tiny`: the first pictures, whatever they show, and those that failed worst."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from PIL import Image

from synid_engine.evaluation.partial import PartialResults
from synid_engine.evaluation.report import SheetStyle, contact_sheet

_COLUMNS, _MOST_FAILURES = 8, 16
_STYLE = SheetStyle(caption_lines=4)
"""Captions name several traits."""


class DrawnPrompt(TypedDict):
    """A caption that was drawn.

    Attributes:
        number: Of the caption; its picture is kept as `prompt-number`.
        found: For each named trait, whether the picture shows it.
        missed: What is shown instead of what was asked for, in words.
    """

    number: int
    found: dict[str, bool]
    missed: list[str]


def save_first(partial: PartialResults, captions: Sequence[str], path: Path) -> str:
    """Draw the first captions beside their pictures, and return the absolute path."""
    numbers = range(len(captions))
    return _save(partial, numbers, captions, path, "People never trained on, one picture a caption.")


def save_failures(partial: PartialResults, drawn: Sequence[DrawnPrompt], path: Path) -> str:
    """Draw the pictures that missed most of what was asked for, and return the absolute path."""
    worst = sorted((one for one in drawn if one["missed"]), key=lambda one: -len(one["missed"]))
    worst = worst[:_MOST_FAILURES]
    labels = ["; ".join(one["missed"]) for one in worst]
    subtitle = "The pictures that missed most: what the classifier reads, not what was asked for."
    return _save(partial, [one["number"] for one in worst], labels, path, subtitle)


def _save(
    partial: PartialResults, numbers: Sequence[int], labels: Sequence[str], path: Path, subtitle: str
) -> str:
    pictures: list[Image.Image] = []
    captions: list[str] = []
    for number, label in zip(numbers, labels, strict=True):
        picture = partial.picture(f"prompt-{number}")
        if picture is not None:
            pictures.append(picture)
            captions.append(label)
    if pictures:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet = contact_sheet(
            pictures, captions, _COLUMNS, title="bench tiny", subtitle=subtitle, style=_STYLE
        )
        sheet.save(path)
    return str(path.absolute())
