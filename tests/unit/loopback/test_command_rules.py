from typing import Any

import pytest

from bot.loopback.command_rules import command_length
from bot.loopback.config import LoopbackConfig
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.models import Channel
from bot.loopback.people import NotOfferedError
from bot.loopback.permissions import MANAGE_GUILD, USE_APPLICATION_COMMANDS, VIEW_CHANNEL
from bot.loopback.person import Person

from .conftest import Place
from .raw import Raw


@pytest.fixture
def config() -> LoopbackConfig:
    return LoopbackConfig(rate_limits=False)


@pytest.fixture
def path(loopback: LoopbackDiscord, place: Place) -> str:
    return f"/applications/{loopback.bot.id}/commands"


def command(name: str = "draw", **fields: object) -> dict[str, Any]:
    return {"name": name, "description": "d", **fields}


def option(name: str = "o", kind: int = 3, **fields: object) -> dict[str, Any]:
    return {"type": kind, "name": name, "description": "d", **fields}


CHOICES = [{"name": str(number), "value": str(number)} for number in range(26)]
WRONG: list[tuple[dict[str, Any], str, str]] = [
    (command("n" * 33), "name", "BASE_TYPE_BAD_LENGTH"),
    (command("Draw"), "name", "APPLICATION_COMMAND_INVALID_NAME"),
    (command("draw me"), "name", "APPLICATION_COMMAND_INVALID_NAME"),
    (command(description="d" * 101), "description", "BASE_TYPE_MAX_LENGTH"),
    (command(description=""), "description", "BASE_TYPE_REQUIRED"),
    (command(name_localizations={"xx": "a"}), "name_localizations.xx", "ENUM_TYPE_COERCE"),
    (command(name_localizations={"de": "n" * 33}), "name_localizations.de", "BASE_TYPE_BAD_LENGTH"),
    (command(contexts=[3]), "contexts.0", "BASE_TYPE_CHOICES"),
    (command(integration_types=[]), "integration_types", "BASE_TYPE_MIN_LENGTH"),
    (command(options=[option(str(n)) for n in range(26)]), "options", "BASE_TYPE_MAX_LENGTH"),
    (command(options=[option(kind=12)]), "options.0.type", "UNION_TYPE_CHOICES"),
    (command(options=[option("O")]), "options.0.name", "APPLICATION_COMMAND_INVALID_NAME"),
    (
        command(options=[option(), option()]),
        "options.1.name",
        "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
    ),
    (
        command(options=[option("a"), option("b", required=True)]),
        "options.1",
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    (command(options=[option(choices=CHOICES)]), "options.0.choices", "BASE_TYPE_MAX_LENGTH"),
    (
        command(options=[option(choices=CHOICES[:1], autocomplete=True)]),
        "options.0",
        "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES",
    ),
    (command(options=[option(max_length=6001)]), "options.0.max_length", "NUMBER_TYPE_MAX"),
    (command(options=[option(kind=1), option("p")]), "options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"),
    (
        command(options=[option(kind=2, options=[option(kind=2)])]),
        "options.0.options.0.type",
        "UNION_TYPE_CHOICES",
    ),
    (
        {"name": "Menu", "type": 3, "description": "d"},
        "description",
        "APPLICATION_COMMAND_CONTEXT_MENU_FIELD",
    ),
]


@pytest.mark.parametrize(("body", "where", "why"), WRONG)
async def test_command_past_a_limit_is_refused(
    raw: Raw, path: str, body: dict[str, Any], where: str, why: str
) -> None:
    assert await raw.fault("POST", path, body) == (where, why)
    assert await raw.fault("PUT", path, [body]) == (f"0.{where}", why)


async def test_command_is_no_longer_than_8000_characters(raw: Raw, path: str) -> None:
    choices = [{"name": f"{n:0100}", "value": f"{n:0100}"} for n in range(20)]
    long = command(options=[option(f"o{n}", choices=choices) for n in range(2)])
    assert command_length(long) > 8000
    assert (await raw.fault("POST", path, long))[1] == "APPLICATION_COMMAND_TOO_LARGE"
    longest_of = {"de": "x" * 30, "fr": "x" * 20}
    assert command_length(command(name_localizations=longest_of)) == 30 + 1


async def test_numbers_of_commands_are_bounded(raw: Raw, path: str) -> None:
    for kind, most in ((1, 100), (2, 15), (3, 15)):
        bodies = [
            {"name": f"c{n}", "type": kind} | ({"description": "d"} if kind == 1 else {})
            for n in range(most + 1)
        ]
        status, told = await raw.ask("PUT", path, bodies)
        assert (status, told["code"]) == (400, 30032)
        assert (await raw.ask("PUT", path, bodies[:most]))[0] == 200


async def test_same_name_twice_is_refused(raw: Raw, path: str) -> None:
    assert await raw.fault("PUT", path, [command(), command()]) == (
        "1.name",
        "APPLICATION_COMMANDS_DUPLICATE_NAME",
    )


async def test_creates_of_a_day_are_bounded(raw: Raw, loopback: LoopbackDiscord, path: str) -> None:
    for batch in range(2):
        assert (await raw.ask("PUT", path, [command(f"b{batch}-{n}") for n in range(100)]))[0] == 200
    assert (await raw.ask("PUT", path, [command("one-more")]))[1]["code"] == 30034
    assert (await raw.ask("PUT", path, [command(f"b1-{n}") for n in range(100)]))[0] == 200
    loopback.clock.advance(24 * 3600)
    assert (await raw.ask("PUT", path, [command("one-more")]))[0] == 200


async def test_command_keeps_its_id_when_it_is_registered_again(raw: Raw, path: str) -> None:
    _, (first,) = await raw.ask("PUT", path, [command()])
    _, (second, _) = await raw.ask("PUT", path, [command(description="new"), command("other")])
    assert first["id"] == second["id"]
    _, changed = await raw.ask("PATCH", f"{path}/{first['id']}", {"nsfw": True})
    assert (changed["description"], changed["nsfw"]) == ("new", True)
    assert await raw.ask("DELETE", f"{path}/{first['id']}") == (204, None)
    assert (await raw.ask("GET", f"{path}/{first['id']}"))[1]["code"] == 10063
    assert [one["name"] for one in (await raw.ask("GET", path))[1]] == ["other"]


async def test_commands_of_a_guild_stay_in_it(
    raw: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    other = loopback.scenery.add_guild("Other")
    loopback.scenery.join(other, place.mia)
    elsewhere = loopback.scenery.add_channel(other, "hall")
    path = f"/applications/{loopback.bot.id}/guilds/{place.guild.id}/commands"
    await raw.ask("PUT", path, [command()])
    assert [one.name for one in mia.commands(place.channel)] == ["draw"]
    assert mia.commands(elsewhere) == []
    nowhere = loopback.scenery.add_guild("Nowhere", with_bot=False)
    refused = await raw.ask("PUT", f"/applications/{loopback.bot.id}/guilds/{nowhere.id}/commands", [])
    assert refused == (403, {"message": "Missing Access", "code": 50001})


async def test_commands_are_offered_to_whom_they_are_meant_for(
    raw: Raw, loopback: LoopbackDiscord, mia: Person, place: Place, path: str
) -> None:
    bodies = [
        command("plain"),
        command("adult", nsfw=True),
        command("admin", default_member_permissions=str(MANAGE_GUILD)),
        command("here", contexts=[0]),
        command("direct", contexts=[1]),
    ]
    await raw.ask("PUT", path, bodies)
    scenery = loopback.scenery

    def offered(person: Person, where: Channel) -> list[str]:
        return [one.name for one in person.commands(where)]

    assert offered(mia, place.channel) == ["plain", "here"]
    assert offered(mia, scenery.direct_messages(place.mia)) == ["plain", "adult", "admin", "direct"]
    cellar = scenery.add_channel(place.guild, "cellar", nsfw=True)
    assert offered(mia, cellar) == ["plain", "adult", "here"]
    assert "adult" in offered(mia, scenery.add_thread(cellar, "deep", place.mia))
    child = scenery.add_user("kid", is_adult=False)
    scenery.join(place.guild, child)
    with pytest.raises(NotOfferedError):
        loopback.as_user(child).slash(cellar, "plain")
    scenery.give_role(place.guild, place.mia.id, scenery.add_role(place.guild, "staff", MANAGE_GUILD))
    assert offered(mia, place.channel) == ["plain", "admin", "here"]
    scenery.overwrite(place.channel, place.mia, deny=USE_APPLICATION_COMMANDS)
    assert offered(mia, place.channel) == []
    scenery.overwrite(place.channel, place.mia, deny=VIEW_CHANNEL)
    with pytest.raises(NotOfferedError):
        mia.sees(place.channel)
