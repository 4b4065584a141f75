"""Previews by the small VAE, and finished latents decoded a few at a time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from synid_engine.engine import Engine
from synid_engine.errors import DeviceOutOfMemoryError, InvalidSettingError
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.memory_plan import WHOLE
from synid_engine.sampling.denoise import render, to_pictures, to_preview
from synid_engine.sampling.row import RenderRow
from synid_engine.serving.batch_events import (
    Event,
    JobDone,
    JobFailed,
    JobProgress,
    PictureDone,
    PicturePreview,
)
from synid_engine.serving.calibration import CalibrationConfig, calibrated
from synid_engine.serving.cost_model import StepSample
from synid_engine.serving.decode_cost import measured_decode_cost
from synid_engine.serving.picture_batch import BatchConfig
from synid_engine.serving.step_batcher import StepBatcher
from synid_engine.serving.step_timing import best_size
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.stage import StageModels

ROW = RenderRow(prompt="a woman with red hair", seed=4, num_inference_steps=1)
WIDE = replace(ROW, latent_size=(8, 12))
Decode = Callable[[Backbone, torch.Tensor], torch.Tensor]


class _Clock:
    """A decoded picture takes a second, and nothing else any time."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class _Desk:
    """A batcher that decodes a few at a time, with what it told and what was decoded together."""

    def __init__(self, backbone: Backbone, monkeypatch: pytest.MonkeyPatch, **settings: int) -> None:
        self.events: list[Event] = []
        self.decoded: list[int] = []
        self.fits = 100
        self.on_event: Callable[[Event], None] = lambda _event: None
        self.clock = _Clock()
        decode = Backbone.decode
        monkeypatch.setattr(Backbone, "decode", lambda self_, latents: self._decode(decode, self_, latents))
        config = replace(BatchConfig(preview_every=0, decode_rows=4, max_rows=32), **settings)
        self.batcher = StepBatcher(backbone, self._take, config, clock=self.clock)

    def _decode(self, decode: Decode, backbone: Backbone, latents: torch.Tensor) -> torch.Tensor:
        if len(latents) > self.fits:
            raise torch.OutOfMemoryError
        self.decoded.append(len(latents))
        self.clock.now += len(latents)
        return decode(backbone, latents)

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def run(self) -> None:
        while self.batcher.step():
            pass

    def told(self) -> list[tuple[str, int | str]]:
        named = {JobDone: "done", JobFailed: "failed"}
        return [
            (event.job_id, event.index if isinstance(event, PictureDone) else named[type(event)])
            for event in self.events
            if isinstance(event, (PictureDone, JobDone, JobFailed))
        ]


@pytest.fixture
def make_desk(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> Callable[..., _Desk]:
    return lambda **settings: _Desk(backbone, monkeypatch, **settings)


def test_finished_latents_are_decoded_together_in_the_order_in_which_they_were_done(
    make_desk: Callable[..., _Desk], backbone: Backbone
) -> None:
    told: list[list[tuple[str, int | str]]] = []
    rows = [replace(ROW, seed=seed) for seed in range(5)]
    for decode_rows, chunks in ((1, [1] * 6), (4, [4, 2]), (8, [6])):
        desk = make_desk(decode_rows=decode_rows)
        desk.batcher.draw("five", "ann", rows)
        desk.batcher.draw("one", "ben", [replace(ROW, seed=9)])
        desk.run()
        assert desk.decoded == chunks
        told.append(desk.told())
        pictures = [event.picture for event in desk.events if isinstance(event, PictureDone)]
        for picture, alone in zip(pictures, render(backbone, [*rows, replace(ROW, seed=9)]), strict=True):
            assert np.abs(picture.astype(int) - alone).max() <= 1
    assert told[0] == told[1] == told[2]
    assert told[0] == [
        *(("five", index) for index in range(5)),
        ("five", "done"),
        ("one", 0),
        ("one", "done"),
    ]


def test_pictures_of_another_size_are_decoded_apart(make_desk: Callable[..., _Desk]) -> None:
    desk = make_desk()
    desk.batcher.draw("square", "ann", [ROW] * 3)
    desk.batcher.draw("wide", "ben", [WIDE] * 2)
    desk.run()
    assert desk.decoded == [3, 2]
    assert {event.picture.shape for event in desk.events if isinstance(event, PictureDone)} == {
        (64, 64, 3),
        (64, 96, 3),
    }


def test_each_owner_is_charged_for_what_is_theirs_of_a_chunk(make_desk: Callable[..., _Desk]) -> None:
    desk = make_desk()
    charged: dict[str, float] = {}

    def note(event: Event) -> None:
        if isinstance(event, JobDone):
            charged[event.job_id] = desk.batcher.engine_ms(event.job_id)

    desk.on_event = note
    desk.batcher.draw("three", "ann", [ROW] * 3)
    desk.batcher.draw("one", "ben", [ROW])
    desk.run()
    assert desk.decoded == [4]
    assert charged == pytest.approx({"three": 3000, "one": 1000})


def test_chunk_is_halved_until_it_fits(make_desk: Callable[..., _Desk]) -> None:
    desk = make_desk()
    desk.fits = 1
    desk.batcher.draw("four", "ann", [ROW] * 4)
    desk.run()
    assert desk.decoded == [1] * 4
    assert desk.told() == [*(("four", index) for index in range(4)), ("four", "done")]
    desk.batcher.draw("more", "ann", [ROW] * 2)
    desk.run()
    assert desk.decoded == [1] * 6


def test_picture_that_fits_nowhere_fails_its_job_alone(make_desk: Callable[..., _Desk]) -> None:
    desk = make_desk()
    desk.fits = 0
    desk.batcher.draw("bad", "ann", [ROW])
    desk.run()
    [failed] = [event for event in desk.events if isinstance(event, JobFailed)]
    assert isinstance(failed.error, DeviceOutOfMemoryError)
    desk.fits = 1
    desk.batcher.draw("good", "ben", [ROW])
    desk.run()
    assert desk.told()[-1] == ("good", "done")


def test_unforeseen_error_in_a_chunk_fails_only_whose_picture_it_is(
    make_desk: Callable[..., _Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk()
    decode = Backbone.decode

    def breaks(backbone: Backbone, latents: torch.Tensor) -> torch.Tensor:
        if not latents.isfinite().all():
            raise RuntimeError("a kernel failed")
        return decode(backbone, latents)

    monkeypatch.setattr(Backbone, "decode", breaks)
    desk.batcher.draw("fine", "ann", [ROW])
    desk.batcher.draw("bad", "ben", [replace(ROW, initial_latents=torch.full((4, 8, 8), float("nan")))])
    desk.batcher.draw("fine too", "eve", [ROW])
    more = True
    while more:
        try:
            more = desk.batcher.step()
        except RuntimeError as error:
            desk.batcher.blame(error)
    assert [job_id for job_id, what in desk.told() if what == "failed"] == ["bad"]
    assert {job_id for job_id, what in desk.told() if what == "done"} == {"fine", "fine too"}


@pytest.mark.parametrize("after", [JobProgress, PictureDone])
def test_job_that_is_cancelled_leaves_a_chunk_without_a_word(
    make_desk: Callable[..., _Desk], after: type[Event]
) -> None:
    """Whether its latents wait, or its first picture has just been told and others of it would follow."""
    desk = make_desk()

    def cancel(event: Event) -> None:
        if event.job_id == "gone" and isinstance(event, after):
            desk.batcher.cancel("gone")

    desk.on_event = cancel
    desk.batcher.draw("gone", "ann", [ROW] * 2)
    desk.batcher.draw("stays", "ben", [ROW] * 2)
    desk.run()
    gone = [("gone", 0)] if after is PictureDone else []
    assert desk.told() == [*gone, ("stays", 0), ("stays", 1), ("stays", "done")]
    assert desk.batcher.jobs == ()


def test_chunk_of_none_is_refused() -> None:
    with pytest.raises(InvalidSettingError):
        BatchConfig(decode_rows=0)


def test_preview_is_decoded_by_the_small_vae_and_the_picture_by_the_large_one(
    preview_backbone: Backbone,
) -> None:
    models, decoded = preview_backbone, list[str]()
    assert models.preview_vae is not None
    hooks = [
        vae.decoder.register_forward_hook(lambda *_call, name=name: decoded.append(name))
        for name, vae in (("small", models.preview_vae), ("large", models.vae))
    ]
    events: list[Event] = []
    batcher = StepBatcher(models, events.append, BatchConfig(preview_every=2))
    batcher.draw("one", "ann", [replace(ROW, num_inference_steps=5)])
    while batcher.step():
        pass
    for hook in hooks:
        hook.remove()
    assert decoded == ["small", "small", "large"]
    shapes = [one.picture.shape for one in events if isinstance(one, (PicturePreview, PictureDone))]
    assert shapes == [(64, 64, 3)] * 3
    latents = torch.zeros(4, 8, 8)
    preview = (models.preview(latents[None])[0].detach() * 255).round().permute(1, 2, 0)
    assert np.array_equal(to_preview(models, latents), preview.numpy())


def test_preview_that_has_no_room_holds_nothing_up(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(_backbone: Backbone, _latents: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Backbone, "preview", short)
    events: list[Event] = []
    batcher = StepBatcher(backbone, events.append, BatchConfig(preview_every=1))
    batcher.draw("one", "ann", [replace(ROW, num_inference_steps=3)])
    while batcher.step():
        pass
    assert [type(event) for event in events if not isinstance(event, JobProgress)][1:] == [
        PictureDone,
        JobDone,
    ]


def test_pictures_decoded_together_are_those_decoded_alone(backbone: Backbone) -> None:
    latents = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    for first, second in zip(
        to_pictures(backbone, latents), to_pictures(backbone, latents, at_once=2), strict=True
    ):
        assert np.abs(first.astype(int) - second).max() <= 1


def test_smallest_batch_that_is_about_as_fast_is_the_best() -> None:
    samples = [StepSample(rows=1, ms=10), StepSample(rows=2, ms=16), StepSample(rows=4, ms=31)]
    assert best_size(samples, 0.05) == 2
    assert best_size(samples, 0.01) == 4
    assert best_size(samples, 0.5) == 1


@pytest.mark.parametrize(
    ("most_rows", "tolerance", "cap"), [(1, 0.0, 1), (4, 0.05, 4), (4, 0.3, 2), (7, 0.0, 4)]
)
def test_cost_of_a_chunk_is_fitted_to_those_that_pay(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch, most_rows: int, tolerance: float, cap: int
) -> None:
    monkeypatch.setattr(
        "synid_engine.serving.decode_cost._decode_ms", lambda _models, rows, *_rest: 6.0 + 4 * rows
    )
    cost = measured_decode_cost(
        backbone, most_rows=most_rows, repeats=1, tolerance=tolerance, keep=lambda _picture: None
    )
    assert cost.most_rows == cap
    for rows in (1, cap):
        assert cost.ms(rows) == pytest.approx(6 + 4 * rows)


def test_chunk_that_has_no_room_is_not_the_cap(
    make_desk: Callable[..., _Desk], models: StageModels, tiny_config: DistillConfig
) -> None:
    desk = make_desk()
    desk.fits = 2
    quick = CalibrationConfig(rows=(2,), repeats=1)
    engine = Engine(models=replace(models, memory=replace(WHOLE, decoded_at_once=8)))
    found = calibrated(engine, threads=1, file=None, config=quick, distill=tiny_config)
    assert found.machine.decode_rows == 8
    assert found.costs.decode.most_rows in {1, 2}
    assert set(desk.decoded) == {1, 2}
    desk.fits = 0
    with pytest.raises(DeviceOutOfMemoryError):
        measured_decode_cost(
            models.backbone, most_rows=2, repeats=1, tolerance=0.0, keep=lambda _picture: None
        )
