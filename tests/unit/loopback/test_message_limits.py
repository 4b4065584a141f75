from typing import Any

import pytest

from bot.loopback.config import LoopbackConfig
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.message_rules import VERSION_TWO
from bot.loopback.person import Person

from .conftest import Place
from .puppet import PNG
from .raw import Raw

MIB = 1 << 20


@pytest.fixture
def config() -> LoopbackConfig:
    return LoopbackConfig(rate_limits=False)


@pytest.fixture
def path(place: Place) -> str:
    return f"/channels/{place.channel.id}/messages"


def button(custom_id: str = "x", **fields: object) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": custom_id, **fields}


def row(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(parts)}


def select(options: int = 2, **fields: object) -> dict[str, Any]:
    offered = [{"label": str(number), "value": str(number)} for number in range(options)]
    return {"type": 3, "custom_id": "s", "options": offered, **fields}


def words(text: str) -> dict[str, Any]:
    return {"type": 10, "content": text}


def picture(url: str, **fields: object) -> dict[str, Any]:
    return {"media": {"url": url}, **fields}


EMBED_FIELD = {"name": "n", "value": "v"}
LEGACY: list[tuple[dict[str, Any], str, str]] = [
    ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    ({"content": ["x"]}, "content", "STRING_TYPE_CONVERT"),
    ({"content": "x", "nonce": "n" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
    ({"content": "x", "tts": "yes"}, "tts", "BOOLEAN_TYPE_PARSE"),
    ({"embeds": [{"title": "t" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"description": "d" * 4097}]}, "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"footer": {"text": "f" * 2049}}]}, "embeds.0.footer.text", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"author": {"name": "a" * 257}}]}, "embeds.0.author.name", "BASE_TYPE_BAD_LENGTH"),
    ({"embeds": [{"fields": [EMBED_FIELD] * 26}]}, "embeds.0.fields", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"fields": [{"name": "n"}]}]}, "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
    ({"embeds": [{"title": "t"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"description": "d" * 3001}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    ({"embeds": [{"image": {"url": "ftp://x/y"}}]}, "embeds.0.image.url", "URL_TYPE_INVALID_SCHEME"),
    ({"embeds": [{"color": 1 << 24}]}, "embeds.0.color", "NUMBER_TYPE_MAX"),
    ({"components": [row(button(str(n))) for n in range(6)]}, "components", "BASE_TYPE_MAX_LENGTH"),
    (
        {"components": [row(*(button(str(n)) for n in range(6)))]},
        "components.0",
        "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
    ),
    ({"components": [row(button(), select())]}, "components.0", "COMPONENT_LAYOUT_WIDTH_EXCEEDED"),
    ({"components": [row()]}, "components.0.components", "BASE_TYPE_MIN_LENGTH"),
    ({"components": [words("x")]}, "components.0.type", "UNION_TYPE_CHOICES"),
    ({"components": [row(button("c" * 101))]}, "components.0.components.0.custom_id", "BASE_TYPE_BAD_LENGTH"),
    ({"components": [row(button(""))]}, "components.0.components.0.custom_id", "BASE_TYPE_BAD_LENGTH"),
    (
        {"components": [row(button(label="l" * 81))]},
        "components.0.components.0.label",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"components": [row(button(label=None))]},
        "components.0.components.0",
        "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED",
    ),
    ({"components": [row(button(style=5))]}, "components.0.components.0.url", "BASE_TYPE_REQUIRED"),
    (
        {"components": [row(button("a"), button("a"))]},
        "components.0.components.1.custom_id",
        "COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    ({"components": [row(select(26))]}, "components.0.components.0.options", "BASE_TYPE_BAD_LENGTH"),
    (
        {"components": [row(select(placeholder="p" * 151))]},
        "components.0.components.0.placeholder",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"components": [row(select(2, max_values=3))]},
        "components.0.components.0.max_values",
        "NUMBER_TYPE_MAX",
    ),
    (
        {"content": "x", "allowed_mentions": {"parse": ["all"]}},
        "allowed_mentions.parse.0",
        "BASE_TYPE_CHOICES",
    ),
    (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    ({"content": "x", "attachments": [{"id": 0}]}, "attachments.0.id", "ATTACHMENT_NOT_FOUND"),
    (
        {"content": "x", "message_reference": {"message_id": "1"}},
        "message_reference",
        "MESSAGE_REFERENCE_UNKNOWN_MESSAGE",
    ),
]

NEW: list[tuple[dict[str, Any], str, str]] = [
    (
        {"content": "x", "components": [words("x")]},
        "content",
        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
    ({"components": [words("x")] * 41}, "components", "BASE_TYPE_MAX_LENGTH"),
    ({"components": [{"type": 17, "components": [words("x")] * 40}]}, "components", "BASE_TYPE_MAX_LENGTH"),
    ({"components": [words("x" * 2001)] * 2}, "components", "COMPONENT_TEXT_SIZE_EXCEEDED"),
    ({"components": [words("")]}, "components.0.content", "BASE_TYPE_BAD_LENGTH"),
    ({"components": [{"type": 12, "items": []}]}, "components.0.items", "BASE_TYPE_BAD_LENGTH"),
    (
        {"components": [{"type": 12, "items": [picture("https://a/b")] * 11}]},
        "components.0.items",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        {"components": [{"type": 12, "items": [picture("https://a/b", description="d" * 1025)]}]},
        "components.0.items.0.description",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        {"components": [{"type": 12, "items": [picture("attachment://none.png")]}]},
        "components.0.items.0.media.url",
        "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
    ),
    (
        {"components": [{"type": 13, "file": {"url": "https://a/b"}}]},
        "components.0.file.url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    (
        {"components": [{"type": 9, "components": [words("x")]}]},
        "components.0.accessory",
        "BASE_TYPE_REQUIRED",
    ),
    (
        {"components": [{"type": 17, "components": [{"type": 17, "components": [words("x")]}]}]},
        "components.0.components.0.type",
        "UNION_TYPE_CHOICES",
    ),
    (
        {"components": [{"type": 12, "items": [picture("https://a/b")] * 10}] * 7},
        "components",
        "COMPONENT_MEDIA_EXCEEDED",
    ),
]


@pytest.mark.parametrize(("body", "where", "why"), LEGACY)
async def test_message_past_a_limit_is_refused(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str, body: dict[str, Any], where: str, why: str
) -> None:
    assert await raw.fault("POST", path, body) == (where, why)
    assert loopback.messages(place.channel) == []


@pytest.mark.parametrize(("body", "where", "why"), NEW)
async def test_component_message_past_a_limit_is_refused(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str, body: dict[str, Any], where: str, why: str
) -> None:
    assert await raw.fault("POST", path, {"flags": VERSION_TWO, **body}) == (where, why)
    assert loopback.messages(place.channel) == []


async def test_message_at_every_limit_is_taken(raw: Raw, path: str) -> None:
    legacy = {
        "content": "x" * 2000,
        "embeds": [{"description": "d" * 3000}] * 2,
        "components": [row(*(button(f"{line}-{n}") for n in range(5))) for line in range(5)],
    }
    new = {
        "flags": VERSION_TWO,
        "components": [{"type": 17, "components": [words("x" * 100)] * 39}],
    }
    for body in (legacy, new):
        assert (await raw.ask("POST", path, body))[0] == 200


async def test_every_fault_of_a_form_is_told(raw: Raw, path: str) -> None:
    _, told = await raw.ask("POST", path, {"content": "x" * 2001, "embeds": [{"title": "t" * 257}]})
    assert told["errors"] == {
        "content": {
            "_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}]
        },
        "embeds": {
            "0": {
                "title": {
                    "_errors": [
                        {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 256 or fewer in length."}
                    ]
                }
            }
        },
    }


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": None, "embeds": []}])
async def test_empty_message_is_refused(raw: Raw, path: str, body: dict[str, Any]) -> None:
    assert await raw.ask("POST", path, body) == (
        400,
        {"message": "Cannot send an empty message", "code": 50006},
    )


async def test_files_past_a_limit_are_refused(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str
) -> None:
    too_large = (413, {"message": "Request entity too large", "code": 40005})
    assert await raw.ask("POST", path, files={"a.bin": bytes(10 * MIB + 1)}) == too_large
    assert await raw.ask("POST", path, files={f"{n}.bin": bytes(9 * MIB) for n in range(3)}) == too_large
    assert (await raw.ask("POST", path, files={f"{n}.bin": b"x" for n in range(11)}))[0] == 400
    assert (await raw.ask("POST", path, files={"a.bin": bytes(10 * MIB)}))[0] == 200
    place.guild.premium_tier = 2
    assert (await raw.ask("POST", path, files={"a.bin": bytes(11 * MIB)}))[0] == 200


async def test_file_names_are_made_plain(raw: Raw, path: str) -> None:
    names = {"my cat.png": PNG, "../../etc/passwd": b"x", "猫.png": PNG}
    _, told = await raw.ask("POST", path, files=names)
    assert [one["filename"] for one in told["attachments"]] == ["my_cat.png", "passwd", "unknown.png"]


async def test_edit_keeps_the_files_that_it_names(raw: Raw, path: str) -> None:
    _, told = await raw.ask("POST", path, files={"a.png": PNG, "b.png": PNG})
    kept = told["attachments"][1]["id"]
    one = f"{path}/{told['id']}"
    _, edited = await raw.ask("PATCH", one, {"attachments": [{"id": kept, "description": "a cat"}]})
    assert [(file["id"], file["description"]) for file in edited["attachments"]] == [(kept, "a cat")]
    assert (await raw.ask("PATCH", one, {"attachments": []})) == (
        400,
        {"message": "Cannot send an empty message", "code": 50006},
    )
    _, same = await raw.ask("GET", one)
    assert [file["id"] for file in same["attachments"]] == [kept]


async def test_message_of_components_stays_one(raw: Raw, path: str) -> None:
    _, told = await raw.ask("POST", path, {"flags": VERSION_TWO, "components": [words("x")]})
    where, why = await raw.fault("PATCH", f"{path}/{told['id']}", {"content": "plain"})
    assert (where, why) == ("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2")


async def test_plain_message_becomes_components_without_its_content(raw: Raw, path: str) -> None:
    _, told = await raw.ask("POST", path, {"content": "x"})
    body = {"flags": VERSION_TWO, "components": [words("y")]}
    assert (await raw.fault("PATCH", f"{path}/{told['id']}", body))[0] == "content"
    status, edited = await raw.ask("PATCH", f"{path}/{told['id']}", body | {"content": None})
    assert (status, edited["content"], edited["components"][0]["content"]) == (200, "", "y")


async def test_mentions_ping_only_whom_the_bot_allows(raw: Raw, place: Place, path: str) -> None:
    content = f"@everyone <@{place.mia.id}> <@{place.noah.id}>"
    _, open_ = await raw.ask("POST", path, {"content": content})
    assert [one["username"] for one in open_["mentions"]] == ["mia", "noah"]
    assert not open_["mention_everyone"]
    _, closed = await raw.ask("POST", path, {"content": content, "allowed_mentions": {"parse": []}})
    assert closed["mentions"] == []
    only = {"parse": [], "users": [str(place.noah.id)]}
    _, one = await raw.ask("POST", path, {"content": content, "allowed_mentions": only})
    assert [user["username"] for user in one["mentions"]] == ["noah"]


async def test_history_is_paged(raw: Raw, mia: Person, place: Place, path: str) -> None:
    ids = [str(mia.send(place.channel, str(number)).id) for number in range(5)]

    async def page(query: str) -> list[str]:
        return [one["id"] for one in (await raw.ask("GET", f"{path}?{query}"))[1]]

    assert await page("limit=2") == [ids[4], ids[3]]
    assert await page(f"before={ids[2]}") == [ids[1], ids[0]]
    assert await page(f"after={ids[1]}&limit=2") == [ids[3], ids[2]]
    assert await page(f"around={ids[2]}&limit=3") == [ids[3], ids[2], ids[1]]
    assert (await raw.ask("GET", f"{path}?limit=101"))[0] == 400


async def test_what_others_wrote_is_closed_without_the_intent(
    raw: Raw, mia: Person, place: Place, path: str
) -> None:
    message = mia.send(place.channel, "secret")
    _, told = await raw.ask("GET", f"{path}/{message.id}")
    assert told["content"] == ""


async def test_bulk_delete_takes_two_to_a_hundred_young_messages(
    raw: Raw, loopback: LoopbackDiscord, mia: Person, place: Place, path: str
) -> None:
    everyone = place.guild.roles[place.guild.id]
    loopback.scenery.set_permissions(place.guild, everyone, everyone.permissions | 1 << 13)
    ids = [str(mia.send(place.channel, str(number)).id) for number in range(3)]
    assert (await raw.ask("POST", f"{path}/bulk-delete", {"messages": ids[:1]}))[1]["code"] == 50016
    assert (await raw.ask("POST", f"{path}/bulk-delete", {"messages": ids[:2]}))[0] == 204
    assert [str(message.id) for message in loopback.messages(place.channel)] == ids[2:]
    loopback.clock.advance(15 * 24 * 3600)
    assert (await raw.ask("POST", f"{path}/bulk-delete", {"messages": [ids[2], ids[1]]}))[1]["code"] == 50034


async def test_null_takes_away_what_a_message_had(raw: Raw, path: str) -> None:
    body = {"content": "x", "embeds": [{"title": "t"}], "components": [row(button())]}
    _, told = await raw.ask("POST", path, body)
    one = f"{path}/{told['id']}"
    _, edited = await raw.ask("PATCH", one, {"embeds": None, "components": None})
    assert (edited["content"], edited["embeds"], edited["components"]) == ("x", [], [])
