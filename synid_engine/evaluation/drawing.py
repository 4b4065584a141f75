"""Drawing the prompts of an evaluation, with a character or with words alone. Knows nothing of measures."""

import time
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from synid_engine.engine import Character, Engine, subject_of
from synid_engine.evaluation.progress import OnProgress, Ticker
from synid_engine.evaluation.prompts import EvaluationPrompt
from synid_engine.sampling.denoise import StepProgress, render


def draw_pictures(
    engine: Engine,
    character: Character | None,
    prompts: Sequence[EvaluationPrompt],
    *,
    on_progress: OnProgress,
    identity_scale: float | None = None,
) -> tuple[list[Image.Image], float]:
    """Draw each prompt.

    Several are drawn together, as the served engine does; none depends on the others.

    Args:
        engine: The models that draw.
        character: Who is drawn; None draws by words alone.
        prompts: At least one.
        on_progress: Told of every step; may raise JobCancelledError.
        identity_scale: How strongly the identity counts; None is the usual.

    Returns:
        The pictures, and the seconds that each took, all sharing the time.
    """
    subjects = () if character is None else (subject_of(character),)
    rows = [
        replace(engine.request(subjects, prompt.words, identity_scale=identity_scale), seed=prompt.seed)
        for prompt in prompts
    ]
    ticker = Ticker("draw", total=sum(row.step_count for row in rows), on_progress=on_progress)
    done = 0

    def on_step(progress: StepProgress) -> None:
        nonlocal done
        ticker.step(f"picture {progress.rows_done} of {progress.rows}", steps=progress.row_steps_done - done)
        done = progress.row_steps_done

    started = time.monotonic()
    drawn = render(engine.models.backbone, rows, max_rows=engine.config.max_rows, on_step=on_step)
    seconds = (time.monotonic() - started) / len(rows)
    return [Image.fromarray(picture) for picture in drawn], seconds
