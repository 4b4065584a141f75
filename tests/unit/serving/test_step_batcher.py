"""Mixed work, one piece at a time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from synid_engine.errors import (
    BaseModelMismatchError,
    DeviceOutOfMemoryError,
    DistillationError,
    InvalidSettingError,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.pose.library import NAMED_POSES
from synid_engine.pose.skeleton_map import draw_map
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.denoise import render
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving import step_batcher
from synid_engine.serving.batch_events import (
    Event,
    JobDone,
    JobFailed,
    JobProgress,
    JobStarted,
    PictureDone,
    PicturePreview,
)
from synid_engine.serving.picture_batch import BatchConfig
from synid_engine.serving.step_batcher import StepBatcher
from synid_engine.synid.stage import OnProgress, Progress

MakeBank = Callable[..., IdentityBank]
ROW = RenderRow(prompt="a woman with red hair", seed=4, num_inference_steps=4)


class _Clock:
    """Every look is a millisecond later."""

    def __init__(self) -> None:
        self._ticks: Iterator[int] = count()

    def __call__(self) -> float:
        return next(self._ticks) / 1000


class _Desk:
    """A batcher, with what it told."""

    def __init__(self, backbone: Backbone, **settings: float) -> None:
        self.events: list[Event] = []
        config = replace(BatchConfig(preview_every=0), **settings)
        self.batcher = StepBatcher(backbone, self.events.append, config, clock=_Clock())

    def run(self) -> None:
        while self.batcher.step():
            pass

    def until(self, job_id: str, kind: type) -> None:
        while not self.of(job_id, kind):
            self.batcher.step()

    def of(self, job_id: str, kind: type) -> list[Event]:
        return [event for event in self.events if event.job_id == job_id and isinstance(event, kind)]


def _steps(total: int, log: list[str], name: str) -> Callable[[OnProgress], str]:
    def work(report: OnProgress) -> str:
        for number in range(total):
            log.append(name)
            report(Progress(stage="adapter", fraction=(number + 1) / total))
        return name

    return work


def test_pictures_are_the_same_as_alone(backbone: Backbone, make_bank: MakeBank) -> None:
    rows = [ROW, replace(ROW, banks=(make_bank(1),), seed=5, num_inference_steps=6, guidance_scale=1.0)]
    desk = _Desk(backbone)
    desk.batcher.draw("one", "ann", rows)
    desk.batcher.step()
    desk.batcher.draw("late", "ben", [replace(ROW, banks=(make_bank(2),), seed=6)])
    desk.run()
    alone = render(backbone, [*rows, replace(ROW, banks=(make_bank(2),), seed=6)], max_rows=1)
    drawn = {(e.job_id, e.index): e.picture for e in desk.events if isinstance(e, PictureDone)}
    for key, picture in zip([("one", 0), ("one", 1), ("late", 0)], alone, strict=True):
        assert np.abs(drawn[key].astype(int) - picture.astype(int)).max() <= 1
    assert len(desk.of("one", JobDone)) == len(desk.of("late", JobDone)) == 1
    fractions = [event.progress.fraction for event in desk.events if isinstance(event, JobProgress)]
    assert max(fractions) == 1
    assert desk.batcher.jobs == ()


def test_pictures_and_creations_take_turns(backbone: Backbone) -> None:
    log: list[str] = []
    desk = _Desk(backbone)
    desk.batcher.create("long", "ann", _steps(40, log, "long"))
    for _ in range(5):
        desk.batcher.step()
    desk.batcher.draw("quick", "ben", [ROW])
    before = len(log)
    desk.until("quick", JobDone)
    assert 1 <= len(log) - before <= 3 * ROW.step_count  # by this clock, a picture's step costs two of its
    desk.run()
    done = desk.of("long", JobDone)[0]
    assert isinstance(done, JobDone)
    assert done.result == "long"
    assert len(log) == 40


def _company(backbone: Backbone, *, weight: float, maker: str) -> int:
    """Return how many steps a creation takes while a picture is drawn."""
    log: list[str] = []
    desk = _Desk(backbone, creation_weight=weight)
    desk.batcher.create("long", maker, _steps(1000, log, "long"))
    for _ in range(5):
        desk.batcher.step()
    desk.batcher.draw("quick", "ben", [replace(ROW, num_inference_steps=20)])
    before = len(log)
    desk.until("quick", JobDone)
    desk.batcher.cancel("long")
    return len(log) - before


def test_the_more_a_creation_counts_the_less_it_slows_a_picture(backbone: Backbone) -> None:
    plain, double = (_company(backbone, weight=weight, maker="ann") for weight in (1.0, 2.0))
    assert 0 < double <= plain / 2 + 1


def test_ones_own_creation_slows_ones_picture_no_more_than_anybody_elses(backbone: Backbone) -> None:
    own, other = (_company(backbone, weight=2.0, maker=maker) for maker in ("ben", "ann"))
    assert own == other


def test_light_owner_is_not_kept_waiting_by_a_heavy_one(backbone: Backbone) -> None:
    desk = _Desk(backbone, max_rows=2)
    for number in range(10):
        desk.batcher.draw(f"heavy {number}", "ann", [replace(ROW, seed=number)])
    for _ in range(6):
        desk.batcher.step()
    desk.batcher.draw("light", "ben", [ROW])
    done_before = len([event for event in desk.events if isinstance(event, JobDone)])
    desk.until("light", JobDone)
    done_after = len([event for event in desk.events if isinstance(event, JobDone)])
    assert done_after - done_before <= 2


def test_creation_that_comes_late_does_not_catch_up_with_those_who_were_there(backbone: Backbone) -> None:
    """Nor does a picture of somebody who has had more than anybody wait until others have had as much."""
    desk, log = _Desk(backbone), list[str]()
    desk.batcher.draw("much", "ann", [replace(ROW, seed=number) for number in range(8)])
    desk.batcher.draw("many steps", "ann", [replace(ROW, num_inference_steps=90)])
    desk.run()
    desk.batcher.create("late", "cleo", _steps(1000, log, "late"))
    for _ in range(3):
        desk.batcher.step()
    desk.batcher.draw("one more", "ann", [ROW])
    before = len(log)
    desk.until("one more", JobStarted)
    assert len(log) - before <= 1
    desk.until("one more", JobDone)
    assert len(log) - before <= 3 * ROW.step_count
    desk.batcher.cancel("late")


def test_cancelled_jobs_tell_nothing_more_and_leave_the_others(backbone: Backbone) -> None:
    log: list[str] = []
    desk = _Desk(backbone)
    desk.batcher.draw("gone", "ann", [ROW, ROW])
    desk.batcher.draw("stays", "ann", [ROW])
    desk.batcher.create("gone too", "ben", _steps(50, log, "gone too"))
    for _ in range(4):
        desk.batcher.step()
    for job_id in ("gone", "gone too", "never there"):
        desk.batcher.cancel(job_id)
    told = len(desk.events)
    desk.run()
    assert {event.job_id for event in desk.events[told:]} == {"stays"}
    assert len(log) < 50
    assert len(desk.of("stays", PictureDone)) == 1


def test_failures_are_told_and_touch_nobody_else(backbone: Backbone, make_bank: MakeBank) -> None:
    def breaks(_report: OnProgress) -> None:
        raise DistillationError("loss", float("nan"))

    desk = _Desk(backbone)
    foreign = replace(make_bank(1), model_hash="0" * 64)
    desk.batcher.draw("foreign", "ann", [ROW, replace(ROW, banks=(foreign,))])
    desk.batcher.draw("fine", "ann", [ROW])
    desk.batcher.create("broken", "ben", breaks)
    desk.run()
    failures = {event.job_id: event.error for event in desk.events if isinstance(event, JobFailed)}
    assert isinstance(failures["foreign"], BaseModelMismatchError)
    assert isinstance(failures["broken"], DistillationError)
    assert len(failures) == 2
    assert len(desk.of("fine", JobDone)) == 1


def test_cap_is_lowered_when_memory_is_short(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    step = DenoiseRun.step

    def short(run: DenoiseRun, tickets: tuple[int, ...]) -> object:
        if len(tickets) > 1:
            raise DeviceOutOfMemoryError(rows=2 * len(tickets))
        return step(run, tickets)

    monkeypatch.setattr(DenoiseRun, "step", short)
    desk = _Desk(backbone)
    desk.batcher.draw("many", "ann", [replace(ROW, seed=seed) for seed in range(4)])
    desk.run()
    assert desk.batcher.max_rows == 2
    assert len(desk.of("many", PictureDone)) == 4


def test_row_that_never_fits_fails_its_job(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_run: DenoiseRun, _tickets: tuple[int, ...]) -> object:
        raise DeviceOutOfMemoryError(rows=2)

    monkeypatch.setattr(DenoiseRun, "step", never)
    desk = _Desk(backbone)
    desk.batcher.draw("one", "ann", [ROW])
    desk.run()
    assert len(desk.of("one", JobFailed)) == 1


def test_previews_come_every_few_steps(backbone: Backbone) -> None:
    desk = _Desk(backbone, preview_every=2)
    desk.batcher.draw("one", "ann", [replace(ROW, num_inference_steps=7)])
    desk.run()
    assert len(desk.of("one", PicturePreview)) == 3


def test_previews_of_a_job_keep_their_distance(backbone: Backbone) -> None:
    """And so does the first one: what is done sooner needs none."""
    desk = _Desk(backbone, preview_every=1, preview_interval_s=0.01)
    desk.batcher.draw("one", "ann", [replace(ROW, num_inference_steps=9)] * 2)
    desk.batcher.draw("two", "ann", [replace(ROW, num_inference_steps=2)])
    desk.run()
    assert 1 < len(desk.of("one", PicturePreview)) < 2 * 9
    assert not desk.of("two", PicturePreview)


def test_jobs_are_told_of_before_their_first_step_and_charged_for_every_one(backbone: Backbone) -> None:
    charged: dict[str, float] = {}
    clock = _Clock()
    started: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, JobStarted):
            started.append(batcher.engine_ms(event.job_id))
        if isinstance(event, JobDone):
            charged[event.job_id] = batcher.engine_ms(event.job_id)

    batcher = StepBatcher(backbone, note, BatchConfig(preview_every=0), clock=clock)
    batcher.draw("short", "ann", [ROW])
    batcher.draw("long", "ben", [replace(ROW, num_inference_steps=8)])
    batcher.create("character", "eve", _steps(3, [], "character"))
    while batcher.step():
        pass
    assert started == [0, 0, 0]
    assert charged["long"] > charged["short"] > 0
    assert charged["character"] > 0
    assert batcher.engine_ms("long") == 0
    assert batcher.steps == 8 + 2 + 4  # denoised, decoded, and the creation with its end
    assert batcher.occupancy == pytest.approx((4 * 4 + 4 * 2) / 8 / 8)


class _LateDevice:
    """Works on after it has been given something, as a GPU does; a clock beside it."""

    def __init__(self) -> None:
        self.now = self._done_at = 0.0

    def give(self, seconds: float) -> None:
        self._done_at = max(self.now, self._done_at) + seconds

    def wait(self, _device: torch.device) -> None:
        self.now = max(self.now, self._done_at)


def test_work_that_goes_on_after_its_piece_is_charged_to_whose_it_is(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, step = _LateDevice(), DenoiseRun.step

    def denoising(run: DenoiseRun, tickets: tuple[int, ...]) -> object:
        device.give(0.040)
        return step(run, tickets)

    def creating(report: OnProgress) -> None:
        for number in range(9):
            device.wait(backbone.device)  # it reads its loss before it draws the next batch
            device.give(0.010)
            report(Progress(stage="adapter", fraction=(number + 1) / 10))

    monkeypatch.setattr(DenoiseRun, "step", denoising)
    monkeypatch.setattr(step_batcher, "wait_for", device.wait)
    batcher = StepBatcher(
        backbone, lambda _event: None, BatchConfig(preview_every=0), clock=lambda: device.now
    )
    batcher.create("character", "eve", creating)
    batcher.draw("picture", "ann", [replace(ROW, num_inference_steps=20)])
    for _ in range(10):
        batcher.step()
    pieces = {job: batcher.engine_ms(job) for job in ("character", "picture")}
    assert pieces["character"] % 10 == pytest.approx(0)
    assert pieces["picture"] % 40 == pytest.approx(0)
    assert pieces["character"] / 10 + pieces["picture"] / 40 == pytest.approx(10)


def test_posed_pictures_share_the_steps_of_others_and_are_charged_for_more(posed_backbone: Backbone) -> None:
    posed = replace(ROW, pose_map=draw_map([NAMED_POSES["front"]], width=64, height=64))
    desk = _Desk(posed_backbone, posed_steps=1.5)
    desk.batcher.draw("posed", "ann", [posed])
    desk.batcher.draw("plain", "ben", [ROW])
    while len(desk.of("posed", JobProgress)) < posed.step_count:
        desk.batcher.step()
    assert len(desk.of("plain", JobProgress)) == posed.step_count
    assert desk.batcher.engine_ms("posed") == pytest.approx(1.5 * desk.batcher.engine_ms("plain"))
    desk.run()
    for job_id, row in (("posed", posed), ("plain", ROW)):
        [done] = desk.of(job_id, PictureDone)
        assert np.abs(done.picture.astype(int) - render(posed_backbone, [row])[0]).max() <= 1
    with pytest.raises(InvalidSettingError):
        BatchConfig(posed_steps=0.5)


def test_unforeseen_error_fails_only_whose_row_it_is(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = DenoiseRun.step

    def poisoned(run: DenoiseRun, tickets: tuple[int, ...]) -> object:
        if any(run._states[ticket].row.prompt == "poison" for ticket in tickets):
            raise RuntimeError("a kernel failed")
        return step(run, tickets)

    monkeypatch.setattr(DenoiseRun, "step", poisoned)
    desk = _Desk(backbone)
    desk.batcher.draw("fine", "ann", [ROW])
    desk.batcher.draw("bad", "ben", [replace(ROW, prompt="poison")])
    desk.batcher.draw("fine too", "eve", [ROW])
    more = True
    while more:
        try:
            more = desk.batcher.step()
        except RuntimeError as error:
            desk.batcher.blame(error)
    assert [event.job_id for event in desk.events if isinstance(event, JobFailed)] == ["bad"]
    assert {event.job_id for event in desk.events if isinstance(event, JobDone)} == {"fine", "fine too"}


def test_unforeseen_error_of_a_creation_fails_it(backbone: Backbone) -> None:
    def breaks(_report: OnProgress) -> None:
        raise ZeroDivisionError

    desk = _Desk(backbone)
    desk.batcher.create("broken", "ben", breaks)
    with pytest.raises(ZeroDivisionError) as caught:
        desk.batcher.step()
    desk.batcher.blame(caught.value)
    assert len(desk.of("broken", JobFailed)) == 1
    assert desk.batcher.jobs == ()


def test_creation_can_take_a_step_out_of_turn(backbone: Backbone) -> None:
    log: list[str] = []
    desk = _Desk(backbone)
    desk.batcher.create("long", "ann", _steps(9, log, "long"))
    desk.batcher.advance("long")
    desk.batcher.advance("nobody")
    assert len(log) == 1


def test_what_cannot_be_queued_is_refused(backbone: Backbone) -> None:
    desk = _Desk(backbone)
    desk.batcher.draw("one", "ann", [ROW])
    with pytest.raises(InvalidSettingError):
        desk.batcher.draw("one", "ann", [ROW])
    with pytest.raises(InvalidSettingError):
        desk.batcher.draw("two", "ann", [])
    with pytest.raises(InvalidSettingError):
        BatchConfig(max_rows=1)
    with pytest.raises(InvalidSettingError):
        BatchConfig(preview_every=-1)
    with pytest.raises(InvalidSettingError):
        BatchConfig(creation_weight=0.0)
    with pytest.raises(InvalidSettingError):
        BatchConfig(training_rows=-1)
