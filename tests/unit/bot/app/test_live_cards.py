"""Cards that follow their jobs."""

from bot.loopback.models import Message
from synid_engine.serving.messages import JobState
from synid_engine.serving.reports import Previewed, Progressed

from .house import Studio, eventually, gallery, labels, text


async def creation(place: Studio) -> Message:
    """Ask for Nova, whose portrait Mia chooses."""
    options = {"name": "Nova", "description": "red hair"}
    return await place.card(place.mia.slash(place.channel, "character create", options), "is being made")


async def test_waiting_card_shows_its_place_in_the_queue(closed: Studio) -> None:
    await closed.open(ready=False)
    card = await creation(closed)
    assert "the engine is not ready yet" in text(card)
    assert labels(card) == ["Cancel"]


async def test_card_shows_stage_progress_and_preview(closed: Studio) -> None:
    await closed.open(at_once=False)
    card = await creation(closed)
    job = await closed.job()
    order = await closed.engine.order_of(job.id)
    lease = order.lease
    step = Progressed(lease=lease, stage="anchors", fraction=0.5, progress=0.25, detail="4 faces", eta_s=9.0)
    closed.engine.say(step)
    closed.engine.say(Previewed(lease=lease, index=0, image=closed.engine.keep("a preview"), nsfw=0.1))
    await eventually(lambda: "Drawing the first pictures, ready" in text(card) and gallery(card))
    assert "25%" in text(card)
    assert "4 faces" not in text(card)
    assert gallery(card)[0]["description"] == "Nova, preview 1"


async def test_owner_chooses_the_portrait(place: Studio) -> None:
    card = await creation(place)
    await eventually(lambda: "4" in labels(card))
    assert "Number 3 is taken" in text(card)
    assert len(gallery(card)) == 4
    await place.refused(place.noah.click(card, label="2"), "Only its owner")
    place.mia.click(card, label="2")
    await eventually(lambda: "Nova is ready" in text(card))
    job = await place.until(JobState.DELIVERED)
    assert job.answer is not None
    assert (job.answer.choice, job.answer.timed_out) == (1, False)


async def test_portrait_is_picked_after_a_minute(place: Studio) -> None:
    card = await creation(place)
    await eventually(lambda: "4" in labels(card))
    place.loopback.clock.advance(61.0)
    await eventually(lambda: "Nova is ready" in text(card))
    answer = (await place.job()).answer
    assert answer is not None
    assert answer.timed_out


async def test_choice_survives_a_restart(place: Studio) -> None:
    card = await creation(place)
    await eventually(lambda: "4" in labels(card))
    await place.restart()
    place.mia.click(card, label="1")
    await eventually(lambda: "Nova is ready" in text(card))
    answer = (await place.job()).answer
    assert answer is not None
    assert answer.choice == 0


async def test_job_is_cancelled_by_its_owner_alone(closed: Studio) -> None:
    await closed.open(at_once=False)
    card = await creation(closed)
    await closed.refused(closed.noah.click(card, label="Cancel"), "Only its owner")
    closed.mia.click(card, label="Cancel")
    await eventually(lambda: "Cancelled." in text(card))
    assert (await closed.job()).state is JobState.CANCELLED
