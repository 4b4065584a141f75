"""`synid demo`: one sentence becomes a character, and one page shows it in eight expressions and scenes."""

import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.console import Reporter

NAME = "Nova"
DESCRIPTION = "a young woman with shoulder-length red hair and round glasses, wearing a green jacket"
SEED = 7
COLUMNS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture of the page: what it is called there, and the prompt that draws it."""

    label: str
    prompt: str


SHOTS = (
    Shot(label="smiling on a beach", prompt="smiling, on a beach"),
    Shot(label="laughing in the city", prompt="laughing, in the city"),
    Shot(label="angry, close-up", prompt="angry, close-up, plain grey background"),
    Shot(label="surprised in the snow", prompt="surprised, in the snow"),
    Shot(label="crying at night", prompt="crying, at night"),
    Shot(label="winking, pink background", prompt="winking, plain pink background"),
    Shot(label="sleepy in the forest", prompt="sleepy, in a forest"),
    Shot(label="shouting in the mountains", prompt="shouting, in the mountains"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What the demo made."""

    sheet: Path
    seconds: float
    peak_memory_gb: float


def run_demo(out: Path, *, models: Path | None, reporter: Reporter) -> DemoResult:
    """Create the demo's character, draw it, and write `demo.png`.

    Args:
        out: Folder of the page; made if absent.
        models: Folder of the base model; the embedded model if None.
        reporter: Shows the stages, and may stop them.
    """
    reporter.say(f"{NAME}: {DESCRIPTION}")
    reporter.say("loading the model")
    from bot.pictures import save_png
    from synid_engine.engine import Engine  # torch loads here
    from synid_engine.evaluation.report import contact_sheet

    engine = Engine.load(models)
    character = engine.create(NAME, DESCRIPTION, seed=SEED, on_progress=reporter)
    learned_s = reporter.elapsed_s
    reporter.say(f"learned in {learned_s:.1f} s")
    pictures = [
        engine.render(character, shot.prompt, seed=SEED + number, on_progress=reporter)[0].image
        for number, shot in enumerate(SHOTS, start=1)
    ]
    page = contact_sheet(
        pictures,
        [shot.label for shot in SHOTS],
        COLUMNS,
        title=NAME,
        subtitle=f"“{DESCRIPTION}”. Learned from these words alone, in {learned_s:.0f} seconds.",
        hero=character.portrait,
        hero_label="the portrait",
    )
    sheet = save_png(page, out / "demo.png")
    return DemoResult(sheet=sheet, seconds=reporter.elapsed_s, peak_memory_gb=peak_memory_gb())


def peak_memory_gb() -> float:
    """Return the most memory that this process has held, in units of 10^9 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9
