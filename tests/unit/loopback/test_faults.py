import aiohttp
import discord
import pytest

from bot.loopback.client_settings import ForeignHostError, LoopbackConnector
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.faults import Fault, Kind
from bot.loopback.invocation import DidNotRespondError
from bot.loopback.person import Person

from .conftest import Place
from .puppet import Puppet, eventually

CREATE = r"/channels/\d+/messages$"
CALLBACK = r"/callback$"


async def channel_of(bot: Puppet, place: Place) -> discord.TextChannel:
    channel = await bot.fetch_channel(place.channel.id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def test_server_error_is_told_and_nothing_happens(
    bot: Puppet, loopback: LoopbackDiscord, place: Place
) -> None:
    channel = await channel_of(bot, place)
    loopback.faults.add(Fault(kind=Kind.ANSWER, path=CREATE, status=503))
    with pytest.raises(discord.DiscordServerError):
        await channel.send("lost")
    await channel.send("sent")
    assert [message.content for message in loopback.messages(place.channel)] == ["sent"]


async def test_lost_reply_leaves_the_message_there(
    bot: Puppet, loopback: LoopbackDiscord, place: Place
) -> None:
    channel = await channel_of(bot, place)
    loopback.faults.add(Fault(kind=Kind.LOSE_REPLY, path=CREATE))
    with pytest.raises(aiohttp.ClientError):
        await channel.send("once", nonce="job-1")
    assert [message.content for message in loopback.messages(place.channel)] == ["once"]


async def test_nonce_makes_a_repeat_after_a_lost_reply_harmless(
    bot: Puppet, loopback: LoopbackDiscord, place: Place
) -> None:
    channel = await channel_of(bot, place)
    loopback.faults.add(Fault(kind=Kind.LOSE_REPLY, path=CREATE))
    body = {"content": "once", "nonce": "job-1", "enforce_nonce": True}
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
    with pytest.raises(aiohttp.ClientError):
        await bot.http.request(route, json=body)
    repeated = await bot.http.request(route, json=body)
    (message,) = loopback.messages(place.channel)
    assert repeated["id"] == str(message.id)


async def test_lost_request_never_happened(bot: Puppet, loopback: LoopbackDiscord, place: Place) -> None:
    channel = await channel_of(bot, place)
    loopback.faults.add(Fault(kind=Kind.LOSE_REQUEST, path=CREATE))
    with pytest.raises(aiohttp.ClientError):
        await channel.send("lost")
    assert loopback.messages(place.channel) == []


async def test_answer_that_is_late_is_no_answer(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    slow = loopback.faults.add(Fault(kind=Kind.SLOW, path=CALLBACK, seconds=4))
    made = mia.slash(place.channel, "ping")
    await eventually(lambda: slow.acted)
    loopback.clock.advance(5)
    with pytest.raises(DidNotRespondError):
        await made.reply()
    await eventually(lambda: bot.errors)
    (error,) = bot.errors
    assert isinstance(error, discord.NotFound)
    assert error.code == 10062
    bot.errors.clear()


async def test_fault_waits_for_its_turn(bot: Puppet, loopback: LoopbackDiscord, place: Place) -> None:
    channel = await channel_of(bot, place)
    fault = loopback.faults.add(Fault(kind=Kind.ANSWER, path=CREATE, status=413, after=1))
    await channel.send("first")
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send("second")
    assert (refused.value.status, refused.value.code) == (413, 40005)
    await channel.send("third")
    assert fault.acted == 1


async def test_client_of_the_loopback_reaches_nothing_else(loopback: LoopbackDiscord) -> None:
    async with aiohttp.ClientSession(connector=LoopbackConnector(loopback.address)) as session:
        for url in ("https://example.com/", "http://127.0.0.1:1/", "https://discord.com.example.com/"):
            with pytest.raises(ForeignHostError):
                await session.get(url)
        async with session.get("https://discord.com/api/v10/gateway") as answer:
            assert (await answer.json())["url"].startswith("ws://127.0.0.1:")
        async with session.get("https://cdn.discordapp.com/embed/avatars/0.png") as answer:
            assert answer.content_type == "image/png"


async def test_library_stays_as_it_is(bot: Puppet) -> None:
    assert discord.http.Route.BASE == "https://discord.com/api/v10"
    assert str(discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY) == "wss://gateway.discord.gg/"
    assert discord.Asset.BASE == "https://cdn.discordapp.com"
    assert await bot.user.default_avatar.read()  # type: ignore[union-attr]


async def test_file_that_the_cdn_does_not_give_is_told(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    reply = await mia.slash(place.channel, "imagine", {"character": "Nova"}).reply()
    url = loopback.payload(reply)["attachments"][0]["url"]
    loopback.faults.add(Fault(kind=Kind.ANSWER, path=r"/attachments/", status=503))
    loopback.faults.add(Fault(kind=Kind.LOSE_REPLY, path=r"/attachments/", times=None))
    with pytest.raises(discord.HTTPException):
        await bot.http.get_from_cdn(url)
    with pytest.raises(aiohttp.ClientError):
        await bot.http.get_from_cdn(url)
    loopback.faults.clear()
    assert await bot.http.get_from_cdn(url)


async def test_many_interactions_at_once_are_all_answered(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    made = [mia.slash(place.channel, "ping") for _ in range(100)]
    for one in made:
        assert (await one.reply()).content == "pong mia"
    assert len({one.interaction.original_id for one in made}) == 100
