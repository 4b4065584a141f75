"""`/character evaluate` from the command to the card, and everything that can become of it."""

import re

from bot.features.picture import PROMPT_WORDS
from bot.loopback.invocation import Invocation
from synid_engine.evaluation.prompts import suite_prompts
from synid_engine.serving.messages import EvaluateWork, JobState
from synid_engine.serving.reports import Progressed

from .house import Studio, eventually, gallery, labels, text
from .test_places import admin, rule


async def test_evaluation_is_a_picture_with_figures(place: Studio) -> None:
    await place.made(place.mia)
    asked = place.mia.slash(place.channel, "character evaluate", {"name": "nova"})
    card = await place.card(asked, "### Nova: evaluation")
    assert "1 of 2 pictures show the portrait's face, as a classifier reads them." in text(card)
    assert "same face as the portrait: 88 % (95 %: 53 to 98)" in text(card)
    assert "likeness of the face to the portrait: 0.91 (95 %: 0.88 to 0.94)" in text(card)
    assert "1. winking at the viewer, at sunset ✓" in text(card)
    assert "2. smiling softly, in front of mountains ✗ **the face differs, another scene**" in text(card)
    assert "With a frame: the face differs" in text(card)
    assert [one["description"] for one in gallery(card)] == ["Nova: evaluation"]
    assert labels(card) == ["Again", "Details", "Delete"]
    details = await place.mia.click(card, label="Details").reply()
    assert "time of a picture: 1.2 s" in details.content
    assert "Description: red hair" in details.content
    assert "Seeds" not in details.content
    await place.card(place.mia.click(card, label="Again"), "### Nova: evaluation")
    assert isinstance((await place.job()).work, EvaluateWork)


async def test_everything_on_the_card_is_in_the_language_of_its_reader(closed: Studio) -> None:
    await closed.open()
    yui = closed.loopback.scenery.add_user("yui", locale="ja")
    closed.loopback.scenery.join(closed.guild, yui)
    reader = closed.loopback.as_user(yui)
    made = reader.slash(
        closed.channel, "character create", {"name": "Nova", "description": "赤い髪", "pick": "auto"}
    )
    await closed.card(made, "同一性: とても安定 (0.90)")
    await closed.restart(at_once=False)
    asked = reader.slash(closed.channel, "character evaluate", {"name": "Nova"})
    card = await closed.card(asked, "Nova を評価しています")
    order = await closed.engine.order_of((await closed.job()).id)
    closed.engine.say(
        Progressed(lease=order.lease, stage="draw", fraction=0.5, progress=0.5, detail="winking")
    )
    await eventually(lambda: "画像を描いて確認しています" in text(card))
    closed.engine.do(order)
    card = await closed.card(asked, "### Nova: 評価")
    assert "1. こちらにウインク、夕焼けの中 ✓" in text(card)
    assert "**顔が違う, 別の場面**" in text(card)
    assert re.findall("[A-Za-z]{3,}", text(card).replace("Nova", "")) == []


def test_every_picture_of_the_quick_suite_has_a_caption() -> None:
    assert {one.words for one in suite_prompts("quick")} == set(PROMPT_WORDS)


async def test_evaluation_is_followed_shown_and_cancelled(closed: Studio) -> None:
    await closed.open()
    await closed.made(closed.mia)
    await closed.restart(at_once=False)
    asked = closed.mia.slash(closed.channel, "character evaluate", {"name": "Nova"})
    card = await closed.card(asked, "Nova is being evaluated")
    order = await closed.engine.order_of((await closed.job()).id)
    closed.engine.say(Progressed(lease=order.lease, stage="draw", fraction=0.5, progress=0.5))
    await eventually(lambda: "50%" in text(card))
    queue = await closed.mia.slash(closed.channel, "queue").reply()
    assert "**Nova**, evaluation" in queue.content
    closed.mia.click(card, label="Cancel")
    await eventually(lambda: "Cancelled." in text(card))
    assert (await closed.job()).state is JobState.CANCELLED


async def evaluating(closed: Studio) -> Invocation:
    """Make a character, and ask an engine that has not answered yet to evaluate it."""
    await closed.open()
    await closed.made(closed.mia)
    await closed.restart(at_once=False)
    asked = closed.mia.slash(closed.channel, "character evaluate", {"name": "Nova"})
    await closed.card(asked, "Nova is being evaluated")
    return asked


async def test_evaluation_comes_after_a_restart_of_everything(closed: Studio) -> None:
    asked = await evaluating(closed)
    await closed.restart()
    card = await closed.card(asked, "### Nova: evaluation")
    assert len(gallery(card)) == 1


async def test_evaluation_that_fails_says_why_and_can_be_tried_again(closed: Studio) -> None:
    asked = await evaluating(closed)
    closed.engine.break_off(await closed.engine.order_of((await closed.job()).id), retryable=False)
    card = await closed.card(asked, "Nova could not be evaluated")
    assert labels(card) == ["Try again", "Details"]
    closed.engine.at_once = True
    await closed.card(closed.mia.click(card, label="Try again"), "### Nova: evaluation")


async def test_evaluation_counts_among_the_requests_of_a_member(closed: Studio) -> None:
    await closed.open()
    await closed.made(closed.mia)
    await closed.restart(at_once=False)
    await rule(closed, admin(closed), "limit", requests=1)
    evaluation = {"name": "Nova"}
    await closed.card(closed.mia.slash(closed.channel, "character evaluate", evaluation), "being evaluated")
    asked = closed.mia.slash(closed.channel, "character evaluate", evaluation)
    await closed.refused(asked, "unfinished requests")
