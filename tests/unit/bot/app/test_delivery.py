"""How outcomes reach people: the reply, the channel, a direct message, `/recent`; never twice."""

from bot.loopback.faults import Fault, Kind
from bot.loopback.models import Message
from bot.loopback.permissions import ATTACH_FILES, SEND_MESSAGES
from storage.chats import Told
from synid_engine.serving.messages import Job, JobState

from .house import Studio, eventually, labels, text

QUARTER_HOUR_S = 15 * 60.0


async def asked(place: Studio) -> Job:
    """Have Nova made, and ask for a picture that takes until the engine is told to finish it."""
    await place.made(place.mia)
    await place.until(JobState.DELIVERED)
    place.engine.at_once = False
    invoked = place.mia.slash(place.channel, "imagine", {"character": "Nova", "prompt": "smiling"})
    await place.card(invoked, "Begun")
    return await place.job()


async def finish(place: Studio, job: Job) -> None:
    place.engine.finish(await place.engine.order_of(job.id))


async def told(place: Studio, job: Job) -> Told | None:
    chat = await place.bot.service.chats.of(job)
    return chat.told if chat is not None else None


def pictures(place: Studio) -> list[Message]:
    """Return the cards with a drawn picture that anybody can see."""
    every = place.loopback.messages(place.channel)
    return [one for one in every if "Again" in labels(one)]


def direct(place: Studio) -> list[Message]:
    channel = place.loopback.scenery.direct_messages(place.mia.user)
    return [one for one in place.loopback.messages(channel) if "Again" in labels(one)]


async def test_late_outcome_is_a_message_in_the_channel(place: Studio) -> None:
    job = await asked(place)
    place.loopback.clock.advance(QUARTER_HOUR_S + 1)
    await finish(place, job)
    await place.until(JobState.DELIVERED)
    [message] = pictures(place)
    assert not message.by_webhook
    assert f"<@{place.mia.user.id}>" in text(message)
    assert message.mentioned_user_ids == []
    assert await told(place, job) is Told.CHANNEL


async def test_outcome_is_a_direct_message_where_the_bot_may_not_write(place: Studio) -> None:
    everyone = place.guild.roles[place.guild.id]
    place.loopback.scenery.overwrite(place.channel, everyone, deny=SEND_MESSAGES | ATTACH_FILES)
    job = await asked(place)
    place.loopback.clock.advance(QUARTER_HOUR_S + 1)
    await finish(place, job)
    await place.until(JobState.DELIVERED)
    assert pictures(place) == []
    assert len(direct(place)) == 1
    assert await told(place, job) is Told.DIRECT


async def test_outcome_that_reaches_nobody_is_kept_for_recent(place: Studio) -> None:
    everyone = place.guild.roles[place.guild.id]
    place.loopback.scenery.overwrite(place.channel, everyone, deny=SEND_MESSAGES)
    place.mia.user.accepts_direct_messages = False
    job = await asked(place)
    place.loopback.clock.advance(QUARTER_HOUR_S + 1)
    await finish(place, job)
    await place.until(JobState.DELIVERED)
    assert await told(place, job) is Told.KEPT
    fetched = await place.card(place.mia.slash(place.channel, "recent"), "### Nova\n")
    assert fetched.ephemeral_to == place.mia.user.id
    for _ in range(100):
        if await told(place, job) is Told.FETCHED:
            break
    assert await told(place, job) is Told.FETCHED
    await place.card(place.mia.slash(place.channel, "recent"), "nothing")


async def test_deleted_reply_is_replaced_by_a_message(place: Studio) -> None:
    job = await asked(place)
    chat = await place.bot.service.chats.of(job)
    assert chat is not None
    del place.loopback.world.messages[place.channel.id][chat.reply_id]
    await finish(place, job)
    await place.until(JobState.DELIVERED)
    assert len(pictures(place)) == 1


async def test_message_whose_answer_was_lost_is_found_and_not_sent_again(place: Studio) -> None:
    job = await asked(place)
    place.loopback.clock.advance(QUARTER_HOUR_S + 1)
    path = f"/channels/{place.channel.id}/messages$"
    fault = place.loopback.faults.add(Fault(kind=Kind.LOSE_REPLY, path=path, method="POST"))
    await finish(place, job)
    await eventually(lambda: fault.acted)
    await place.until(JobState.DELIVERED)
    assert len(pictures(place)) == 1
    assert await told(place, job) is Told.CHANNEL


async def test_death_between_sending_and_recording_posts_nothing_twice(place: Studio) -> None:
    job = await asked(place)
    place.loopback.clock.advance(QUARTER_HOUR_S + 1)
    store = place.bot.opened.stores.chats

    async def die(*_: object, **__: object) -> None:
        raise ConnectionResetError

    store.tell = die  # type: ignore[method-assign]
    await finish(place, job)
    await eventually(lambda: len(pictures(place)) == 1)
    place.loopback.clock.advance(3600.0)  # the nonce is forgotten by then
    await place.restart()
    await place.until(JobState.DELIVERED)
    assert len(pictures(place)) == 1
    assert await told(place, job) is Told.CHANNEL


async def test_outcome_of_a_former_life_is_delivered(place: Studio) -> None:
    job = await asked(place)
    await place.restart(at_once=True)
    await place.until(JobState.DELIVERED)
    assert len(pictures(place)) == 1
    assert await told(place, job) is Told.REPLY


async def test_failure_is_told_with_its_reason(place: Studio) -> None:
    job = await asked(place)
    order = await place.engine.order_of(job.id)
    place.engine.break_off(order, retryable=False, reason="MissingTensorError")
    await eventually(lambda: "could not be drawn" in text(place.loopback.messages(place.channel)[-1]))
    card = place.loopback.messages(place.channel)[-1]
    assert "A file of the character is missing or damaged." in text(card)
    place.engine.at_once = True
    await place.card(place.mia.click(card, label="Try again"), "### Nova\n")
