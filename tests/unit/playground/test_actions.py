from typing import Any

import pytest

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.messages import Draft, create_message
from bot.loopback.models import Command, InteractionKind
from bot.loopback.permissions import SEND_MESSAGES
from bot.playground import live
from bot.playground.serve import playground
from bot.playground.sight import Sight

from .conftest import Visitor

OPTIONS = [
    {"name": "text", "description": "x", "type": 3, "required": True, "autocomplete": True},
    {"name": "count", "description": "x", "type": 4, "min_value": 1, "max_value": 4},
    {"name": "sure", "description": "x", "type": 5},
    {"name": "whom", "description": "x", "type": 6},
    {"name": "where", "description": "x", "type": 7},
    {"name": "role", "description": "x", "type": 8},
    {"name": "any", "description": "x", "type": 9},
    {"name": "part", "description": "x", "type": 10},
    {"name": "file", "description": "x", "type": 11},
]


@pytest.fixture(autouse=True)
def commands(discord: LoopbackDiscord, visitor: Visitor) -> None:
    for kind, name, options in ((1, "draw", OPTIONS), (2, "Greet", []), (3, "Details", [])):
        body: dict[str, Any] = {"name": name, "type": kind, "options": options}
        body |= {"description": "Draw."} if kind == 1 else {}
        command = Command(id=discord.world.ids.next(), version=1, guild_id=None, body=body)
        discord.world.commands.setdefault(None, {})[command.id] = command


def data_of(discord: LoopbackDiscord, told: Any) -> dict[str, Any]:  # noqa: ANN401
    return discord.world.interactions[int(told["interaction"])].data


async def test_message_with_a_file_is_written(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    path = f"channels/{scene.general.id}/messages"
    status, told = await visitor.act(scene.mia, path, {"content": "look"}, files={"notes.txt": b"words"})
    assert status == 200
    (message,) = await visitor.messages(scene.noah, scene.general)
    assert (message["id"], message["content"]) == (told["id"], "look")
    async with visitor.session.get(visitor.origin + message["attachments"][0]["url"]) as answer:
        assert await answer.read() == b"words"


async def test_every_kind_of_option_arrives_as_the_bot_takes_it(
    visitor: Visitor, discord: LoopbackDiscord
) -> None:
    scene = visitor.scene
    role = discord.scenery.add_role(scene.guild, "Painters")
    options = {
        "text": "Nova",
        "count": 3,
        "sure": True,
        "whom": {"user": str(scene.noah.id)},
        "where": {"channel": str(scene.gallery.id)},
        "role": {"role": str(role.id)},
        "any": {"user": str(scene.lin.id)},
        "part": 0.5,
        "file": {"file": "0"},
    }
    path = f"channels/{scene.general.id}/slash"
    status, told = await visitor.act(
        scene.mia, path, {"name": "draw", "options": options}, files={"a.txt": b"abc"}
    )
    assert status == 200, told
    data = data_of(discord, told)
    values = {option["name"]: option["value"] for option in data["options"]}
    assert [values[name] for name in ("text", "count", "sure", "part")] == ["Nova", 3, True, 0.5]
    assert set(data["resolved"]["users"]) == {str(scene.noah.id), str(scene.lin.id)}
    assert set(data["resolved"]["channels"]) == {str(scene.gallery.id)}
    assert set(data["resolved"]["roles"]) == {str(role.id)}
    assert data["resolved"]["attachments"][values["file"]]["filename"] == "a.txt"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 409),
        ({"text": "x", "count": 9}, 409),
        ({"text": "x", "count": "3"}, 409),
        ({"text": "x", "whom": {"user": "1"}}, 404),
        ({"text": "x", "where": {"channel": "1"}}, 404),
        ({"text": "x", "role": {"role": "1"}}, 404),
        ({"text": "x", "file": {"file": "7"}}, 400),
        ({"text": "x", "whom": {"user": "me"}}, 400),
        ({"text": "x", "whom": {"user": "1", "role": "1"}}, 400),
        ({"text": {"secret": 1}}, 400),
        ({"strange": 1}, 409),
        ("words", 400),
    ],
)
async def test_option_that_no_client_sends_is_refused(
    visitor: Visitor, discord: LoopbackDiscord, options: object, expected: int
) -> None:
    scene = visitor.scene
    path = f"channels/{scene.general.id}/slash"
    status, told = await visitor.act(scene.mia, path, {"name": "draw", "options": options})
    assert status == expected
    assert told["message"]
    assert discord.world.interactions == {}


async def test_typing_asks_the_bot_for_choices(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    body = {"name": "draw", "option": "text", "text": "No", "options": {"count": 2}}
    _, told = await visitor.act(scene.mia, f"channels/{scene.general.id}/autocomplete", body)
    interaction = discord.world.interactions[int(told["interaction"])]
    assert interaction.kind is InteractionKind.AUTOCOMPLETE
    assert {option["name"]: option.get("focused") for option in interaction.data["options"]} == {
        "count": None,
        "text": True,
    }


async def test_context_menus_carry_their_targets(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    message = discord.as_user(scene.noah).send(scene.general, "hello")
    path = f"channels/{scene.general.id}/menu"
    for name, kind, target in (("Details", "message", message.id), ("Greet", "user", scene.noah.id)):
        body = {"name": name, "kind": kind, "target": str(target)}
        _, told = await visitor.act(scene.mia, path, body)
        assert data_of(discord, told)["target_id"] == str(target)


async def test_button_and_selects_are_touched(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    row = lambda *parts: {"type": 1, "components": list(parts)}  # noqa: E731
    components = [
        row({"type": 2, "style": 1, "label": "Go", "custom_id": "go"}),
        row({"type": 3, "custom_id": "one", "options": [{"label": "A", "value": "a"}]}),
        row({"type": 5, "custom_id": "whom"}),
    ]
    draft = Draft(author_id=discord.bot.id, body={"content": "press", "components": components})
    message = create_message(discord.world, scene.general, draft)
    here = f"channels/{scene.general.id}/messages/{message.id}"
    _, told = await visitor.act(scene.mia, f"{here}/click", {"custom_id": "go"})
    assert data_of(discord, told)["custom_id"] == "go"
    _, told = await visitor.act(scene.mia, f"{here}/choose", {"custom_id": "one", "values": ["a"]})
    assert data_of(discord, told)["values"] == ["a"]
    values = [{"user": str(scene.noah.id)}]
    _, told = await visitor.act(scene.mia, f"{here}/choose", {"custom_id": "whom", "values": values})
    assert data_of(discord, told)["values"] == [str(scene.noah.id)]
    for body in ({"custom_id": "one", "values": ["b"]}, {"custom_id": "none", "values": []}):
        assert (await visitor.act(scene.mia, f"{here}/choose", body))[0] == 409
    assert (await visitor.act(scene.mia, f"{here}/choose", {"custom_id": "one", "values": "a"}))[0] == 400


async def test_commands_are_those_that_the_user_is_shown(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    only_admins = {"name": "rule", "description": "x", "type": 1, "default_member_permissions": "0"}
    command = Command(id=discord.world.ids.next(), version=1, guild_id=scene.guild.id, body=only_admins)
    discord.world.commands[scene.guild.id] = {command.id: command}
    path = f"channels/{scene.general.id}/commands"
    names = {}
    for user in (scene.mia, scene.noah):
        _, told = await visitor.look(user, path)
        names[user.name] = {one["name"] for one in told["commands"]}
    assert names == {"mia": {"rule", "draw", "Greet", "Details"}, "noah": {"draw", "Greet", "Details"}}


async def test_older_messages_are_read_page_by_page(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    sent = [str(discord.as_user(scene.mia).send(scene.general, str(number)).id) for number in range(120)]
    path, seen, more = f"channels/{scene.general.id}/messages", list[str](), True
    while more:
        _, told = await visitor.look(scene.mia, path + (f"?before={seen[0]}" if seen else ""))
        seen, more = [one["id"] for one in told["messages"]] + seen, told["has_more"]
    assert seen == sent


async def test_message_is_deleted_by_those_who_may(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    first, second = (discord.as_user(scene.noah).send(scene.general, one) for one in "ab")
    path = f"channels/{scene.general.id}/messages"
    assert await visitor.remove(scene.lin, f"{path}/{first.id}") == 409
    assert await visitor.remove(scene.noah, f"{path}/{first.id}") == 200
    assert await visitor.remove(scene.mia, f"{path}/{second.id}") == 200
    assert discord.messages(scene.general) == []


async def test_direct_messages_are_opened_once(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    ids = {(await visitor.act(scene.mia, "direct", {"user": str(discord.bot.id)}))[1]["id"] for _ in range(2)}
    assert ids == {str(discord.scenery.direct_messages(scene.mia).id)}
    assert (await visitor.act(scene.mia, "direct", {"user": str(scene.mia.id)}))[0] == 409
    for body in ({"user": "x"}, {"user": "-1"}, {"user": 5}, {}):
        assert (await visitor.act(scene.mia, "direct", body))[0] == 400


async def test_who_may_not_write_is_told_so(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    discord.scenery.overwrite(scene.general, scene.noah, deny=SEND_MESSAGES)
    for rest in ("messages", "typing"):
        status, _ = await visitor.act(scene.noah, f"channels/{scene.general.id}/{rest}", {"content": "x"})
        assert status == 409
    _, home = await visitor.look(scene.noah, "home")
    channel = next(one for one in home["guilds"][0]["channels"] if one["name"] == "general")
    assert (channel["may_send"], channel["may_use_commands"]) == (False, True)


async def test_message_that_is_too_long_is_refused_in_words(visitor: Visitor) -> None:
    scene = visitor.scene
    path = f"channels/{scene.general.id}/messages"
    status, told = await visitor.act(scene.mia, path, {"content": "x" * 2001})
    assert status == 400
    assert "2000" in told["errors"]["content"]["_errors"][0]["message"]
    assert (await visitor.act(scene.mia, path, {"content": ""}))[0] == 400
    assert (await visitor.act(scene.mia, path, ["no", "object"]))[0] == 400


async def test_typing_is_seen_by_others(visitor: Visitor) -> None:
    scene = visitor.scene
    noah = await visitor.listen(scene.noah)
    await visitor.act(scene.mia, f"channels/{scene.general.id}/typing")
    told = await noah.receive_json(timeout=20)
    assert (told["event"], told["user"]["username"]) == ("typing", "mia")


async def test_people_are_those_whom_one_can_be(visitor: Visitor) -> None:
    async with visitor.session.get(f"{visitor.origin}/playground/api/people") as answer:
        told = await answer.json()
    assert [one["username"] for one in told["people"]] == ["mia", "noah", "lin"]


async def test_unknown_user_is_nobody(visitor: Visitor) -> None:
    async with visitor.session.get(f"{visitor.origin}/playground/api/as/1/home") as answer:
        assert answer.status == 404


def test_page_that_is_too_slow_starts_over(discord: LoopbackDiscord, visitor: Visitor) -> None:
    scene = visitor.scene
    outbox = live.Outbox(Sight(discord.world, scene.mia))
    leave = discord.changes.listen(outbox.note)
    for number in range(1100):
        discord.as_user(scene.noah).send(scene.general, str(number))
    leave()
    assert outbox.is_full


async def test_socket_ends_with_the_server(discord: LoopbackDiscord, visitor: Visitor) -> None:
    async with playground(discord) as second:
        elsewhere = Visitor(second.link, visitor.session, visitor.scene)
        socket = await elsewhere.listen(visitor.scene.mia)
    assert (await socket.receive(timeout=20)).data == 1001
    assert (await visitor.look(visitor.scene.mia, "home"))[0] == 200
