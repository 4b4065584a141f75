from typing import Any

import pytest

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.invocation import DidNotRespondError, Invocation
from bot.loopback.message_rules import LOADING
from bot.loopback.models import Progress
from bot.loopback.options import LocalFile
from bot.loopback.people import NotOfferedError
from bot.loopback.permissions import USE_EXTERNAL_APPS
from bot.loopback.person import Person

from .conftest import Place
from .puppet import PNG
from .raw import Raw

COMMANDS: list[dict[str, Any]] = [
    {
        "name": "draw",
        "description": "d",
        "integration_types": [0, 1],
        "options": [
            {"type": 3, "name": "who", "description": "w", "autocomplete": True},
            {"type": 4, "name": "seed", "description": "s", "autocomplete": True},
            {"type": 11, "name": "file", "description": "f"},
        ],
    },
    {"name": "Edit", "type": 3},
]


@pytest.fixture
async def registered(raw: Raw, loopback: LoopbackDiscord, place: Place) -> Raw:
    status, _ = await raw.ask("PUT", f"/applications/{loopback.bot.id}/commands", COMMANDS)
    assert status == 200
    return raw


def callback(made: Invocation) -> str:
    return f"/interactions/{made.interaction.id}/{made.interaction.token}/callback"


def webhook(made: Invocation) -> str:
    return f"/webhooks/{made.world.bot_id}/{made.interaction.token}"


def says(text: str) -> dict[str, Any]:
    return {"type": 4, "data": {"content": text}}


UNKNOWN = (404, {"message": "Unknown interaction", "code": 10062})
TOKEN_IS_OVER = (401, {"message": "Invalid Webhook Token", "code": 50027})
UNKNOWN_WEBHOOK = (404, {"message": "Unknown Webhook", "code": 10015})
UNKNOWN_MESSAGE = (404, {"message": "Unknown Message", "code": 10008})


async def test_answer_after_three_seconds_is_refused(
    registered: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    made = mia.slash(place.channel, "draw")
    loopback.clock.advance(3.1)
    assert made.interaction.progress is Progress.FAILED
    with pytest.raises(DidNotRespondError):
        await made.reply()
    assert await registered.ask("POST", callback(made), says("late")) == UNKNOWN
    assert loopback.messages(place.channel) == []


async def test_answer_within_three_seconds_is_taken_once(
    registered: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    made = mia.slash(place.channel, "draw")
    loopback.clock.advance(2.9)
    assert await registered.ask("POST", callback(made), says("hello")) == (204, None)
    status, told = await registered.ask("POST", callback(made), says("again"))
    assert (status, told["code"]) == (400, 40060)
    assert [message.content for message in loopback.messages(place.channel)] == ["hello"]


async def test_wrong_token_of_an_interaction_is_unknown(registered: Raw, mia: Person, place: Place) -> None:
    made = mia.slash(place.channel, "draw")
    assert (
        await registered.ask("POST", f"/interactions/{made.interaction.id}/x/callback", says("x")) == UNKNOWN
    )
    assert await registered.ask("POST", f"/webhooks/{made.world.bot_id}/x", {"content": "x"}) == TOKEN_IS_OVER


async def test_refused_form_leaves_the_interaction_waiting(
    registered: Raw, mia: Person, place: Place
) -> None:
    made = mia.slash(place.channel, "draw")
    assert (await registered.fault("POST", callback(made), says("x" * 2001)))[0] == "content"
    assert await registered.ask("POST", callback(made), says("x")) == (204, None)


async def test_token_works_for_fifteen_minutes(
    registered: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    made = mia.slash(place.channel, "draw")
    await registered.ask("POST", callback(made), {"type": 5})
    loopback.clock.advance(15 * 60 - 1)
    edited = await registered.ask("PATCH", f"{webhook(made)}/messages/@original", {"content": "in time"})
    assert edited[0] == 200
    loopback.clock.advance(2)
    for method, path in (
        ("PATCH", f"{webhook(made)}/messages/@original"),
        ("POST", webhook(made)),
        ("DELETE", f"{webhook(made)}/messages/@original"),
    ):
        assert await registered.ask(method, path, {"content": "late"}) == TOKEN_IS_OVER
    assert [message.content for message in loopback.messages(place.channel)] == ["in time"]


async def test_message_outlives_the_token(
    registered: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    made = mia.slash(place.channel, "draw")
    await registered.ask("POST", callback(made), {"type": 5})
    loopback.clock.advance(16 * 60)
    (message,) = loopback.messages(place.channel)
    path = f"/channels/{place.channel.id}/messages/{message.id}"
    assert (await registered.ask("PATCH", path, {"content": "by the bot's own user"}))[0] == 200
    assert not message.flags & LOADING


async def test_webhook_needs_an_answer_first(registered: Raw, mia: Person, place: Place) -> None:
    made = mia.slash(place.channel, "draw")
    path = f"{webhook(made)}/messages/@original"
    assert await registered.ask("PATCH", path, {"content": "x"}) == UNKNOWN_WEBHOOK


async def test_token_reaches_its_own_messages_only(registered: Raw, mia: Person, place: Place) -> None:
    other = mia.send(place.channel, "mine")
    made = mia.slash(place.channel, "draw")
    await registered.ask("POST", callback(made), says("x"))
    assert await registered.ask("GET", f"{webhook(made)}/messages/{other.id}") == UNKNOWN_MESSAGE
    assert await registered.ask("DELETE", f"{webhook(made)}/messages/@original") == (204, None)
    assert await registered.ask("GET", f"{webhook(made)}/messages/@original") == UNKNOWN_MESSAGE


async def test_response_tells_of_the_message_when_asked(registered: Raw, mia: Person, place: Place) -> None:
    made = mia.slash(place.channel, "draw")
    body = {"type": 5, "data": {"flags": 64}}
    status, told = await registered.ask("POST", f"{callback(made)}?with_response=1", body)
    assert status == 200
    assert told["interaction"]["response_message_loading"]
    assert told["interaction"]["response_message_ephemeral"]
    assert told["resource"]["message"]["id"] == told["interaction"]["response_message_id"]


@pytest.mark.parametrize("kind", [0, 1, 6, 7, 8, 11])
async def test_answer_of_the_wrong_kind_is_refused(
    registered: Raw, mia: Person, place: Place, kind: int
) -> None:
    made = mia.slash(place.channel, "draw")
    assert (await registered.fault("POST", callback(made), {"type": kind}))[0] == "type"


async def test_autocomplete_offers_twenty_five_at_most(registered: Raw, mia: Person, place: Place) -> None:
    made = mia.autocomplete(place.channel, "draw", "who", "M")
    offers = [{"name": str(number), "value": str(number)} for number in range(26)]
    fault = await registered.fault("POST", callback(made), {"type": 8, "data": {"choices": offers}})
    assert fault == ("choices", "BASE_TYPE_MAX_LENGTH")
    assert (await registered.fault("POST", callback(made), says("x")))[0] == "type"
    await registered.ask("POST", callback(made), {"type": 8, "data": {"choices": offers[:25]}})
    assert len(await made.choices()) == 25


@pytest.mark.parametrize(
    ("option", "offer", "where"),
    [
        ("who", {"name": "n" * 101, "value": "v"}, "choices.0.name"),
        ("who", {"name": "n", "value": "v" * 101}, "choices.0.value"),
        ("who", {"name": "", "value": "v"}, "choices.0.name"),
        ("seed", {"name": "n", "value": "many"}, "choices.0.value"),
        ("seed", {"name": "n", "value": 1 << 53}, "choices.0.value"),
    ],
)
async def test_autocomplete_offers_what_fits_the_option(
    registered: Raw, mia: Person, place: Place, option: str, offer: dict[str, Any], where: str
) -> None:
    made = mia.autocomplete(place.channel, "draw", option, "M")
    fault = await registered.fault("POST", callback(made), {"type": 8, "data": {"choices": [offer]}})
    assert fault[0] == where


def modal(*parts: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {"type": 9, "data": {"custom_id": "m", "title": "t", "components": list(parts), **fields}}


def label(component: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {"type": 18, "label": "l", "component": component, **fields}


def entry(custom_id: str = "e", **fields: object) -> dict[str, Any]:
    return {"type": 4, "custom_id": custom_id, "style": 1, **fields}


def entries(count: int) -> list[dict[str, Any]]:
    return [label(entry(str(number))) for number in range(count)]


MODALS: list[tuple[dict[str, Any], str]] = [
    (modal(label(entry()), title="t" * 46), "title"),
    (modal(label(entry()), custom_id="c" * 101), "custom_id"),
    (modal(), "components"),
    (modal(*entries(6)), "components"),
    (modal(entry()), "components.0.type"),
    (modal(label(entry(), label="l" * 46)), "components.0.label"),
    (modal(label(entry(), description="d" * 101)), "components.0.description"),
    (modal(label(entry(placeholder="p" * 101))), "components.0.component.placeholder"),
    (modal(label(entry(max_length=4001))), "components.0.component.max_length"),
    (modal(label(entry(max_length=3, value="four"))), "components.0.component.value"),
    (modal(label(entry()), label(entry())), "components.1.component.custom_id"),
    (modal(label({"type": 19, "custom_id": "f", "max_values": 11})), "components.0.component.max_values"),
    (modal(label({"type": 21, "custom_id": "r", "options": []})), "components.0.component.options"),
    (modal(label({"type": 2, "style": 1, "custom_id": "b", "label": "b"})), "components.0.component.type"),
]


@pytest.mark.parametrize(("body", "where"), MODALS)
async def test_modal_past_a_limit_is_refused(
    registered: Raw, mia: Person, place: Place, body: dict[str, Any], where: str
) -> None:
    made = mia.slash(place.channel, "draw")
    assert (await registered.fault("POST", callback(made), body))[0] == where


async def test_modal_fields_of_every_kind_are_submitted(registered: Raw, mia: Person, place: Place) -> None:
    offered = [{"label": one, "value": one} for one in ("ink", "oil")]
    made = mia.slash(place.channel, "draw")
    body = modal(
        {"type": 10, "content": "please"},
        label({"type": 21, "custom_id": "radio", "options": offered}),
        label({"type": 22, "custom_id": "boxes", "options": offered}),
        label({"type": 23, "custom_id": "box"}),
        label({"type": 5, "custom_id": "user"}),
    )
    await registered.ask("POST", callback(made), body)
    values = {"radio": "oil", "boxes": ["ink", "oil"], "box": True, "user": [place.noah]}
    sent = mia.submit(made, values).interaction
    told = [part.get("component", {}) for part in sent.data["components"]]
    assert told[1]["value"] == "oil"
    assert told[2]["values"] == ["ink", "oil"]
    assert told[3]["value"] is True
    assert told[4]["values"] == [str(place.noah.id)]
    assert sent.data["resolved"]["users"][str(place.noah.id)]["username"] == "noah"
    with pytest.raises(NotOfferedError):
        mia.submit(made, values | {"radio": None})


async def test_modal_cannot_answer_a_modal(registered: Raw, mia: Person, place: Place) -> None:
    made = mia.slash(place.channel, "draw")
    await registered.ask("POST", callback(made), modal(label(entry())))
    sent = mia.submit(made, {"e": "x"})
    assert (await registered.fault("POST", callback(sent), modal(label(entry()))))[0] == "type"


async def test_stranger_gets_five_follow_ups(
    registered: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    loopback.scenery.remove_bot(place.guild)
    loopback.scenery.install(place.mia)
    made = mia.slash(place.channel, "draw")
    await registered.ask("POST", callback(made), says("x"))
    loopback.clock.advance(60)
    answers = []
    for number in range(6):
        loopback.clock.advance(60)
        answers.append(await registered.ask("POST", webhook(made), {"content": str(number)}))
    assert [status for status, _ in answers] == [200] * 5 + [400]
    assert answers[-1][1]["code"] == 40094


async def test_foreign_app_is_seen_by_its_user_alone_where_the_server_says_so(
    registered: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    loopback.scenery.remove_bot(place.guild)
    loopback.scenery.install(place.mia)
    everyone = place.guild.roles[place.guild.id]
    loopback.scenery.set_permissions(place.guild, everyone, everyone.permissions & ~USE_EXTERNAL_APPS)
    made = mia.slash(place.channel, "draw")
    await registered.ask("POST", callback(made), says("x"))
    assert (await made.reply()).ephemeral_to == place.mia.id


async def test_interaction_tells_where_it_came_from(
    registered: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    seen: list[dict[str, Any]] = []
    loopback.changes.listen(lambda one: seen.append(one.data) if one.event == "INTERACTION_CREATE" else None)
    loopback.scenery.install(place.mia)
    mia.slash(place.channel, "draw", {"file": LocalFile("a.png", PNG)})
    mia.slash(loopback.scenery.direct_messages(place.mia), "draw")
    mia.slash(loopback.scenery.private_channel(place.mia, place.noah), "draw")
    mia_id, guild_id = str(place.mia.id), str(place.guild.id)
    assert [one["context"] for one in seen] == [0, 1, 2]
    owners = [one["authorizing_integration_owners"] for one in seen]
    assert owners == [{"0": guild_id, "1": mia_id}, {"0": "0", "1": mia_id}, {"1": mia_id}]
    assert all(one["attachment_size_limit"] == 10 << 20 for one in seen)
    assert seen[0]["member"]["user"]["id"] == mia_id
    assert next(iter(seen[0]["data"]["resolved"]["attachments"].values()))["size"] == len(PNG)
    assert "member" not in seen[1]


async def test_follow_up_is_a_message_of_its_own_once_the_answer_is_filled(
    registered: Raw, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    made = mia.slash(place.channel, "draw")
    await registered.ask("POST", callback(made), {"type": 5})
    (thinking,) = loopback.messages(place.channel)
    await registered.ask(
        "PATCH", f"/channels/{place.channel.id}/messages/{thinking.id}", {"content": "filled"}
    )
    await registered.ask("POST", webhook(made), {"content": "more"})
    assert [message.content for message in loopback.messages(place.channel)] == ["filled", "more"]
