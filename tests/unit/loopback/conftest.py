from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp
import pytest

from bot.loopback.clock import Clock
from bot.loopback.config import LoopbackConfig
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.models import Channel, Guild, User
from bot.loopback.person import Person

from .puppet import Puppet
from .raw import Raw


@dataclass
class Place:
    """A server with a channel and two members."""

    guild: Guild
    channel: Channel
    mia: User
    noah: User


@pytest.fixture
def config() -> LoopbackConfig:
    return LoopbackConfig()


@pytest.fixture
async def loopback(config: LoopbackConfig) -> AsyncGenerator[LoopbackDiscord]:
    async with LoopbackDiscord(config, clock=Clock(still=True)) as discord:
        yield discord


@pytest.fixture
def place(loopback: LoopbackDiscord) -> Place:
    scenery = loopback.scenery
    guild = scenery.add_guild("Studio")
    mia, noah = scenery.add_user("mia", display_name="Mia"), scenery.add_user("noah", locale="de")
    scenery.join(guild, mia, noah)
    return Place(guild, scenery.add_channel(guild, "general"), mia, noah)


@pytest.fixture
def mia(loopback: LoopbackDiscord, place: Place) -> Person:
    return loopback.as_user(place.mia)


@pytest.fixture
async def bot(loopback: LoopbackDiscord, place: Place) -> AsyncGenerator[Puppet]:
    puppet = Puppet(loopback)
    await puppet.run_beside()
    yield puppet
    await puppet.end()
    assert puppet.errors == []


@pytest.fixture
async def raw(loopback: LoopbackDiscord) -> AsyncGenerator[Raw]:
    async with aiohttp.ClientSession() as session:
        yield Raw(loopback, session)
