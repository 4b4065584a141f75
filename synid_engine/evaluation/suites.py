"""Suites: draw one character in many ways and measure how well it stays itself and follows the words."""

import io
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synid_engine.engine import Character, Engine
from synid_engine.evaluation.drawing import draw_pictures
from synid_engine.evaluation.figures import Figure, aligned
from synid_engine.evaluation.likeness import FACE_TRAITS, IDENTITY_TRAITS, Reading, found_traits, is_same
from synid_engine.evaluation.metrics import (
    cosines_to,
    mean,
    mean_interval,
    pairwise_cosines,
    wilson_interval,
)
from synid_engine.evaluation.models import Judges, load_judges
from synid_engine.evaluation.progress import OnProgress, ignore_progress
from synid_engine.evaluation.prompts import EvaluationPrompt, Suite, suite_prompts
from synid_engine.evaluation.report import contact_sheet

_COLUMNS = {"quick": 4, "full": 6}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuitePicture:
    """One picture and what the judges read in it.

    Attributes:
        prompt: What was asked for.
        image: What was drawn.
        seconds: How long that took, those that were drawn with it sharing the time.
        reading: Its traits.
        face_is_same: Whether all face traits equal those of the portrait.
        all_is_same: Whether all identity traits do, clothes included.
        found: For every free trait that the prompt pins down, whether it is there.
    """

    prompt: EvaluationPrompt
    image: Image.Image
    seconds: float
    reading: Reading
    face_is_same: bool
    all_is_same: bool
    found: dict[str, bool]

    def to_json(self) -> dict[str, object]:
        """Return plain fields without the picture."""
        return {
            "group": self.prompt.group,
            "prompt": self.prompt.words,
            "seed": self.prompt.seed,
            "seconds": round(self.seconds, 3),
            "reading": dict(self.reading),
            "face_is_same": self.face_is_same,
            "all_is_same": self.all_is_same,
            "found": self.found,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuiteReport:
    """What a suite found out about one character.

    Attributes:
        character: Its name.
        suite: `quick` or `full`.
        canonical: What is read in the portrait.
        rows: The pictures with identity.
        figures: The measures.
        face_embeds: The held-out recogniser's vectors of the rows.
        sheet: The contact sheet.
    """

    character: str
    suite: Suite
    canonical: Reading
    rows: tuple[SuitePicture, ...]
    figures: tuple[Figure, ...]
    face_embeds: NDArray[np.float32]
    sheet: Image.Image

    def to_json(self) -> dict[str, object]:
        """Return plain fields without pictures and vectors."""
        return {
            "character": self.character,
            "suite": self.suite,
            "quick": self.suite == "quick",
            "canonical": dict(self.canonical),
            "figures": [figure.to_json() for figure in self.figures],
            "rows": [row.to_json() for row in self.rows],
        }

    def to_table(self) -> str:
        """Return aligned lines of plain text: first the measures, then the pictures that changed identity."""
        cells = [figure.to_row()[:3] for figure in self.figures]
        lines = [f"{self.character}, suite {self.suite}", *aligned([("figure", "value", "95 %"), *cells])]
        changed = [
            f"  not the same: {row.prompt.words} (seed {row.prompt.seed})"
            for row in self.rows
            if not row.face_is_same
        ]
        return "\n".join([*lines, *changed])


def run_suite(
    engine: Engine,
    character: Character,
    *,
    suite: Suite = "quick",
    on_progress: OnProgress = ignore_progress,
    judges: Judges | None = None,
) -> SuiteReport:
    """Draw the suite with the character and measure it.

    Args:
        engine: The models that draw.
        character: Who is drawn.
        suite: 8 or 24 pictures.
        on_progress: Told of every step; may raise JobCancelledError.
        judges: The evaluation models; loaded if None.
    """
    looking = judges or load_judges()
    prompts = suite_prompts(suite)
    canonical = looking.read([character.portrait])[0]
    rows = draw_prompts(engine, character, prompts, looking, canonical, on_progress=on_progress)
    images = [row.image for row in rows]
    embeds = looking.face_embeds(images)
    figures = (
        *_likeness_figures(character, images, embeds, looking),
        *_rate_figures(rows),
        *_variety_figures(images, rows, looking),
        Figure(name="words agree (CLIP-T)", value=_text_agreement(rows, looking)),
        Figure(name="seconds a picture", value=mean([row.seconds for row in rows]), unit="s"),
        Figure(name="bytes besides pictures", value=bank_bytes(character) / 1000, unit="KB"),
    )
    return SuiteReport(
        character=character.name,
        suite=suite,
        canonical=canonical,
        rows=rows,
        figures=figures,
        face_embeds=embeds,
        sheet=suite_sheet(character, rows, suite),
    )


def draw_prompts(
    engine: Engine,
    character: Character | None,
    prompts: tuple[EvaluationPrompt, ...],
    judges: Judges,
    canonical: Reading,
    *,
    on_progress: OnProgress,
    identity_scale: float | None = None,
) -> tuple[SuitePicture, ...]:
    """Draw each prompt, with a character or with words alone, and compare it with the canonical reading."""
    images, seconds = draw_pictures(
        engine, character, prompts, on_progress=on_progress, identity_scale=identity_scale
    )
    return tuple(
        SuitePicture(
            prompt=prompt,
            image=image,
            seconds=seconds,
            reading=reading,
            face_is_same=is_same(reading, canonical, FACE_TRAITS),
            all_is_same=is_same(reading, canonical, IDENTITY_TRAITS),
            found=found_traits(reading, prompt.expected),
        )
        for prompt, image, reading in zip(prompts, images, judges.read(images), strict=True)
    )


def described(prompts: tuple[EvaluationPrompt, ...], description: str) -> tuple[EvaluationPrompt, ...]:
    """Put a description before each prompt, for drawing without identity."""
    return tuple(replace(prompt, words=f"{description}, {prompt.words}") for prompt in prompts)


def following(rows: tuple[SuitePicture, ...]) -> list[float]:
    """Return 1 or 0 for each expression and scene that was asked for."""
    return [float(hit) for row in rows for trait, hit in row.found.items() if trait != "framing"]


def bank_bytes(character: Character) -> int:
    """Return the size of the character's bank on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank.safetensors"
        character.bank.save(path)
        return path.stat().st_size


def suite_sheet(character: Character, rows: tuple[SuitePicture, ...], suite: Suite) -> Image.Image:
    """Draw the pictures of a suite on one page; those that changed identity say so."""
    labels = [row.prompt.words + ("" if row.face_is_same else " [not the same]") for row in rows]
    return contact_sheet(
        [row.image for row in rows],
        labels,
        _COLUMNS[suite],
        title=character.name,
        subtitle=character.description,
        hero=character.portrait,
        hero_label="the portrait",
    )


def png_bytes(image: Image.Image) -> bytes:
    """Encode a picture."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _likeness_figures(
    character: Character, images: list[Image.Image], embeds: NDArray[np.float32], judges: Judges
) -> tuple[Figure, ...]:
    to_portrait = cosines_to(embeds, judges.face_embeds([character.portrait])[0])
    between = pairwise_cosines(embeds)
    clip = cosines_to(judges.image_embeds(images), judges.image_embeds([character.portrait])[0])
    return (
        Figure(
            name="face likeness to portrait", value=mean(to_portrait), interval=mean_interval(to_portrait)
        ),
        Figure(name="face likeness of pairs", value=mean(between)),
        Figure(name="picture likeness (CLIP-I)", value=mean(clip), interval=mean_interval(clip)),
    )


def _rate_figures(rows: tuple[SuitePicture, ...]) -> tuple[Figure, ...]:
    framed = [row.found["framing"] for row in rows if "framing" in row.found]
    measures = {
        "same character, face traits": [row.face_is_same for row in rows],
        "same character, clothes too": [row.all_is_same for row in rows],
        "expressions followed": [row.found["expression"] for row in rows],
        "scenes followed": [row.found["background"] for row in rows],
        "framings followed": framed,
    }
    return tuple(
        Figure(
            name=name,
            value=100 * mean([float(hit) for hit in hits]),
            unit="%",
            interval=_percent(wilson_interval(sum(hits), len(hits))),
        )
        for name, hits in measures.items()
    )


def _variety_figures(
    images: list[Image.Image], rows: tuple[SuitePicture, ...], judges: Judges
) -> tuple[Figure, ...]:
    """Tell whether the portrait is merely copied: sizes of the face and expressions must vary."""
    points = judges.landmarks(images)
    eyes = np.linalg.norm(points[:, 1] - points[:, 0], axis=-1)
    spread = float(eyes.std() / max(1e-6, float(eyes.mean())))
    shown = len({row.reading["expression"] for row in rows})
    asked = len({row.prompt.expected["expression"] for row in rows})
    return (
        Figure(name="spread of face sizes", value=100 * spread, unit="%"),
        Figure(name="expressions shown of those asked for", value=100 * shown / asked, unit="%"),
    )


def _text_agreement(rows: tuple[SuitePicture, ...], judges: Judges) -> float:
    texts = judges.text_embeds([row.prompt.words for row in rows])
    pictures = judges.image_embeds([row.image for row in rows])
    return mean([cosines_to(pictures[i : i + 1], texts[i])[0] for i in range(len(rows))])


def _percent(interval: tuple[float, float]) -> tuple[float, float]:
    return 100 * interval[0], 100 * interval[1]
