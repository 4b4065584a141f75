import pytest

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.message_rules import EPHEMERAL, VERSION_TWO
from bot.loopback.messages import Draft, create_message
from bot.loopback.models import ChannelKind
from bot.loopback.options import LocalFile
from bot.loopback.people import NotOfferedError
from bot.loopback.person import Person

from .conftest import Place
from .puppet import PNG, Puppet


async def test_slash_command_is_answered(bot: Puppet, mia: Person, place: Place) -> None:
    reply = await mia.slash(place.channel, "ping").reply()
    assert reply.content == "pong mia"
    assert reply in mia.sees(place.channel)
    assert reply.interaction is not None
    assert reply.interaction["user"]["username"] == "mia"


async def test_hidden_answer_is_seen_by_its_user_alone(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    reply = await mia.slash(place.channel, "ping", {"hidden": True}).reply()
    assert reply.flags & EPHEMERAL
    assert reply in mia.sees(place.channel)
    assert loopback.messages(place.channel, seen_by=place.noah) == []
    channel = await bot.fetch_channel(place.channel.id)
    assert [message async for message in channel.history()] == []  # type: ignore[union-attr]


async def test_autocomplete_offers_what_is_typed(bot: Puppet, mia: Person, place: Place) -> None:
    offered = await mia.autocomplete(place.channel, "imagine", "character", "Mi").choices()
    assert [choice["value"] for choice in offered] == ["Mira", "Milo"]


async def test_deferred_reply_is_filled_with_a_file(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    options = {"character": "Nova", "count": 2, "reference": LocalFile("face.png", PNG)}
    reply = await mia.slash(place.channel, "imagine", options).reply()
    assert reply.content == f"Nova x2, {len(PNG)}"
    told = loopback.payload(reply)["attachments"][0]
    assert (told["filename"], told["width"], told["height"]) == ("nova.png", 2, 3)
    assert await bot.http.get_from_cdn(told["url"]) == PNG


async def test_button_of_a_dynamic_item_is_pressed(bot: Puppet, mia: Person, place: Place) -> None:
    reply = await mia.slash(place.channel, "imagine", {"character": "Nova", "count": 3}).reply()
    again = await mia.click(reply, label="Again").reply()
    assert again.content == "again 3"
    assert again.reference is not None
    assert again.reference["message_id"] == str(reply.id)


async def test_gallery_carries_its_pictures(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    reply = await mia.slash(place.channel, "card").reply()
    assert reply.flags & VERSION_TWO
    container = loopback.payload(reply)["components"][0]
    items = container["components"][1]["items"]
    assert [item["description"] for item in items] == ["alt text of one.png", "alt text of two.png"]
    assert [item["media"]["width"] for item in items] == [2, 2]
    assert await bot.http.get_from_cdn(items[1]["media"]["url"]) == PNG


async def test_button_edits_its_message(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    reply = await mia.slash(place.channel, "card").reply()
    await mia.click(reply, "change").acknowledged()
    assert [one.filename for one in reply.attachments] == ["nova.png"]
    assert reply.edited_at is not None


async def test_modal_is_filled_in_with_a_file(bot: Puppet, mia: Person, place: Place) -> None:
    reply = await mia.slash(place.channel, "card").reply()
    pressed = mia.click(reply, "edit")
    modal = await pressed.dialog()
    ids = [part["component"]["custom_id"] for part in modal["components"]]
    answers = {ids[0]: "crying", ids[1]: ["oil"], ids[2]: [LocalFile("sketch.png", PNG)]}
    assert (await mia.submit(pressed, answers).reply()).content == f"crying in oil, {len(PNG)}"


async def test_modal_keeps_to_its_fields(bot: Puppet, mia: Person, place: Place) -> None:
    reply = await mia.slash(place.channel, "card").reply()
    pressed = mia.click(reply, "edit")
    prompt, style, _ = (part["component"]["custom_id"] for part in (await pressed.dialog())["components"])
    for answers in ({prompt: "x" * 51, style: ["oil"]}, {style: ["clay"]}, {style: []}, {"other": "x"}):
        with pytest.raises(NotOfferedError):
            mia.submit(pressed, answers)


async def test_bot_writes_a_direct_message(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    await mia.slash(place.channel, "whisper").reply()
    direct = loopback.scenery.direct_messages(place.mia)
    (message,) = mia.sees(direct)
    assert message.content == "psst"
    assert message.attachments[0].is_spoiler
    assert (await mia.slash(direct, "ping").reply()).content == "pong mia"


async def test_first_follow_up_fills_a_deferred_reply(bot: Puppet, mia: Person, place: Place) -> None:
    made = mia.slash(place.channel, "character create", {"name": "Nova"})
    assert (await made.reply()).content == "Nova is made"
    assert (await made.follow_up()).content == "and here"
    assert all(message.ephemeral_to == place.mia.id for message in mia.sees(place.channel))


async def test_context_menus_reach_their_targets(bot: Puppet, mia: Person, place: Place) -> None:
    message = mia.send(place.channel, "look", files=[LocalFile("a.png", PNG)])
    assert (await mia.menu(place.channel, "Details", message).reply()).content == "1 files"
    greeting = await mia.menu(place.channel, "Greet", place.noah).reply()
    assert greeting.content == f"hello <@{place.noah.id}>"
    assert greeting.mentioned_user_ids == [place.noah.id]


async def test_command_works_in_a_thread(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    thread = loopback.scenery.add_thread(place.channel, "sketches", place.mia)
    assert (await mia.slash(thread, "ping").reply()).content == "pong mia"
    channel = await bot.fetch_channel(thread.id)
    assert (await channel.send("hello")).content == "hello"  # type: ignore[union-attr]


async def test_user_install_works_where_the_bot_is_not(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    abroad = loopback.scenery.add_guild("Elsewhere", with_bot=False)
    loopback.scenery.join(abroad, place.mia)
    hall = loopback.scenery.add_channel(abroad, "hall")
    friends = loopback.scenery.private_channel(place.mia, place.noah)
    for channel in (hall, friends):
        with pytest.raises(NotOfferedError):
            mia.slash(channel, "imagine", {"character": "Nova"})
    loopback.scenery.install(place.mia)
    for channel in (hall, friends):
        assert (await mia.slash(channel, "imagine", {"character": "Nova"}).reply()).content == "Nova x1, 0"
        with pytest.raises(NotOfferedError):
            mia.slash(channel, "ping")


async def test_client_of_the_user_refuses_what_discords_would(bot: Puppet, mia: Person, place: Place) -> None:
    wrong: tuple[tuple[str, dict[str, object]], ...] = (
        ("nothing", {}),
        ("character", {}),
        ("imagine", {}),
        ("imagine", {"character": "Nova", "count": 5}),
        ("imagine", {"character": "Nova", "count": "2"}),
        ("imagine", {"character": "Nova", "reference": LocalFile("big.png", bytes(11 << 20))}),
        ("imagine", {"character": "Nova", "colour": "red"}),
    )
    for name, options in wrong:
        with pytest.raises(NotOfferedError):
            mia.slash(place.channel, name, options)


async def test_events_of_new_places_reach_the_client(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person
) -> None:
    guild = loopback.scenery.add_guild("Second")
    news = loopback.scenery.add_channel(guild, "news", kind=ChannelKind.ANNOUNCEMENT, nsfw=True)
    while bot.get_channel(news.id) is None:
        await bot.wait_for("guild_channel_create", timeout=10)
    assert bot.get_channel(news.id).is_nsfw()  # type: ignore[union-attr]


def test_reference_is_told_one_message_deep(loopback: LoopbackDiscord, mia: Person, place: Place) -> None:
    last = mia.send(place.channel, "first")
    for _ in range(3):
        draft = Draft(author_id=loopback.bot.id, body={"content": "on"}, by_webhook=True, reply_to=last.id)
        last = create_message(loopback.world, place.channel, draft)
    told = loopback.payload(last)["referenced_message"]
    assert told["message_reference"]["message_id"] != told["id"]
    assert "referenced_message" not in told
