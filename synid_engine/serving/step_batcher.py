"""Pictures of many people in one forward pass, and creations between its steps.

The device does one small piece of work at a time: a denoising step over a mixed batch of rows, the decoding
of one picture, or one step of a creation. Who is served next follows from what each owner has had, in
milliseconds of the device: nobody's long work keeps another waiting for more than one piece.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import DeviceOutOfMemoryError, InvalidSettingError, JobCancelledError, SynIDError
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.denoise import Picture, to_pictures
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.stepwise import StepwiseCall
from synid_engine.synid.stage import OnProgress, Progress

Kind = Literal["pictures", "creation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureDone:
    """A picture of a job; `index` is its place among the job's rows."""

    job_id: str
    index: int
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PicturePreview:
    """What a picture under way looks like by now."""

    job_id: str
    index: int
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far a job is."""

    job_id: str
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobDone:
    """A job is finished; `result` is what a creation returned, None for pictures, which came one by one."""

    job_id: str
    result: object = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobFailed:
    """A job ended without a result."""

    job_id: str
    error: SynIDError


Event = PictureDone | PicturePreview | JobProgress | JobDone | JobFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """Limits of a batch.

    Attributes:
        max_rows: Forward rows of one step; a guided picture takes two.
        preview_every: Steps between two previews of a row; 0 for none.
    """

    max_rows: int = 8
    preview_every: int = 5

    def __post_init__(self) -> None:
        if self.max_rows < 2:  # noqa: PLR2004  (one guided picture)
            raise InvalidSettingError(field="max_rows", value=self.max_rows, allowed="2 or more")
        if self.preview_every < 0:
            raise InvalidSettingError(field="preview_every", value=self.preview_every, allowed="0 or more")


@dataclass(slots=True, kw_only=True, eq=False)
class _Row:
    job_id: str
    owner: str
    index: int
    row: RenderRow
    ticket: int | None = None
    steps: int = 0

    @property
    def size(self) -> int:
        """Forward rows that it takes."""
        return 2 if self.row.is_guided else 1


@dataclass(slots=True, kw_only=True, eq=False)
class _Pictures:
    left: int
    row_steps: int
    row_steps_done: int = 0
    started: float


@dataclass(slots=True, kw_only=True, eq=False)
class _Creation:
    job_id: str
    owner: str
    call: StepwiseCall[object]


@dataclass(slots=True, eq=False)
class _Service:
    """Milliseconds of the device that each owner has had, lifted to the least active one on return."""

    served: dict[str, float] = field(default_factory=dict[str, float])

    def arrive(self, owner: str, active: set[str]) -> None:
        if owner in active:
            return
        least = min((self.served[one] for one in active), default=0.0)
        self.served[owner] = max(self.served.get(owner, 0.0), least)

    def charge(self, owner: str, milliseconds: float) -> None:
        self.served[owner] += milliseconds

    def forget_the_idle(self, active: set[str]) -> None:
        if len(self.served) > _MOST_OWNERS:
            self.served = {owner: self.served[owner] for owner in active}


_MOST_OWNERS = 1000


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
        self._backbone, self._on_event, self._clock = backbone, on_event, clock
        self._config = config or BatchConfig()
        self._max_rows = self._config.max_rows
        self._runs: dict[tuple[int, int] | None, DenoiseRun] = {}
        self._rows: list[_Row] = []
        self._pictures: dict[str, _Pictures] = {}
        self._creations: dict[str, _Creation] = {}
        self._finished: deque[tuple[_Row, Float[Tensor, "c h w"]]] = deque()
        self._service = _Service()
        self._last: Kind = "creation"

    @property
    def max_rows(self) -> int:
        """Forward rows that a step may have; lowered when the device has no memory for them."""
        return self._max_rows

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs that are under way."""
        return (*self._pictures, *self._creations)

    def draw(self, job_id: str, owner: str, rows: Sequence[RenderRow]) -> None:
        """Let pictures join at the next step.

        Raises:
            InvalidSettingError: There are no rows, or the job is under way already.
        """
        self._require_new(job_id)
        if not rows:
            raise InvalidSettingError(field="rows", value=0, allowed="1 or more")
        self._service.arrive(owner, self._owners())
        self._pictures[job_id] = _Pictures(
            left=len(rows), row_steps=sum(row.step_count for row in rows), started=self._clock()
        )
        self._rows += [
            _Row(job_id=job_id, owner=owner, index=index, row=row) for index, row in enumerate(rows)
        ]

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
        self._service.arrive(owner, self._owners())
        stepwise = StepwiseCall(call, name=f"creation {job_id}")
        self._creations[job_id] = _Creation(job_id=job_id, owner=owner, call=stepwise)

    def cancel(self, job_id: str) -> None:
        """Drop a job without a further event; one that is over already is ignored."""
        if job_id in self._creations:
            self._creations.pop(job_id).call.cancel()
        if job_id in self._pictures:
            self._drop_pictures(job_id)

    def step(self) -> bool:
        """Do one piece of work.

        Returns:
            Whether there was any.
        """
        started = self._clock()
        if self._finished:
            row, latents = self._finished.popleft()
            self._decode(row, latents)
            self._charge({row.owner: 1}, started)
            return True
        creation = min(
            self._creations.values(), key=lambda one: self._service.served[one.owner], default=None
        )
        if self._rows and (creation is None or self._pictures_are_next(creation)):
            self._last = "pictures"
            batch = self._next_batch()
            shares: dict[str, int] = {}
            for row in batch:
                shares[row.owner] = shares.get(row.owner, 0) + row.size
            self._denoise(batch)
            self._charge(shares, started)
            return True
        if creation is None:
            return False
        self._last = "creation"
        self._advance(creation)
        self._charge({creation.owner: 1}, started)
        return True

    def _require_new(self, job_id: str) -> None:
        if job_id in self._pictures or job_id in self._creations:
            raise InvalidSettingError(field="job_id", value=job_id, allowed="a new job")

    def _owners(self) -> set[str]:
        owners = {row.owner for row in self._rows} | {one.owner for one in self._creations.values()}
        return owners | {row.owner for row, _ in self._finished}

    def _charge(self, shares: dict[str, int], started: float) -> None:
        spent = 1000 * (self._clock() - started)
        total = sum(shares.values())
        for owner, share in shares.items():
            self._service.charge(owner, spent * share / total)
        self._service.forget_the_idle(self._owners() | set(shares))

    def _pictures_are_next(self, creation: _Creation) -> bool:
        """Serve whoever has had less; between equals, the kind that was not served last."""
        pictures = min(self._service.served[row.owner] for row in self._rows)
        other = self._service.served[creation.owner]
        return pictures < other or (pictures == other and self._last == "creation")

    def _next_batch(self) -> list[_Row]:
        """Take the rows of one picture size, those of the least served owners first, up to the cap."""
        ordered = sorted(self._rows, key=lambda row: self._service.served[row.owner])  # stable: first come
        size = ordered[0].row.latent_size
        batch: list[_Row] = []
        room = self._max_rows
        for row in ordered:
            if row.row.latent_size == size and row.size <= room:
                batch.append(row)
                room -= row.size
        return batch

    def _denoise(self, batch: list[_Row]) -> None:
        for row in batch:
            self._join(row)
        batch = [row for row in batch if row in self._rows]  # without those of jobs that cannot be drawn
        if not batch:
            return
        run = self._runs[batch[0].row.latent_size]
        places = {row.ticket: row for row in batch if row.ticket is not None}
        try:
            done = run.step(tuple(places))
        except DeviceOutOfMemoryError as error:
            self._shrink(batch, error)
            return
        for ticket, row in places.items():
            row.steps += 1
            self._pictures[row.job_id].row_steps_done += 1
            if ticket in done:
                self._rows.remove(row)
                self._finished.append((row, done[ticket]))
            elif self._config.preview_every and row.steps % self._config.preview_every == 0:
                picture = to_pictures(self._backbone, run.preview(ticket)[None])[0]
                self._on_event(PicturePreview(job_id=row.job_id, index=row.index, picture=picture))
        for job_id in dict.fromkeys(row.job_id for row in batch):
            self._tell_pictures(job_id)

    def _join(self, row: _Row) -> None:
        """Let a row join its run; a row that cannot fails its job."""
        if row.ticket is not None or row not in self._rows:
            return
        run = self._runs.setdefault(row.row.latent_size, DenoiseRun(self._backbone))
        try:
            row.ticket = run.add(row.row)
        except SynIDError as error:
            self._fail(row.job_id, error)

    def _shrink(self, batch: list[_Row], error: DeviceOutOfMemoryError) -> None:
        """Halve the cap, so that the same rows are tried again; a row that does not fit alone fails."""
        rows = sum(row.size for row in batch)
        if len(batch) == 1:
            self._fail(batch[0].job_id, error)
            return
        self._max_rows = max(2, rows // 2)

    def _decode(self, row: _Row, latents: Float[Tensor, "c h w"]) -> None:
        picture = to_pictures(self._backbone, latents[None])[0]
        self._on_event(PictureDone(job_id=row.job_id, index=row.index, picture=picture))
        job = self._pictures[row.job_id]
        job.left -= 1
        if job.left == 0:
            del self._pictures[row.job_id]
            self._on_event(JobDone(job_id=row.job_id))

    def _advance(self, creation: _Creation) -> None:
        call = creation.call
        if not call.step():
            if call.progress is not None:
                self._on_event(JobProgress(job_id=creation.job_id, progress=call.progress))
            return
        del self._creations[creation.job_id]
        try:
            result = call.result()
        except JobCancelledError:
            return
        except SynIDError as error:
            self._on_event(JobFailed(job_id=creation.job_id, error=error))
        else:
            self._on_event(JobDone(job_id=creation.job_id, result=result))

    def _tell_pictures(self, job_id: str) -> None:
        job = self._pictures.get(job_id)
        if job is None:
            return
        fraction = job.row_steps_done / job.row_steps
        eta_s = (self._clock() - job.started) * (1 - fraction) / fraction
        progress = Progress(stage="render", fraction=fraction, eta_s=eta_s)
        self._on_event(JobProgress(job_id=job_id, progress=progress))

    def _fail(self, job_id: str, error: SynIDError) -> None:
        self._drop_pictures(job_id)
        self._on_event(JobFailed(job_id=job_id, error=error))

    def _drop_pictures(self, job_id: str) -> None:
        for row in self._rows:
            if row.job_id == job_id and row.ticket is not None:
                self._runs[row.row.latent_size].cancel(row.ticket)
        self._rows = [row for row in self._rows if row.job_id != job_id]
        self._finished = deque((row, latents) for row, latents in self._finished if row.job_id != job_id)
        self._pictures.pop(job_id, None)
