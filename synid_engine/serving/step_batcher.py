"""Pictures of many people in one forward pass, and creations between its steps.

The device does one small piece of work at a time: a denoising step over a mixed batch of rows, the decoding
of a few pictures, or one step of a creation. Who is served next follows from what each owner has had, in
milliseconds of the device: nobody's long work keeps another waiting for more than one piece. A creation's
time counts more than a picture's, and one's own creation counts apart from one's pictures, so that whoever
waits for a picture waits little longer because somebody makes a character.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from synid_engine.errors import InvalidSettingError
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.row import RenderRow
from synid_engine.serving.batch_events import Event, JobStarted
from synid_engine.serving.creation_batch import Creation, CreationBatch
from synid_engine.serving.picture_batch import BatchConfig, BatchRow, PictureBatch
from synid_engine.serving.served_time import ServedTime
from synid_engine.serving.step_timing import wait_for
from synid_engine.serving.stepwise import StepwiseCall
from synid_engine.synid.stage import OnProgress

Kind = Literal["pictures", "creation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Piece:
    """What the device does next, and for whom.

    Attributes:
        owners: Of each job that takes part.
        rows: Each job's share, in plain forward rows; one with a pose is somewhat more.
        work: Does it; further creations may join in it.
        batch: The rows of a denoising step, or of what is decoded together.
        weight: What a millisecond of it counts.
    """

    owners: dict[str, str]
    rows: dict[str, float]
    work: Callable[[], None]
    batch: Sequence[BatchRow] = ()
    weight: float = 1.0


class StepBatcher:
    """The engine's loop over everything that is under way. Not for use from several threads at once."""

    def __init__(
        self,
        backbone: Backbone,
        on_event: Callable[[Event], None],
        config: BatchConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_event, self._clock, self._device = on_event, clock, backbone.device
        self._told: deque[Event] = deque()
        chosen = config or BatchConfig()
        self._creation_weight, self._posed_steps = chosen.creation_weight, chosen.posed_steps
        self._pictures = PictureBatch(backbone, chosen, tell=self._told.append, clock=clock)
        self._creations = CreationBatch(backbone, training_rows=chosen.training_rows, tell=self._told.append)
        self._time = ServedTime()
        self._engine_ms: dict[str, float] = {}
        self._last: Kind = "creation"
        self._piece: _Piece | None = None
        self._started_at = 0.0
        self._steps = 0

    @property
    def max_rows(self) -> int:
        """Forward rows that a step may have; lowered when the device has no memory for them."""
        return self._pictures.max_rows

    @property
    def occupancy(self) -> float:
        """Mean share of the batch that was in use over the last denoising steps."""
        return self._pictures.occupancy

    @property
    def steps(self) -> int:
        """Pieces of work so far, the one under way included."""
        return self._steps

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs that are under way."""
        return (*self._pictures.jobs, *self._creations.jobs)

    def engine_ms(self, job_id: str) -> float:
        """Return a job's share of the device's time; of a job that is over, until its last event is told."""
        return self._engine_ms.get(job_id, 0.0)

    def draw(self, job_id: str, owner: str, rows: Sequence[RenderRow]) -> None:
        """Let pictures join at the next step.

        Raises:
            InvalidSettingError: There are no rows, or the job is under way already.
        """
        self._require_new(job_id)
        if not rows:
            raise InvalidSettingError(field="rows", value=0, allowed="1 or more")
        self._time.arrive(owner, self._owners())
        self._pictures.add(job_id, owner, rows)

    def create(self, job_id: str, owner: str, call: Callable[[OnProgress], object]) -> None:
        """Run a creation between the steps of pictures.

        Args:
            job_id: Of the job.
            owner: Who is charged.
            call: Makes the character; reports after each of its own steps.

        Raises:
            InvalidSettingError: The job is under way already.
        """
        self._require_new(job_id)
        purse = f"creations of {owner}"
        self._time.arrive(purse, self._owners())
        stepwise = StepwiseCall(call, name=f"creation {job_id}")
        self._creations.add(Creation(job_id=job_id, purse=purse, call=stepwise))

    def cancel(self, job_id: str) -> None:
        """Drop a job without a further event; one that is over already is ignored."""
        self._creations.drop(job_id)
        self._pictures.drop(job_id)
        self._engine_ms.pop(job_id, None)
        told = [event for event in self._told if event.job_id != job_id]
        self._told.clear()
        self._told.extend(told)

    def step(self) -> bool:
        """Do one piece of work, and tell what came of it.

        An error that nobody foresaw passes through; `blame` must then be called before the next step.

        Returns:
            Whether there was any.
        """
        self._started_at = self._clock()
        piece = self._next_piece()
        if piece is not None:
            self._do(piece)
        return piece is not None

    def advance(self, job_id: str) -> None:
        """Let a creation take a step out of turn; any other job is ignored."""
        creation = self._creations.get(job_id)
        if creation is not None:
            self._started_at = self._clock()
            self._do(self._creation_piece(creation))

    def blame(self, error: Exception) -> None:
        """Find out whose work broke the last piece: its only job fails, several go on one by one."""
        piece, self._piece = self._piece, None
        if piece is None:
            return
        if len(piece.rows) > 1:
            self._pictures.isolate(piece.batch)
            self._creations.isolate(set(piece.rows))
        else:
            self._fail(next(iter(piece.rows)), error)
        self._settle(piece)

    def _do(self, piece: _Piece) -> None:
        self._piece = piece
        self._steps += 1
        for job_id in piece.rows:
            if job_id not in self._engine_ms:
                self._engine_ms[job_id] = 0.0
                self._on_event(JobStarted(job_id=job_id))
        piece.work()
        wait_for(self._device)  # else the next piece would be charged for what this one has only begun
        self._piece = None
        self._settle(piece)

    def _settle(self, piece: _Piece) -> None:
        """Charge a piece to its jobs, then tell what has happened in it."""
        spent = 1000 * (self._clock() - self._started_at)
        total = sum(piece.rows.values())
        for job_id, rows in piece.rows.items():
            self._time.charge(piece.owners[job_id], piece.weight * spent * rows / total)
            if job_id in self._engine_ms:
                self._engine_ms[job_id] += spent * rows / total
        self._time.forget_all_but(self._owners())
        while self._told:
            self._on_event(self._told.popleft())
        for job_id in set(piece.rows) - set(self.jobs):
            self._engine_ms.pop(job_id, None)

    def _next_piece(self) -> _Piece | None:
        if decoded := self._pictures.next_decoded:
            return _Piece(
                owners={row.job_id: row.owner for row in decoded},
                rows=dict(Counter(row.job_id for row in decoded)),
                work=lambda: self._pictures.decode(decoded),
                batch=decoded,
            )
        creation = min(self._creations.all, key=lambda one: self._time.served[one.purse], default=None)
        if self._pictures.waiting and (creation is None or self._pictures_are_next(creation)):
            self._last = "pictures"
            return self._denoise_piece()
        if creation is None:
            return None
        self._last = "creation"
        return self._creation_piece(creation)

    def _denoise_piece(self) -> _Piece:
        batch = self._pictures.next_batch(self._time.served)
        rows: dict[str, float] = {}
        for row in batch:
            size = row.size * (self._posed_steps if row.row.is_posed else 1.0)
            rows[row.job_id] = rows.get(row.job_id, 0.0) + size
        return _Piece(
            owners={row.job_id: row.owner for row in batch},
            rows=rows,
            work=lambda: self._pictures.denoise(batch),
            batch=batch,
        )

    def _creation_piece(self, creation: Creation) -> _Piece:
        piece = _Piece(
            owners={creation.job_id: creation.purse},
            rows={creation.job_id: 1},
            work=lambda: self._creations.advance(creation, on_company=join),
            weight=self._creation_weight,
        )

        def join(other: Creation) -> None:
            piece.owners[other.job_id], piece.rows[other.job_id] = other.purse, 1

        return piece

    def _fail(self, job_id: str, error: Exception) -> None:
        if job_id in self._creations.jobs:
            self._creations.fail(job_id, error)
        else:
            self._pictures.fail(job_id, error)

    def _require_new(self, job_id: str) -> None:
        if job_id in self.jobs:
            raise InvalidSettingError(field="job_id", value=job_id, allowed="a new job")

    def _owners(self) -> set[str]:
        return self._pictures.owners | {one.purse for one in self._creations.all}

    def _pictures_are_next(self, creation: Creation) -> bool:
        """Serve whoever has had less; between equals, the kind that was not served last."""
        pictures = min(self._time.served[row.owner] for row in self._pictures.waiting)
        other = self._time.served[creation.purse]
        return pictures < other or (pictures == other and self._last == "creation")
