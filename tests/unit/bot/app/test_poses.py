"""Poses in `/imagine`: those that have names, and those of pictures that people bring."""

import io
import time

import pytest
from PIL import Image

from bot.brought import checked_picture
from bot.loopback.invocation import Invocation
from bot.loopback.options import LocalFile
from bot.loopback.person import Person
from bot.service import poses
from bot.words import AnyWords
from synid_engine.errors import NoPoseControlError
from synid_engine.pose.library import NAMED_POSES
from synid_engine.serving.messages import Failure, RenderWork
from synid_engine.serving.orders import ReadPose
from synid_engine.serving.reports import PoseRead
from synid_engine.synid.repertoire import Repertoire

from .house import Studio, eventually
from .test_pictures import drawn, options
from .test_places import admin, rule

POSED = Repertoire(poses=tuple(NAMED_POSES), has_pose_maps=True, reads_poses=True)


def photo(*, side: int = 40, form: str = "JPEG") -> LocalFile:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "grey").save(buffer, form)
    return LocalFile("me.jpg", buffer.getvalue())


def asked(place: Studio, person: Person, **wish: object) -> Invocation:
    return person.slash(place.channel, "imagine", {"character": "Nova", "prompt": "smiling", **wish})


def looks(place: Studio) -> list[str]:
    """Return the pictures that the engine was to read a pose from."""
    return [one.image for one in place.engine.orders if isinstance(one, ReadPose)]


async def test_named_pose_is_drawn_with_its_strength(closed: Studio) -> None:
    await closed.open(words=AnyWords(POSED))
    assert {"pose", "pose_image", "pose_strength"} <= options(closed)
    offered = await closed.mia.autocomplete(closed.channel, "imagine", "pose", "profile").choices()
    assert [one["value"] for one in offered] == ["profile left", "profile right"]
    card = await drawn(closed, pose="waving", pose_strength=0.6)
    work = (await closed.job()).work
    assert isinstance(work, RenderWork)
    assert (work.pose, work.body, work.pose_strength) == ("waving", None, 0.6)
    said = (await closed.mia.click(card, label="Details").reply()).content
    assert "Pose: waving" in said
    assert "Strength of the pose: 0.6" in said


async def test_pose_of_a_picture_is_kept_and_the_picture_is_not(closed: Studio) -> None:
    await closed.open(words=AnyWords(POSED))
    card = await drawn(closed, pose_image=photo(side=2000), pose_strength=0.5)
    for label in ("", "Again", "Vary"):
        if label:
            card = await closed.card(closed.mia.click(card, label=label), "### Nova\n")
        work = (await closed.job()).work
        assert isinstance(work, RenderWork)
        assert (work.body, work.pose_strength) == (NAMED_POSES["waving"], 0.5)
    opened = closed.mia.click(card, label="Edit prompt")
    await opened.dialog()
    await closed.card(closed.mia.submit(opened, {"prompt": "crying", "seed": ""}), "### Nova\ncrying")
    work = (await closed.job()).work
    assert isinstance(work, RenderWork)
    assert work.body == NAMED_POSES["waving"]
    assert "Pose: from a picture" in (await closed.mia.click(card, label="Details").reply()).content
    [image] = looks(closed)
    assert not list(closed.folder.rglob(f"*{image}*"))


async def test_details_say_whose_pose_of_several_it_is(closed: Studio) -> None:
    await closed.open(words=AnyWords(POSED))
    closed.engine.people = 3
    card = await drawn(closed, pose_image=photo())
    again = await closed.card(closed.mia.click(card, label="Again"), "### Nova\n")
    for one in (card, again):
        said = (await closed.mia.click(one, label="Details").reply()).content
        assert "Pose: of the largest of 3 people in a picture" in said


async def test_picture_that_shows_no_pose_is_refused_before_anything_is_queued(closed: Studio) -> None:
    await closed.open(words=AnyWords(POSED))
    await closed.made(closed.mia)
    before = (await closed.job()).id

    async def refused(words: str, **wish: object) -> None:
        await closed.refused(asked(closed, closed.mia, **wish), words)

    await refused("The picture cannot be read: no whole PNG", pose_image=LocalFile("a.png", b"\x89PNG x"))
    await refused("The picture cannot be read: no whole PNG", pose_image=photo(form="GIF"))
    await refused("a picture", pose_image=photo(), pose="waving")
    await refused(
        "Pose strength cannot be 0.6; it must be left out where no pose is asked for", pose_strength=0.6
    )
    closed.engine.body = None
    for reason, words in (
        ("NobodyFoundError", "Nobody was found in the picture"),
        ("NoPoseEstimatorError", "No pose can be read from a picture here"),
        (NoPoseControlError.__name__, "The base model cannot be held to a pose"),
        ("UnreadablePictureError", "The picture cannot be read: why"),
    ):
        closed.engine.pose_failure = Failure(reason=reason, detail="why")
        await refused(words, pose_image=photo())
    assert (await closed.job()).id == before


async def test_broken_pose_reader_is_no_fault_of_the_picture(
    closed: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    await closed.open(words=AnyWords(POSED))
    await closed.made(closed.mia)
    closed.engine.body = None
    closed.engine.pose_failure = Failure(reason="DamagedModelError", detail="folder: /home/bob/models")
    reply = asked(closed, closed.mia, pose_image=photo())
    await closed.refused(reply, "No pose can be read from pictures at the moment; tell whoever runs the bot")
    assert "DamagedModelError: folder: /home/bob/models" in caplog.text


async def test_picture_is_not_looked_at_for_whoever_may_ask_for_no_more(closed: Studio) -> None:
    await closed.open(words=AnyWords(POSED))
    await closed.made(closed.mia)
    await rule(closed, admin(closed), "limit", requests=1)
    closed.engine.at_once = False
    await closed.card(asked(closed, closed.mia), "Begun")
    await closed.refused(asked(closed, closed.mia, pose_image=photo()), "unfinished requests in this server")
    assert looks(closed) == []


async def test_pictures_are_looked_at_one_at_a_time_for_each_person(closed: Studio) -> None:
    await closed.open(words=AnyWords(POSED))
    await closed.made(closed.mia)
    closed.engine.is_stuck = True
    first = asked(closed, closed.mia, pose_image=photo())
    await eventually(lambda: len(looks(closed)) == 1)
    await closed.refused(asked(closed, closed.mia, pose_image=photo(side=50)), "Another picture of yours")
    other = asked(closed, closed.noah, pose_image=photo(side=60))
    await eventually(lambda: len(looks(closed)) == 2)
    for image in looks(closed):
        closed.engine.say(PoseRead(image=image, failure=Failure(reason="NobodyFoundError")))
    for invocation in (first, other):
        await closed.refused(invocation, "Nobody was found")
    closed.engine.is_stuck = False
    await closed.card(asked(closed, closed.mia, pose_image=photo()), "### Nova\n")


async def test_pictures_are_made_small_one_at_a_time(closed: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    await closed.open(words=AnyWords(POSED))
    await closed.made(closed.mia)
    closed.engine.body, closed.engine.pose_failure = None, Failure(reason="NobodyFoundError")
    at_work, seen = 0, list[int]()

    def slowly(data: bytes) -> bytes:
        nonlocal at_work
        at_work += 1
        time.sleep(0.1)
        seen.append(at_work)
        at_work -= 1
        return checked_picture(data)

    monkeypatch.setattr(poses, "checked_picture", slowly)
    people = [closed.mia, closed.noah, closed.add_person("ada", closed.guild)]
    for invocation in [asked(closed, person, pose_image=photo()) for person in people]:
        await closed.refused(invocation, "Nobody was found")
    assert seen == [1, 1, 1]


async def test_pictures_of_poses_are_not_offered_where_nobody_can_read_them(closed: Studio) -> None:
    await closed.open(words=AnyWords(Repertoire(poses=("front",), has_pose_maps=True)))
    assert "pose_image" not in options(closed)
    assert {"pose", "pose_strength"} <= options(closed)


async def test_embedded_model_has_poses_by_words_alone(place: Studio) -> None:
    assert not {"pose_image", "pose_strength"} & options(place)


async def test_picture_of_a_pose_waits_for_the_engine(closed: Studio) -> None:
    await closed.open(ready=False, words=AnyWords(POSED))
    await closed.refused(asked(closed, closed.mia, pose_image=photo()), "still starting")
