"""The pictures under way: which rows run together, and which latents wait to be decoded.

Knows nothing about creations, or about whose turn it is.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import DeviceOutOfMemoryError, InvalidSettingError, SynIDError
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.denoise import to_pictures, to_preview
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.batch_events import (
    Event,
    JobDone,
    JobFailed,
    JobProgress,
    PictureDone,
    PicturePreview,
)
from synid_engine.serving.cost_model import CREATION_WEIGHT
from synid_engine.synid.stage import Progress

_RECENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """Limits of a batch.

    Attributes:
        max_rows: Forward rows of one step; a guided picture takes two.
        preview_every: Steps between two previews of a row; 0 for none.
        preview_interval_s: Least seconds between two previews of a job, and before its first one: what is
            done sooner needs none.
        creation_weight: What a creation's millisecond counts beside one of a picture. While a creation runs,
            a picture takes a little more than twice its time with 1, and little more than half as long again
            with 2.
        training_rows: Rows of a training step that several creations share, if they train in a `SharedRoom`;
            0 lets each train by itself.
        posed_steps: Plain steps that one with a pose counts as; see `CostModel`.
        decode_rows: The most finished latents of one picture size that are decoded together.
    """

    max_rows: int = 8
    preview_every: int = 5
    preview_interval_s: float = 0.0
    creation_weight: float = CREATION_WEIGHT
    training_rows: int = 0
    posed_steps: float = 1.0
    decode_rows: int = 1

    def __post_init__(self) -> None:
        if self.max_rows < 2:  # noqa: PLR2004  (one guided picture)
            raise InvalidSettingError(field="max_rows", value=self.max_rows, allowed="2 or more")
        if self.preview_every < 0:
            raise InvalidSettingError(field="preview_every", value=self.preview_every, allowed="0 or more")
        if self.creation_weight <= 0:
            raise InvalidSettingError(field="creation_weight", value=self.creation_weight, allowed="above 0")
        if self.training_rows < 0:
            raise InvalidSettingError(field="training_rows", value=self.training_rows, allowed="0 or more")
        if self.posed_steps < 1:
            raise InvalidSettingError(field="posed_steps", value=self.posed_steps, allowed="1 or more")
        if self.decode_rows < 1:
            raise InvalidSettingError(field="decode_rows", value=self.decode_rows, allowed="1 or more")


@dataclass(slots=True, kw_only=True, eq=False)
class BatchRow:
    """A picture that is being drawn."""

    job_id: str
    owner: str
    index: int
    row: RenderRow
    ticket: int | None = None
    steps: int = 0
    is_alone: bool = False

    @property
    def size(self) -> int:
        """Forward rows that it takes."""
        return 2 if self.row.is_guided else 1


@dataclass(slots=True, kw_only=True, eq=False)
class _Job:
    left: int
    row_steps: int
    row_steps_done: int = 0
    started: float
    previewed: float


class PictureBatch:
    """Rows of many jobs, which join and leave at any step."""

    def __init__(
        self,
        backbone: Backbone,
        config: BatchConfig,
        *,
        tell: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        self._backbone, self._config, self._tell, self._clock = backbone, config, tell, clock
        self._max_rows, self._decode_rows = config.max_rows, config.decode_rows
        self._runs: dict[tuple[int, int] | None, DenoiseRun] = {}
        self._rows: list[BatchRow] = []
        self._jobs: dict[str, _Job] = {}
        self._finished: deque[tuple[BatchRow, Float[Tensor, "c h w"]]] = deque()
        self._used: deque[float] = deque(maxlen=_RECENT)

    @property
    def max_rows(self) -> int:
        """Forward rows that a step may have; lowered when the device has no memory for them."""
        return self._max_rows

    @property
    def decode_rows(self) -> int:
        """Latents that may be decoded together; lowered when the device has no memory for them."""
        return self._decode_rows

    @property
    def occupancy(self) -> float:
        """Mean share of the batch that was in use over the last steps."""
        return sum(self._used) / len(self._used) if self._used else 0.0

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs that are under way."""
        return tuple(self._jobs)

    @property
    def waiting(self) -> Sequence[BatchRow]:
        """The rows that have steps left."""
        return self._rows

    @property
    def next_decoded(self) -> list[BatchRow]:
        """The rows whose latents are decoded next: the oldest, and those after it that go with it."""
        if not self._finished:
            return []
        first = self._finished[0][0]
        room = 1 if first.is_alone else self._decode_rows
        rows = takewhile(
            lambda row: row is first or (row.row.latent_size == first.row.latent_size and not row.is_alone),
            (row for row, _ in self._finished),
        )
        return list(islice(rows, room))

    @property
    def owners(self) -> set[str]:
        """Whose pictures are under way."""
        return {row.owner for row in self._rows} | {row.owner for row, _ in self._finished}

    def add(self, job_id: str, owner: str, rows: Sequence[RenderRow]) -> None:
        """Let a job's rows join at the next step."""
        steps = sum(row.step_count for row in rows)
        now = self._clock()
        self._jobs[job_id] = _Job(left=len(rows), row_steps=steps, started=now, previewed=now)
        self._rows += [
            BatchRow(job_id=job_id, owner=owner, index=index, row=row) for index, row in enumerate(rows)
        ]

    def drop(self, job_id: str) -> None:
        """Forget a job; one that is over already is ignored."""
        for row in self._rows:
            if row.job_id == job_id and row.ticket is not None:
                self._runs[row.row.latent_size].cancel(row.ticket)
        self._rows = [row for row in self._rows if row.job_id != job_id]
        self._finished = deque((row, latents) for row, latents in self._finished if row.job_id != job_id)
        self._jobs.pop(job_id, None)

    def fail(self, job_id: str, error: Exception) -> None:
        """Drop a job and say why."""
        self.drop(job_id)
        self._tell(JobFailed(job_id=job_id, error=error))

    def isolate(self, batch: Sequence[BatchRow]) -> None:
        """Let rows run alone from now on, so that the one that breaks the batch breaks nobody else."""
        for row in batch:
            row.is_alone = True

    def next_batch(self, served: Mapping[str, float]) -> list[BatchRow]:
        """Take the rows of one picture size, those of the least served owners first, up to the cap."""
        ordered = sorted(self._rows, key=lambda row: served[row.owner])  # stable: first come
        if ordered[0].is_alone:
            return ordered[:1]
        size = ordered[0].row.latent_size
        batch: list[BatchRow] = []
        room = self._max_rows
        for row in ordered:
            if row.row.latent_size == size and row.size <= room and not row.is_alone:
                batch.append(row)
                room -= row.size
        return batch

    def denoise(self, batch: list[BatchRow]) -> None:
        """Take one step with these rows."""
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
        self._used.append(sum(row.size for row in batch) / self._max_rows)
        for ticket, row in places.items():
            row.steps += 1
            self._jobs[row.job_id].row_steps_done += 1
            if ticket in done:
                self._rows.remove(row)
                self._finished.append((row, done[ticket]))
            else:
                self._preview(row, run)
        for job_id in dict.fromkeys(row.job_id for row in batch):
            self._tell_progress(job_id)

    def decode(self, batch: Sequence[BatchRow]) -> None:
        """Decode the oldest finished latents, in one call; as many as `next_decoded` gave."""
        latents = torch.stack([latents for _, latents in islice(self._finished, len(batch))])
        try:
            pictures = to_pictures(self._backbone, latents, at_once=len(batch))
        except DeviceOutOfMemoryError as error:
            self._shrink_decoding(batch, error)
            return
        for row, picture in zip(batch, pictures, strict=True):
            self._finished.popleft()
            self._tell(PictureDone(job_id=row.job_id, index=row.index, picture=picture))
            job = self._jobs[row.job_id]
            job.left -= 1
            if job.left == 0:
                del self._jobs[row.job_id]
                self._tell(JobDone(job_id=row.job_id))

    def _join(self, row: BatchRow) -> None:
        """Let a row join its run; a row that cannot fails its job."""
        if row.ticket is not None or row not in self._rows:
            return
        run = self._runs.setdefault(row.row.latent_size, DenoiseRun(self._backbone))
        try:
            row.ticket = run.add(row.row)
        except SynIDError as error:
            self.fail(row.job_id, error)

    def _shrink(self, batch: list[BatchRow], error: DeviceOutOfMemoryError) -> None:
        """Halve the cap, so that the same rows are tried again; a row that does not fit alone fails."""
        rows = sum(row.size for row in batch)
        if len(batch) == 1:
            self.fail(batch[0].job_id, error)
            return
        self._max_rows = max(2, rows // 2)

    def _shrink_decoding(self, batch: Sequence[BatchRow], error: DeviceOutOfMemoryError) -> None:
        """Halve the latents that are decoded together; a picture that does not fit alone fails its job."""
        if len(batch) == 1:
            self.fail(batch[0].job_id, error)
            return
        self._decode_rows = len(batch) // 2

    def _preview(self, row: BatchRow, run: DenoiseRun) -> None:
        every = self._config.preview_every
        if row.ticket is None or not every or row.steps % every:
            return
        job, interval_s = self._jobs[row.job_id], self._config.preview_interval_s
        if interval_s:
            now = self._clock()
            if now - job.previewed < interval_s:
                return
            job.previewed = now
        try:
            picture = to_preview(self._backbone, run.preview(row.ticket))
        except DeviceOutOfMemoryError:  # nothing is lost: the picture itself comes later
            return
        self._tell(PicturePreview(job_id=row.job_id, index=row.index, picture=picture))

    def _tell_progress(self, job_id: str) -> None:
        job = self._jobs[job_id]
        fraction = job.row_steps_done / job.row_steps
        eta_s = (self._clock() - job.started) * (1 - fraction) / fraction
        progress = Progress(stage="render", fraction=fraction, eta_s=eta_s)
        self._tell(JobProgress(job_id=job_id, progress=progress))
