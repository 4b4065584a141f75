"""The creations under way: each goes on a step at a time, and several may train in one forward pass.

Knows nothing about pictures, or about whose turn it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from synid_engine.errors import DeviceOutOfMemoryError, JobCancelledError, SynIDError
from synid_engine.runtime.backbone import Backbone
from synid_engine.serving.batch_events import Event, JobDone, JobFailed, JobProgress
from synid_engine.serving.stepwise import StepwiseCall
from synid_engine.synid.exercise import Exercise, work_out_together


@dataclass(slots=True, kw_only=True, eq=False)
class Creation:
    """A character that is being made.

    Attributes:
        job_id: Of the job.
        purse: Who is charged.
        call: Makes it.
        is_training: Whether its last turn was a training step.
        is_alone: Whether it trains by itself from now on, since a step with others broke.
    """

    job_id: str
    purse: str
    call: StepwiseCall[object]
    is_training: bool = False
    is_alone: bool = False


class CreationBatch:
    """Creations of many people. Each turn ends behind a report, and so between two training steps."""

    def __init__(self, backbone: Backbone, *, training_rows: int, tell: Callable[[Event], None]) -> None:
        """Prepare for creations.

        Args:
            backbone: What they train with.
            training_rows: Rows of a training step that several share; 0 lets each train by itself.
            tell: Given what happens.
        """
        self._backbone, self._tell = backbone, tell
        self._training_rows = training_rows
        self._creations: dict[str, Creation] = {}

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs that are under way."""
        return tuple(self._creations)

    @property
    def all(self) -> tuple[Creation, ...]:
        """The creations that are under way."""
        return tuple(self._creations.values())

    @property
    def training_rows(self) -> int:
        """Rows that a shared training step may have; 0 once the device had no memory for them."""
        return self._training_rows

    def add(self, creation: Creation) -> None:
        """Begin a creation."""
        self._creations[creation.job_id] = creation

    def get(self, job_id: str) -> Creation | None:
        """Return a creation that is under way."""
        return self._creations.get(job_id)

    def drop(self, job_id: str) -> None:
        """Forget a job; one that is over already is ignored."""
        creation = self._creations.pop(job_id, None)
        if creation is not None:
            creation.call.cancel()

    def fail(self, job_id: str, error: Exception) -> None:
        """Forget a job and say why."""
        if self._creations.pop(job_id, None) is not None:
            self._tell(JobFailed(job_id=job_id, error=error))

    def isolate(self, job_ids: set[str]) -> None:
        """Let creations train alone from now on, so that the one that breaks a step breaks nobody else's."""
        for job_id in job_ids & set(self._creations):
            self._creations[job_id].is_alone = True

    def advance(self, creation: Creation, *, on_company: Callable[[Creation], None]) -> None:
        """Let a creation take a step, and if it is a training step, others theirs with it.

        Args:
            creation: Whose turn it is.
            on_company: Told of each that takes part, before it does.
        """
        exercise = creation.call.exercise or self._go_on(creation)
        if exercise is None:
            return
        party = [creation]
        if not creation.is_alone:
            self._gather(party, exercise, on_company)
        if len(party) > 1:
            self._train(party)
        for one in party:
            self._go_on(one)

    def _gather(
        self, party: list[Creation], exercise: Exercise, on_company: Callable[[Creation], None]
    ) -> None:
        """Bring others to their next exercises, as far as theirs fit in."""
        room = self._training_rows - len(exercise.scales)
        for other in self.all:
            if other is party[0] or other.is_alone or not other.is_training or room < len(exercise.scales):
                continue
            on_company(other)
            found = other.call.exercise or self._go_on(other)
            if found is not None and found.shape == exercise.shape and len(found.scales) <= room:
                party.append(other)
                room -= len(found.scales)

    def _train(self, party: list[Creation]) -> None:
        exercises = [one.call.exercise for one in party if one.call.exercise is not None]
        try:
            losses = work_out_together(exercises, self._backbone)
        except DeviceOutOfMemoryError:
            self._training_rows = 0  # each works out its own
            return
        for one, loss in zip(party, losses, strict=True):
            one.call.worked_out = loss

    def _go_on(self, creation: Creation) -> Exercise | None:
        """Let a creation work until it reports, is over, or has an exercise, which is returned."""
        call, job_id = creation.call, creation.job_id
        was_exercising = call.exercise is not None
        if not call.step():
            creation.is_training = was_exercising or call.exercise is not None
            if call.exercise is None and call.progress is not None:
                self._tell(JobProgress(job_id=job_id, progress=call.progress))
            return call.exercise
        try:
            result = call.result()
        except JobCancelledError:
            self._creations.pop(job_id, None)
        except SynIDError as error:
            self.fail(job_id, error)
        else:
            self._creations.pop(job_id, None)
            self._tell(JobDone(job_id=job_id, result=result))
        return None
