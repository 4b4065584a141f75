"""An order to evaluate a character: the quick suite, a step at a time, and what came of it.

Its sheet has pictures and numbers and no words: those who read it speak many languages, whose letters the
only font here does not have, and a card shows it at a quarter of its size. What each picture was asked for,
and what it misses, goes with the result as data, and the card says it as text in its reader's language.
"""

import math
from collections.abc import Callable, Sequence

from PIL import Image

from synid_engine.engine import Character, Engine
from synid_engine.errors import InvalidSettingError
from synid_engine.evaluation.figures import Figure
from synid_engine.evaluation.models import Judges
from synid_engine.evaluation.progress import EvaluationProgress
from synid_engine.evaluation.report import SheetStyle, contact_sheet
from synid_engine.evaluation.suites import SuitePicture, SuiteReport, run_suite
from synid_engine.serving.bank_shelf import BankShelf
from synid_engine.serving.findings import Look, Measure
from synid_engine.serving.messages import EvaluateWork, Result
from synid_engine.serving.render_job import subjects_of
from synid_engine.serving.spool import Spool
from synid_engine.synid.stage import OnProgress, Progress

_COLUMNS = 2  # beside the portrait; four under it
_STYLE = SheetStyle(caption_size=52, caption_lines=1)


class EvaluationJob:
    """Evaluates one character.

    An attempt that is broken off begins again: eight pictures are not worth a checkpoint.
    """

    def __init__(
        self,
        work: EvaluateWork,
        engine: Engine,
        spool: Spool,
        shelf: BankShelf,
        *,
        judges: Callable[[], Judges],
    ) -> None:
        """Prepare the evaluation.

        Args:
            work: Whom to evaluate.
            engine: Draws.
            spool: Holds the portrait, and takes the sheet.
            shelf: Has the bank.
            judges: Returns the evaluation models; called when the job begins.

        Raises:
            InvalidSettingError: It is about none or several characters.
            MissingTensorError: The bank or the portrait is not there.
            CorruptTensorError: One of them is damaged.
            BaseModelMismatchError: The bank is of another base model.
        """
        subjects = subjects_of(work, shelf)
        if len(subjects) != 1:
            raise InvalidSettingError(field="banks", value=len(subjects), allowed="1")
        self._engine, self._spool, self._judges = engine, spool, judges
        self._character = Character(
            name="",  # the card has it, in the language of its reader
            description=subjects[0].description,
            bank=subjects[0].bank,
            portrait=spool.read_image(work.portrait),
            style=subjects[0].style,
        )

    def __call__(self, report: OnProgress) -> Result:
        """Draw the suite, look at it, and write the sheet."""
        report(Progress(stage="load", fraction=0.0))

        def told(progress: EvaluationProgress) -> None:
            report(
                Progress(
                    stage=progress.stage,
                    fraction=progress.fraction,
                    detail=progress.detail,
                    eta_s=progress.eta_s,
                )
            )

        return self._result(run_suite(self._engine, self._character, on_progress=told, judges=self._judges()))

    def share(self, progress: Progress) -> float:
        """Return the finished share of the job, in [0, 1]."""
        return min(1.0, progress.fraction)

    def _result(self, found: SuiteReport) -> Result:
        sheet = self._spool.put_picture(numbered_sheet(self._character.portrait, found.rows), seed=0)
        return Result(
            pictures=(sheet.model_copy(update={"nsfw": self._worst(found)}),),
            figures=tuple(measure_of(one) for one in found.figures if math.isfinite(one.value)),
            looks=tuple(look_at(row) for row in found.rows),
        )

    def _worst(self, found: SuiteReport) -> float | None:
        """Judge the sheet by its pictures: in the whole, each is too small to be seen."""
        shown: list[Image.Image] = [self._character.portrait, *(row.image for row in found.rows)]
        scores = [self._spool.score(one) for one in shown]
        return max((one for one in scores if one is not None), default=None)


def numbered_sheet(portrait: Image.Image, rows: Sequence[SuitePicture]) -> Image.Image:
    """Draw the portrait and the numbered pictures; those with another face have a frame."""
    return contact_sheet(
        [row.image for row in rows],
        [str(number) for number in range(1, len(rows) + 1)],
        _COLUMNS,
        hero=portrait,
        marked=[index for index, row in enumerate(rows) if not row.face_is_same],
        style=_STYLE,
    )


def look_at(row: SuitePicture) -> Look:
    """Return what was seen in a picture as it travels."""
    seen = {"face": row.face_is_same, "clothes": row.all_is_same or not row.face_is_same, **row.found}
    return Look(
        prompt=row.prompt.words, misses=tuple(name for name, is_there in seen.items() if not is_there)
    )


def measure_of(figure: Figure) -> Measure:
    """Return a figure as it travels."""
    interval = figure.interval
    if interval is not None and not all(map(math.isfinite, interval)):
        interval = None
    return Measure(name=figure.name, value=figure.value, unit=figure.unit, interval=interval)
