"""Orders in, reports out, without a process around it."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from bot.features.picture import FIGURE_WORDS, MISS_WORDS, STAGE_WORDS
from synid_engine.engine import Engine, Subject
from synid_engine.evaluation.prompts import suite_prompts
from synid_engine.identity.bank import IdentityBank
from synid_engine.pose.body import Body
from synid_engine.pose.library import NAMED_POSES
from synid_engine.sampling.denoise import render
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.engine_loop import LoopConfig
from synid_engine.serving.messages import (
    EVALUATED_PICTURES,
    Answer,
    CreateWork,
    EvaluateWork,
    Lease,
    Picture,
    RenderWork,
)
from synid_engine.serving.orders import Assign, Drain, ReadPose, Stop
from synid_engine.serving.picture_batch import BatchConfig
from synid_engine.serving.reports import (
    Asked,
    Broken,
    Checkpointed,
    Finished,
    HandedBack,
    PoseRead,
    Previewed,
    Progressed,
    Started,
)
from synid_engine.serving.spool import PICTURE, TENSORS
from synid_engine.serving.wire import LENGTH, decode_report, encode
from synid_engine.synid.pipeline import STAGES, DistillConfig
from synid_engine.synid.repertoire import Repertoire
from synid_engine.synid.stage import StageModels
from synid_engine.synid.words import PlainWording

from ...engine_desk import Desk  # noqa: TID252  (tests are no package)

MakeBank = Callable[..., IdentityBank]
WORK = RenderWork(prompt="smiling", num_inference_steps=3, seed=7)
CREATE = CreateWork(character_id=1, identity="a woman with red hair", seed=5)


def lease(job_id: int = 1, fence: int = 1) -> Lease:
    return Lease(job_id=job_id, fence=fence)


in_both_ways = pytest.mark.parametrize(
    "desk", [False, True], ids=["one thread", "writes beside"], indirect=True
)
in_two_threads = pytest.mark.parametrize("desk", [True], ids=["writes beside"], indirect=True)


@pytest.fixture
def desk(
    request: pytest.FixtureRequest, models: StageModels, tiny_config: DistillConfig, tmp_path: Path
) -> Desk:
    config = LoopConfig(
        batch=BatchConfig(preview_every=0),
        distill=tiny_config,
        progress_interval_s=0.0,
        writes_beside=getattr(request, "param", False),
    )
    return Desk(engine=Engine(models=models), folder=tmp_path, config=config)


def _keep(desk: Desk, bank: IdentityBank) -> str:
    data = bank.to_bytes()
    digest = hashlib.sha256(data).hexdigest()
    path = desk.folder / "weights" / digest[:2] / f"{digest}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return digest


@in_both_ways
def test_pictures_are_those_of_the_engine(desk: Desk, make_bank: MakeBank) -> None:
    bank = make_bank(1)
    work = WORK.model_copy(
        update={
            "pictures": 2,
            "banks": (_keep(desk, bank),),
            "descriptions": ("a woman with red hair",),
            "styles": ("",),
            "character_ids": (9,),
        }
    )
    desk.order(Assign(lease=lease(), owner_id=3, work=work))
    desk.run()
    assert [type(report) for report in desk.reports[:1]] == [Started]
    assert desk.of(Progressed)[-1].progress == 1
    (finished,) = desk.of(Finished)
    assert finished.engine_ms > 0
    assert [picture.seed for picture in finished.result.pictures] == [7, 8]
    subject = Subject(description="a woman with red hair", style="", bank=bank)
    request = desk.engine.request([subject], "smiling")
    rows = [replace(request, seed=seed, num_inference_steps=3) for seed in (7, 8)]
    for picture, pixels in zip(
        finished.result.pictures, render(desk.engine.models.backbone, rows), strict=True
    ):
        with Image.open(desk.spool.path_of(picture.image, PICTURE)) as image:
            drawn = torch.tensor(list(image.tobytes())).int()
        assert (drawn - torch.from_numpy(pixels).flatten().int()).abs().max() <= 1
        assert desk.spool.path_of(picture.thumbnail, PICTURE).is_file()


class SlowSpool:
    """Holds up the writing of pictures until it is told to go on."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may_write, self.threads = threading.Event(), list[threading.Thread]()
        put = desk.spool.put_picture

        def held(image: Image.Image, *, seed: int) -> Picture:
            self.threads.append(threading.current_thread())
            assert self.may_write.wait(timeout=60)
            return put(image, seed=seed)

        monkeypatch.setattr(desk.spool, "put_picture", held)


LONG = WORK.model_copy(update={"num_inference_steps": 50})


def writing_beside_long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> SlowSpool:
    """Go on until the first job's picture is being written, while the second is still drawn."""
    slow = SlowSpool(desk, monkeypatch)
    desk.order(Assign(lease=lease(1), owner_id=3, work=WORK), Assign(lease=lease(2), owner_id=4, work=LONG))
    while not slow.threads:
        desk.loop.turn()
    return slow


@in_two_threads
def test_next_steps_are_taken_while_a_picture_is_written_which_is_told_of_afterwards(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = writing_beside_long(desk, monkeypatch)
    steps = len(desk.of(Progressed, 2))
    for _ in range(5):
        desk.loop.turn()
    assert len(desk.of(Progressed, 2)) == steps + 5
    assert not desk.of(Finished, 1)
    assert [beat.engine_ms > 0 for beat in desk.status.beats] == [True, True]
    slow.may_write.set()
    while not desk.of(Finished, 1):
        desk.loop.turn()
    assert not desk.of(Finished, 2), "that of the short job is told first"
    (finished,) = desk.of(Finished, 1)
    assert finished.engine_ms > 0
    assert all(desk.spool.path_of(one.image, PICTURE).is_file() for one in finished.result.pictures)
    assert set(slow.threads).isdisjoint({threading.main_thread()})


@in_two_threads
def test_drained_engine_tells_of_what_is_still_being_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = writing_beside_long(desk, monkeypatch)
    desk.order(Drain())
    threading.Timer(0.2, slow.may_write.set).start()
    desk.loop.run()
    assert [type(report) for report in desk.reports[-2:]] == [Finished, HandedBack]


@in_two_threads
def test_job_that_is_stopped_while_its_picture_is_written_is_silent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowSpool(desk, monkeypatch)
    desk.order(Assign(lease=lease(1), owner_id=3, work=WORK))
    desk.loop.turn()
    while desk.loop._batcher.jobs:
        desk.loop.turn()
    assert len(desk.status.beats) == 1
    desk.order(Stop(lease=lease(1)))
    desk.loop.turn()
    slow.may_write.set()
    desk.order(Assign(lease=lease(1, fence=2), owner_id=3, work=WORK))
    desk.run()
    (finished,) = desk.of(Finished)
    assert finished.lease == lease(1, fence=2)
    assert len(finished.result.pictures) == WORK.pictures


@in_both_ways
def test_repeated_and_older_orders_are_ignored_and_newer_ones_replace(desk: Desk) -> None:
    first = Assign(lease=lease(fence=2), owner_id=3, work=WORK)
    desk.order(first, first)
    desk.loop.turn()
    desk.loop.turn()
    desk.loop.turn()
    desk.order(Assign(lease=lease(fence=3), owner_id=3, work=WORK), first)
    desk.run()
    desk.order(first)
    desk.run()
    assert [report.lease.fence for report in desk.of(Finished)] == [3]
    assert [report.lease.fence for report in desk.of(Started)] == [2, 3]


@in_both_ways
def test_stopped_job_is_silent_and_a_stop_for_another_lease_is_ignored(desk: Desk) -> None:
    desk.order(
        Assign(lease=lease(1), owner_id=3, work=WORK),
        Assign(lease=lease(2), owner_id=3, work=WORK),
        Assign(lease=lease(3), owner_id=3, work=CREATE),
    )
    for _ in range(6):
        desk.loop.turn()
    desk.order(
        Stop(lease=lease(1)), Stop(lease=lease(3)), Stop(lease=lease(2, fence=9)), Stop(lease=lease(8))
    )
    for _ in range(4):
        desk.loop.turn()
    told = len(desk.reports)
    desk.run()
    assert {report.lease.job_id for report in desk.reports[told:]} == {2}
    assert len(desk.of(Finished, 2)) == 1


@in_both_ways
def test_what_cannot_be_done_is_told_and_not_tried_again(desk: Desk, make_bank: MakeBank) -> None:
    foreign = _keep(desk, replace(make_bank(1), model_hash="f" * 64))
    cases = {
        "MissingTensorError": {"banks": ("0" * 64,), "descriptions": ("x",), "styles": ("",)},
        "BaseModelMismatchError": {"banks": (foreign,), "descriptions": ("x",), "styles": ("",)},
        "InvalidSettingError": {"descriptions": ("a woman",)},
    }
    for job_id, changes in enumerate(cases.values()):
        work = WORK.model_copy(update=changes)
        desk.order(Assign(lease=lease(job_id), owner_id=3, work=work))
    desk.order(Assign(lease=lease(7), owner_id=3, work=CREATE.model_copy(update={"style": "no such style"})))
    desk.run()
    broken = [report for report in desk.reports if isinstance(report, Broken)]
    assert [report.failure.reason for report in broken] == [*cases, "InvalidSettingError"]
    assert not any(report.retryable for report in broken)
    assert broken[-1].failure.detail.startswith("field: style, value: no such style, allowed: ")


@in_both_ways
def test_unforeseen_errors_are_told_and_the_engine_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(DenoiseRun, "step", lambda *_: 1 / 0)
        desk.order(Assign(lease=lease(1), owner_id=3, work=WORK))
        desk.run()
    (broken,) = desk.of(Broken)
    assert (broken.failure.reason, broken.retryable) == ("ZeroDivisionError", True)
    assert "Traceback" in caplog.text
    desk.order(Assign(lease=lease(1, fence=2), owner_id=3, work=WORK))
    desk.run()
    assert len(desk.of(Finished)) == 1


@in_both_ways
def test_spool_that_cannot_be_written_breaks_the_job_alone_until_there_is_room(desk: Desk) -> None:
    desk.order(Assign(lease=lease(1), owner_id=3, work=WORK))
    desk.loop.turn()
    (desk.folder / "spool").rmdir()
    desk.run()
    (broken,) = desk.of(Broken)
    assert (broken.failure.reason, broken.retryable) == ("TensorWriteError", True)
    (desk.folder / "spool").mkdir()
    desk.order(Assign(lease=lease(1, fence=2), owner_id=3, work=WORK))
    desk.run()
    assert len(desk.of(Finished)) == 1


def test_preview_that_cannot_be_written_breaks_nothing(models: StageModels, tmp_path: Path) -> None:
    config = LoopConfig(batch=BatchConfig(preview_every=1))
    desk = Desk(engine=Engine(models=models), folder=tmp_path, config=config)
    desk.order(Assign(lease=lease(1), owner_id=3, work=WORK))
    desk.loop.turn()
    (tmp_path / "spool").rmdir()
    for _ in range(2):
        desk.loop.turn()
    (tmp_path / "spool").mkdir()
    desk.run()
    assert not desk.of(Previewed)
    assert len(desk.of(Finished)) == 1


def test_creation_that_finds_no_room_for_a_checkpoint_can_be_tried_again(desk: Desk) -> None:
    desk.order(Assign(lease=lease(1), owner_id=3, work=CREATE))
    desk.loop.turn()
    (desk.folder / "spool").rmdir()
    desk.run()
    (broken,) = desk.of(Broken)
    assert (broken.failure.reason, broken.retryable) == ("TensorWriteError", True)


def test_previews_are_small_pictures(models: StageModels, tmp_path: Path) -> None:
    config = LoopConfig(batch=BatchConfig(preview_every=1), preview_px=16, progress_interval_s=1e9)
    desk = Desk(engine=Engine(models=models), folder=tmp_path, config=config)
    desk.order(Assign(lease=lease(), owner_id=3, work=WORK))
    desk.run()
    previews = desk.of(Previewed)
    assert len(previews) == 2
    with Image.open(desk.spool.path_of(previews[0].image, PICTURE)) as image:
        assert max(image.size) == 16
    assert len(desk.of(Progressed)) == 1


def test_creation_shows_its_portrait_long_before_it_is_made(desk: Desk) -> None:
    desk.order(Assign(lease=lease(1), owner_id=3, work=CREATE))
    desk.run()
    (shown,) = desk.of(Previewed)
    (finished,) = desk.of(Finished)
    kinds = [type(report) for report in desk.reports]
    assert kinds.index(Previewed) < len(kinds) - 1 - kinds[::-1].index(Progressed) < kinds.index(Finished)
    assert shown.image == finished.result.pictures[0].thumbnail


def test_creation_brings_pictures_bank_and_scores(desk: Desk) -> None:
    desk.order(Assign(lease=lease(), owner_id=3, work=CREATE))
    desk.run()
    (finished,) = desk.of(Finished)
    result = finished.result
    alone = desk.engine.create("", CREATE.identity, seed=5, config=desk.config.distill)
    assert len(result.pictures) == 1 + len(alone.anchors)
    assert result.pictures[0] in result.pictures[1:]
    assert len({picture.seed for picture in result.pictures}) == len(alone.anchors)
    bank = IdentityBank.load(desk.spool.path_of(result.bank, TENSORS), model_hash=desk.engine.model_hash)
    assert torch.equal(bank.identity_tokens, alone.bank.identity_tokens)
    assert result.scores["identity"] == alone.scores["identity"]
    assert len(desk.of(Checkpointed)) == len(desk.config.distill.stages)
    shares = [report.progress for report in desk.of(Progressed)]
    assert shares == sorted(shares)


def test_asked_creation_goes_on_with_the_answer(desk: Desk) -> None:
    asking = CREATE.model_copy(update={"ask": True})
    desk.order(Assign(lease=lease(fence=1), owner_id=3, work=asking))
    desk.run()
    (asked,) = desk.of(Asked)
    question = asked.question
    assert len(question.choices) == desk.config.distill.anchors.anchors
    assert all(desk.spool.path_of(choice, PICTURE).is_file() for choice in question.choices)
    assert question.checkpoint == desk.of(Checkpointed)[0].checkpoint
    other = 1 - question.default

    def again(fence: int, checkpoint: str | None) -> Assign:
        return Assign(
            lease=lease(fence=fence),
            owner_id=3,
            work=asking,
            checkpoint=checkpoint,
            answer=Answer(choice=other),
        )

    desk.order(again(2, question.checkpoint))
    desk.run()
    desk.spool.path_of(question.checkpoint, TENSORS).unlink()
    desk.order(again(3, question.checkpoint))
    desk.run()
    picked = desk.engine.create("", CREATE.identity, seed=5, config=desk.config.distill, pick=lambda _: other)
    for finished in desk.of(Finished):
        assert finished.result.pictures[0].image == question.choices[other]
        bank = IdentityBank.load(
            desk.spool.path_of(finished.result.bank, TENSORS), model_hash=desk.engine.model_hash
        )
        assert torch.equal(bank.identity_tokens, picked.bank.identity_tokens)
    assert len(desk.of(Finished)) == 2


def test_question_is_asked_again_without_drawing_again(desk: Desk) -> None:
    asking = CREATE.model_copy(update={"ask": True})
    desk.order(Assign(lease=lease(fence=1), owner_id=3, work=asking))
    desk.run()
    (asked,) = desk.of(Asked)
    steps = desk.status.steps
    desk.order(Assign(lease=lease(fence=2), owner_id=3, work=asking, checkpoint=asked.question.checkpoint))
    desk.run()
    assert desk.of(Asked)[1].question == asked.question
    assert desk.status.steps == steps + 1


def _evaluation(desk: Desk, bank: IdentityBank) -> EvaluateWork:
    return EvaluateWork(
        portrait=desk.spool.put_image(Image.new("RGB", (64, 64), "red")),
        banks=(_keep(desk, bank),),
        character_ids=(9,),
        descriptions=("a woman with red hair",),
        styles=("",),
    )


def test_cards_have_words_for_every_stage_of_a_creation() -> None:
    assert set(STAGES) <= set(STAGE_WORDS)


def test_evaluation_brings_a_sheet_and_its_figures(desk: Desk, make_bank: MakeBank) -> None:
    desk.spool.score = lambda image: 0.25 if image.size == (64, 64) else 0.125  # type: ignore[method-assign]
    desk.order(
        Assign(lease=lease(1), owner_id=3, work=_evaluation(desk, make_bank(1))),
        Assign(lease=lease(2), owner_id=4, work=WORK),
    )
    desk.until(Started)
    desk.run()
    assert len(desk.of(Finished, 2)) == 1, "a picture waits for the whole evaluation"
    (finished,) = desk.of(Finished)
    (sheet,) = finished.result.pictures
    assert sheet.nsfw == 0.25, "the sheet is as its worst picture"
    with Image.open(desk.spool.path_of(sheet.image, PICTURE)) as image:
        assert image.width > image.height
    found = {one.name: one for one in finished.result.figures}
    assert set(found) <= set(FIGURE_WORDS), "a figure that no card has words for"
    assert found["same character, face traits"].interval is not None
    looks = finished.result.looks
    assert [one.prompt for one in looks] == [one.words for one in suite_prompts("quick")]
    misses = [name for one in looks for name in one.misses]
    assert set(misses) <= set(MISS_WORDS), "a miss that no card has words for"
    same = 100 * sum("face" not in one.misses for one in looks) / len(looks)
    assert found["same character, face traits"].value == pytest.approx(same)
    whole = 100 * sum(not {"face", "clothes"} & set(one.misses) for one in looks) / len(looks)
    assert found["same character, clothes too"].value == pytest.approx(whole)
    told = desk.of(Progressed)
    assert {report.stage for report in told} <= set(STAGE_WORDS), "a stage that no card has words for"
    shares = [report.progress for report in told]
    assert shares == sorted(shares)
    assert len(set(shares)) > EVALUATED_PICTURES, "every step is told"
    asked = {len(suite_prompts("quick")), EVALUATED_PICTURES}
    assert len(asked) == 1, "costs are told of another number of pictures"


def test_evaluation_stops_within_a_step(desk: Desk, make_bank: MakeBank) -> None:
    desk.order(Assign(lease=lease(), owner_id=3, work=_evaluation(desk, make_bank(1))))
    while len(desk.of(Progressed)) < 3:
        desk.loop.turn()
    told = len(desk.reports)
    desk.order(Stop(lease=lease()))
    desk.run()
    assert len(desk.reports) == told
    assert desk.status.beats == ()


def test_evaluation_without_what_it_is_about_is_told_and_not_tried_again(
    desk: Desk, make_bank: MakeBank
) -> None:
    work = _evaluation(desk, make_bank(1))
    several = {"banks": work.banks * 2, "descriptions": work.descriptions * 2, "styles": ("", "")}
    changes = {
        "MissingTensorError": {"portrait": "0" * 64},
        "CorruptTensorError": {"portrait": desk.spool.put(b"no picture", PICTURE)},
        "InvalidSettingError": several,
    }
    for job_id, change in enumerate(changes.values()):
        desk.order(Assign(lease=lease(job_id), owner_id=3, work=work.model_copy(update=change)))
    desk.run()
    broken = [report for report in desk.reports if isinstance(report, Broken)]
    assert [report.failure.reason for report in broken] == list(changes)
    assert not any(report.retryable for report in broken)


@in_both_ways
def test_drained_engine_hands_everything_back_with_a_checkpoint(desk: Desk) -> None:
    desk.order(
        Assign(lease=lease(1), owner_id=3, work=CREATE),
        Assign(lease=lease(2), owner_id=4, work=WORK.model_copy(update={"num_inference_steps": 50})),
    )
    while not any(report.stage == "projector" and report.progress > 0 for report in desk.of(Progressed)):
        desk.loop.turn()
    before = len(desk.of(Checkpointed))
    desk.order(Drain(), Assign(lease=lease(3), owner_id=3, work=WORK))
    desk.loop.run()
    handed = [report.lease.job_id for report in desk.reports if isinstance(report, HandedBack)]
    assert handed == [1, 2, 3]
    kept = desk.of(Checkpointed)
    assert len(kept) == before + 1
    assert desk.status.beats == ()
    later = Desk(engine=desk.engine, folder=desk.folder, config=desk.config)
    later.order(Assign(lease=lease(1, fence=2), owner_id=3, work=CREATE, checkpoint=kept[-1].checkpoint))
    later.run()
    alone = desk.engine.create("", CREATE.identity, seed=5, config=desk.config.distill)
    (finished,) = later.of(Finished)
    bank = IdentityBank.load(
        desk.spool.path_of(finished.result.bank, TENSORS), model_hash=desk.engine.model_hash
    )
    assert torch.equal(bank.identity_tokens, alone.bank.identity_tokens)


def test_damaged_checkpoint_costs_time_and_nothing_else(desk: Desk) -> None:
    digest = desk.spool.put(b"no tensors", TENSORS)
    desk.order(Assign(lease=lease(), owner_id=3, work=CREATE, checkpoint=digest))
    desk.run()
    assert len(desk.of(Finished)) == 1


def test_pose_of_a_picture_is_read_or_the_reason_is_told(desk: Desk) -> None:
    image = desk.spool.put_image(Image.new("RGB", (16, 16)))
    desk.order(ReadPose(image=image), ReadPose(image="e" * 64))
    desk.run()
    wording = PlainWording(repertoire=Repertoire(has_pose_maps=True))
    for seen in ([NAMED_POSES["front"], NAMED_POSES["waving"]], []):
        engine = replace(desk.engine, wording=wording, pose_estimator=Sees(seen))
        other = Desk(engine=engine, folder=desk.folder, config=desk.config)
        other.order(ReadPose(image=image))
        other.run()
        desk.reports += other.reports
    told = [report for report in desk.reports if isinstance(report, PoseRead)]
    assert [one.image for one in told] == [image, "e" * 64, image, image]
    assert [one.failure.reason for one in told if one.failure is not None] == [
        "NoPoseControlError",
        "MissingTensorError",
        "NobodyFoundError",
    ]
    assert told[2] == decode_report(encode(told[2])[LENGTH.size :])
    assert (told[2].body, told[2].people) == (NAMED_POSES["front"], 2)


class Sees:
    """Finds these people in every picture."""

    def __init__(self, bodies: list[Body]) -> None:
        self.bodies = bodies

    def find_bodies(self, picture: Image.Image) -> list[Body]:
        assert picture.size == (16, 16)
        return self.bodies
