import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest

from bot.loopback.config import LoopbackConfig
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.person import Person

from .conftest import Place
from .puppet import Puppet, eventually
from .raw import Raw

Send = Callable[[int, Any], Any]


@asynccontextmanager
async def socket(raw: Raw) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    async with raw.session.ws_connect(f"{raw.loopback.address}/gateway/?v=10&encoding=json") as opened:
        hello = await opened.receive_json()
        assert hello["op"] == 10
        yield opened


def identify(raw: Raw, intents: int = 1, **fields: object) -> dict[str, Any]:
    return {"op": 2, "d": {"token": raw.loopback.token, "intents": intents, "properties": {}, **fields}}


async def close_code(opened: aiohttp.ClientWebSocketResponse, *frames: object) -> int | None:
    for frame in frames:
        await opened.send_str(frame if isinstance(frame, str) else json.dumps(frame))
    while not opened.closed:
        await opened.receive()
    return opened.close_code


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"op": 2, "d": {"token": "wrong", "intents": 1}}, 4004),
        ({"op": 3, "d": {}}, 4003),
        ("{", 4002),
        ("x" * 4097, 4002),
        ({"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}, 4004),
    ],
)
async def test_socket_is_closed_with_its_code(raw: Raw, frame: object, code: int) -> None:
    async with socket(raw) as opened:
        assert await close_code(opened, frame) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [({"intents": 1 << 40}, 4013), ({"intents": 1 << 15}, 4014), ({"shard": [0, 2]}, 4010)],
)
async def test_login_that_discord_refuses_is_closed(raw: Raw, change: dict[str, Any], code: int) -> None:
    frame = identify(raw)
    frame["d"] |= change
    async with socket(raw) as opened:
        assert await close_code(opened, frame) == code


@pytest.mark.parametrize(("operation", "code"), [(2, 4005), (99, 4001), (8, 4001)])
async def test_known_client_is_closed_for_what_is_wrong(raw: Raw, operation: int, code: int) -> None:
    async with socket(raw) as opened:
        assert await close_code(opened, identify(raw), identify(raw) | {"op": operation}) == code


async def test_too_many_frames_close_the_socket(raw: Raw) -> None:
    async with socket(raw) as opened:
        assert await close_code(opened, identify(raw), *[{"op": 3, "d": {}}] * 120) == 4008


async def test_client_that_sends_no_heartbeats_is_closed(raw: Raw, loopback: LoopbackDiscord) -> None:
    async with socket(raw) as opened:
        await opened.send_json(identify(raw))
        loopback.clock.advance(90)
        assert await close_code(opened) == 4009


async def test_unknown_session_is_invalid(raw: Raw) -> None:
    async with socket(raw) as opened:
        await opened.send_json({"op": 6, "d": {"token": raw.loopback.token, "session_id": "x", "seq": 1}})
        assert await opened.receive_json() == {"op": 9, "d": False}


async def test_intents_decide_what_is_told(raw: Raw, mia: Person, place: Place) -> None:
    async with socket(raw) as opened:
        await opened.send_json(identify(raw, intents=1 << 9))
        ready = await opened.receive_json()
        assert ready["t"] == "READY"
        mia.send(place.channel, "secret")
        heard = await opened.receive_json()
        assert (heard["t"], heard["d"]["content"]) == ("MESSAGE_CREATE", "")


async def heard(bot: Puppet, event: str, times: int) -> None:
    await eventually(lambda: bot.seen.count(event) >= times)


async def test_dropped_client_resumes_and_misses_nothing(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    loopback.gateway.drop()
    made = mia.slash(place.channel, "ping")
    assert (await made.reply()).content == "pong mia"
    await heard(bot, "RESUMED", 1)
    assert bot.seen.count("READY") == 1


async def test_client_reconnects_when_asked(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    loopback.gateway.ask_to_reconnect()
    await heard(bot, "RESUMED", 1)
    assert (await mia.slash(place.channel, "ping").reply()).content == "pong mia"


async def test_invalid_session_logs_the_client_in_anew(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    loopback.gateway.invalidate()
    await heard(bot, "READY", 2)
    assert (await mia.slash(place.channel, "ping").reply()).content == "pong mia"


async def test_refused_resume_logs_the_client_in_anew(bot: Puppet, loopback: LoopbackDiscord) -> None:
    loopback.gateway.refuses_resume = True
    loopback.gateway.close(4000)
    await heard(bot, "READY", 2)
    assert "RESUMED" not in bot.seen


async def test_event_that_is_swallowed_never_arrives(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    loopback.gateway.swallows = lambda change: change.event == "INTERACTION_CREATE"
    lost = mia.slash(place.channel, "ping")
    loopback.gateway.swallows = lambda change: False
    assert (await mia.slash(place.channel, "ping").reply()).content == "pong mia"
    assert lost.message is None


class TestHeartbeats:
    @pytest.fixture
    def config(self) -> LoopbackConfig:
        return LoopbackConfig(heartbeat_interval_s=0.1)

    async def test_client_that_hears_no_heartbeats_comes_back(
        self, loopback: LoopbackDiscord, place: Place
    ) -> None:
        puppet = Puppet(loopback, heartbeat_timeout=0.5)
        await puppet.run_beside()
        loopback.gateway.acknowledges_heartbeats = False
        await heard(puppet, "RESUMED", 1)
        loopback.gateway.acknowledges_heartbeats = True
        await puppet.end()


async def test_client_without_intents_still_answers(
    loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    puppet = Puppet(loopback, intents=discord.Intents.none())
    await puppet.run_beside()
    assert (await mia.slash(place.channel, "ping").reply()).content == "pong mia"
    assert "GUILD_CREATE" not in puppet.seen
    await puppet.end()


async def test_hidden_channel_is_known_to_the_bot_and_silent(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    hidden = loopback.scenery.add_channel(place.guild, "hidden")
    loopback.scenery.overwrite(hidden, loopback.bot, deny=1 << 10)
    mia.send(hidden, "psst")
    mia.send(place.channel, "hello")
    await heard(bot, "MESSAGE_CREATE", 1)
    assert bot.seen.count("CHANNEL_UPDATE") == 1
    assert bot.get_channel(hidden.id) is not None
    assert bot.seen.count("MESSAGE_CREATE") == 1
