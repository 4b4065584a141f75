import pytest

from bot.loopback.config import LoopbackConfig
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.faults import Fault, Kind

from .conftest import Place
from .puppet import Puppet
from .raw import Raw

WRONG = "not the token"


@pytest.fixture
def config() -> LoopbackConfig:
    return LoopbackConfig(
        buckets={"message create": (2, 60.0)}, global_limit=(8, 60.0), invalid_limit=(3, 600.0)
    )


@pytest.fixture
def path(place: Place) -> str:
    return f"/channels/{place.channel.id}/messages"


async def test_bucket_tells_what_is_left_then_refuses(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str
) -> None:
    left = []
    for _ in range(2):
        answer = await raw.response("POST", path, {"content": "x"})
        left.append(
            (answer.status, answer.headers["X-RateLimit-Remaining"], answer.headers["X-RateLimit-Limit"])
        )
    assert left == [(200, "1", "2"), (200, "0", "2")]
    answer = await raw.response("POST", path, {"content": "x"})
    told = await answer.json()
    assert answer.status == 429
    assert told.keys() == {"message", "retry_after", "global"}
    assert 0 < told["retry_after"] <= 60
    assert not told["global"]
    assert answer.headers["X-RateLimit-Scope"] == "user"
    assert int(answer.headers["Retry-After"]) >= told["retry_after"]
    assert "Via" in answer.headers
    assert len(loopback.messages(place.channel)) == 2


async def test_bucket_is_a_channels_own_and_ends(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str
) -> None:
    other = loopback.scenery.add_channel(place.guild, "other")
    for _ in range(2):
        await raw.ask("POST", path, {"content": "x"})
    assert (await raw.ask("POST", f"/channels/{other.id}/messages", {"content": "x"}))[0] == 200
    assert (await raw.ask("POST", path, {"content": "x"}))[0] == 429
    loopback.clock.advance(61)
    assert (await raw.ask("POST", path, {"content": "x"}))[0] == 200


async def test_everything_together_is_limited(raw: Raw) -> None:
    for _ in range(8):
        assert (await raw.ask("GET", "/users/@me"))[0] == 200
    answer = await raw.response("GET", "/users/@me/guilds")
    assert (answer.status, answer.headers["X-RateLimit-Global"]) == (429, "true")
    assert (await answer.json())["global"]
    assert (await raw.ask("POST", "/interactions/1/x/callback", {}))[0] == 404


async def test_too_many_refusals_ban_the_address(raw: Raw) -> None:
    for _ in range(3):
        await raw.ask("GET", "/users/@me", token=WRONG)
    answer = await raw.response("GET", "/users/@me")
    assert answer.status == 429
    assert "Via" not in answer.headers
    assert answer.content_type == "text/plain"


async def test_client_waits_out_a_429(bot: Puppet, loopback: LoopbackDiscord, place: Place) -> None:
    loopback.faults.add(Fault(kind=Kind.RATE_LIMIT, method="POST", path=r"/messages$", seconds=0.05))
    channel = await bot.fetch_channel(place.channel.id)
    await channel.send("patient")  # type: ignore[union-attr]
    assert [message.content for message in loopback.messages(place.channel)] == ["patient"]
    assert [one.status for one in loopback.exchanges if one.route.endswith("/messages")] == [200]
