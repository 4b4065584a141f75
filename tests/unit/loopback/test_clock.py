import asyncio

import pytest

from bot.loopback.changes import INTERACTION, Change
from bot.loopback.clock import Clock
from bot.loopback.config import LoopbackConfig
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.invocation import DidNotRespondError
from bot.loopback.models import Progress
from bot.loopback.person import Person
from bot.loopback.snowflakes import Snowflakes, created_at, timestamp

from .conftest import Place
from .puppet import Puppet


async def test_still_clock_moves_when_it_is_told_to() -> None:
    clock = Clock(still=True)
    began = clock.now()
    assert clock.now() == began
    clock.advance(5)
    assert clock.now() == began + 5


async def test_alarms_ring_in_order_and_once() -> None:
    clock, rang = Clock(still=True), list[str]()
    for delay, name in ((2, "second"), (1, "first"), (9, "never")):
        clock.call_at(clock.now() + delay, lambda name=name: rang.append(name))
    clock.advance(3)
    clock.advance(3)
    clock.cancel_all()
    clock.advance(9)
    assert rang == ["first", "second"]


async def test_running_clock_rings_by_itself_and_when_it_jumps() -> None:
    clock = Clock()
    await clock.sleep(0.01)
    sleeping = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.advance(3601)
    await asyncio.wait_for(sleeping, 5)


def test_ids_rise_while_the_clock_stands_still() -> None:
    ids = Snowflakes(lambda: 1_700_000_000.0)
    first, second = ids.next(), ids.next()
    assert first < second
    assert created_at(first) == 1_700_000_000.0
    assert timestamp(created_at(first)) == "2023-11-14T22:13:20.000000+00:00"


async def test_user_of_a_silent_bot_is_told_after_the_deadline() -> None:
    config = LoopbackConfig(acknowledge_within_s=0.05)
    async with LoopbackDiscord(config) as loopback:
        scenery = loopback.scenery
        guild = scenery.add_guild("Studio")
        channel = scenery.add_channel(guild, "general")
        owner = loopback.as_user(loopback.world.users[guild.owner_id])
        puppet = Puppet(loopback)
        await puppet.run_beside()
        loopback.gateway.swallows = lambda change: change.event == "INTERACTION_CREATE"
        made = owner.slash(channel, "ping")
        with pytest.raises(DidNotRespondError, match="ping"):
            await made.reply()
        assert made.interaction.progress is Progress.FAILED
        await puppet.end()


async def test_changes_are_told_to_whom_they_concern(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    with loopback.changes.subscribed() as changes:
        await mia.slash(place.channel, "ping", {"hidden": True}).reply()
        mia.send(place.channel, "for all")
        heard = list[Change]()
        while not changes.empty():
            heard.append(changes.get_nowait())
    noah = loopback.as_user(place.noah)
    assert [one.event for one in heard if noah.hears(one)] == ["MESSAGE_CREATE"]
    assert {one.event for one in heard if mia.hears(one)} == {INTERACTION, "MESSAGE_CREATE"}
    assert [one.data["content"] for one in heard if noah.hears(one)] == ["for all"]


async def test_person_sees_their_servers_and_channels(
    loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    hidden = loopback.scenery.add_channel(place.guild, "hidden")
    loopback.scenery.overwrite(hidden, place.guild.roles[place.guild.id], deny=1 << 10)
    direct = loopback.scenery.direct_messages(place.mia)
    assert mia.guilds() == [place.guild]
    assert mia.channels(place.guild) == [place.channel]
    assert mia.channels() == [direct]
