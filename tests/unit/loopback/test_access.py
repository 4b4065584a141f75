import aiohttp
import pytest

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.models import Message
from bot.loopback.people import NotOfferedError
from bot.loopback.permissions import (
    ATTACH_FILES,
    EMBED_LINKS,
    MANAGE_MESSAGES,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS,
    VIEW_CHANNEL,
)
from bot.loopback.person import Person

from .conftest import Place
from .puppet import PNG
from .raw import Raw

WRONG = "not the token"
NO_ACCESS = (403, {"message": "Missing Access", "code": 50001})
NO_PERMISSION = (403, {"message": "Missing Permissions", "code": 50013})
NOT_REACHED = (403, {"message": "Cannot send messages to this user", "code": 50007})


@pytest.fixture
def path(place: Place) -> str:
    return f"/channels/{place.channel.id}/messages"


async def test_wrong_token_is_unauthorized(raw: Raw) -> None:
    assert await raw.ask("GET", "/users/@me", token=WRONG) == (
        401,
        {"message": "401: Unauthorized", "code": 0},
    )


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/nothing", (404, "404: Not Found")),
        ("GET", "/channels/1/nothing", (404, "404: Not Found")),
        ("PATCH", "/users/@me/channels", (405, "405: Method Not Allowed")),
        ("GET", "/guilds/1/bans", (501, "The loopback does not model this: GET /guilds/1/bans")),
        ("PUT", "/channels/1/pins/2", (501, "The loopback does not model this: PUT /channels/1/pins/2")),
    ],
)
async def test_path_that_is_not_served_says_why(
    raw: Raw, method: str, path: str, answer: tuple[int, str]
) -> None:
    status, message = answer
    assert await raw.ask(method, path) == (status, {"message": message, "code": 0})


@pytest.mark.parametrize(
    ("path", "code"),
    [("/channels/1", 10003), ("/guilds/1", 10004), ("/users/1", 10013), ("/channels/1/messages", 10003)],
)
async def test_unknown_ids_have_their_codes(raw: Raw, path: str, code: int) -> None:
    status, told = await raw.ask("GET", path)
    assert (status, told["code"]) == (404, code)


async def test_word_for_an_id_is_a_fault_of_the_form(raw: Raw) -> None:
    assert await raw.fault("GET", "/channels/general", None) == ("channel_id", "NUMBER_TYPE_COERCE")


async def test_broken_json_is_told(raw: Raw, path: str) -> None:
    url = f"{raw.loopback.address}/api/v10{path}"
    headers = {"Authorization": f"Bot {raw.loopback.token}", "Content-Type": "application/json"}
    answer = await raw.session.post(url, data="{", headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (400, 50109)
    headers["Content-Type"] = "text/plain"
    answer = await raw.session.post(url, data="{}", headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (400, 50035)


async def test_hidden_channel_is_missing_access(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str
) -> None:
    loopback.scenery.overwrite(place.channel, loopback.bot, deny=VIEW_CHANNEL)
    assert await raw.ask("POST", path, {"content": "x"}) == NO_ACCESS
    assert await raw.ask("GET", path) == NO_ACCESS


async def test_writing_takes_its_permissions(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str
) -> None:
    deny = loopback.scenery.overwrite
    deny(place.channel, loopback.bot, deny=ATTACH_FILES | EMBED_LINKS)
    assert (await raw.ask("POST", path, {"content": "x"}))[0] == 200
    assert await raw.ask("POST", path, files={"a.png": PNG}) == NO_PERMISSION
    assert await raw.ask("POST", path, {"embeds": [{"title": "x"}]}) == NO_PERMISSION
    deny(place.channel, loopback.bot, deny=SEND_MESSAGES)
    assert await raw.ask("POST", path, {"content": "x"}) == NO_PERMISSION


async def test_role_of_the_bot_opens_a_channel_that_everyone_is_kept_out_of(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str
) -> None:
    scenery, everyone = loopback.scenery, place.guild.roles[place.guild.id]
    scenery.overwrite(place.channel, everyone, deny=VIEW_CHANNEL)
    assert await raw.ask("POST", path, {"content": "x"}) == NO_ACCESS
    artist = scenery.add_role(place.guild, "artist")
    scenery.give_role(place.guild, loopback.bot.id, artist)
    scenery.overwrite(place.channel, artist, allow=VIEW_CHANNEL)
    assert (await raw.ask("POST", path, {"content": "x"}))[0] == 200


async def test_thread_takes_its_own_permission(raw: Raw, loopback: LoopbackDiscord, place: Place) -> None:
    thread = loopback.scenery.add_thread(place.channel, "deep", place.mia)
    loopback.scenery.overwrite(place.channel, loopback.bot, deny=SEND_MESSAGES_IN_THREADS)
    path = f"/channels/{thread.id}/messages"
    assert await raw.ask("POST", path, {"content": "x"}) == NO_PERMISSION
    loopback.scenery.overwrite(place.channel, loopback.bot)
    thread.archived = True
    assert (await raw.ask("POST", path, {"content": "x"}))[0] == 200
    assert not thread.archived
    thread.archived = thread.locked = True
    assert (await raw.ask("POST", path, {"content": "x"}))[1]["code"] == 50083


async def test_bot_starts_a_thread_from_a_message(raw: Raw, mia: Person, place: Place, path: str) -> None:
    message = mia.send(place.channel, "let us talk")
    status, thread = await raw.ask("POST", f"{path}/{message.id}/threads", {"name": "talk"})
    assert (status, thread["id"], thread["type"]) == (200, str(message.id), 11)
    assert (await raw.ask("POST", f"{path}/{message.id}/threads", {"name": "talk"}))[1]["code"] == 160004
    assert (await raw.ask("POST", f"/channels/{thread['id']}/messages", {"content": "hello"}))[0] == 200


async def test_history_takes_its_permission(
    raw: Raw, loopback: LoopbackDiscord, mia: Person, place: Place, path: str
) -> None:
    message = mia.send(place.channel, "x")
    loopback.scenery.overwrite(place.channel, loopback.bot, deny=READ_MESSAGE_HISTORY)
    assert await raw.ask("GET", path) == (200, [])
    assert await raw.ask("GET", f"{path}/{message.id}") == NO_PERMISSION
    reply = {"content": "x", "message_reference": {"message_id": str(message.id)}}
    assert (await raw.ask("POST", path, reply))[1]["code"] == 160002


async def test_messages_of_others_are_theirs(
    raw: Raw, loopback: LoopbackDiscord, mia: Person, place: Place, path: str
) -> None:
    message = mia.send(place.channel, "mine")
    assert (await raw.ask("PATCH", f"{path}/{message.id}", {"content": "x"}))[1]["code"] == 50005
    assert await raw.ask("DELETE", f"{path}/{message.id}") == NO_PERMISSION
    loopback.scenery.overwrite(place.channel, loopback.bot, allow=MANAGE_MESSAGES)
    assert await raw.ask("DELETE", f"{path}/{message.id}") == (204, None)


async def test_direct_messages_reach_who_wants_them(
    raw: Raw, loopback: LoopbackDiscord, place: Place
) -> None:
    async def write(user_id: int) -> tuple[int, object]:
        _, channel = await raw.ask("POST", "/users/@me/channels", {"recipient_id": str(user_id)})
        return await raw.ask("POST", f"/channels/{channel['id']}/messages", {"content": "x"})

    scenery = loopback.scenery
    stranger, closed = scenery.add_user("stranger"), scenery.add_user("closed", accepts_direct_messages=False)
    scenery.join(place.guild, closed)
    assert (await write(place.mia.id))[0] == 200
    assert await write(stranger.id) == NOT_REACHED
    assert await write(closed.id) == NOT_REACHED
    scenery.install(stranger)
    assert (await write(stranger.id))[0] == 200
    assert (await raw.ask("POST", "/users/@me/channels", {"recipient_id": str(loopback.bot.id)}))[1][
        "code"
    ] == 50033


async def test_member_and_guild_are_told(raw: Raw, place: Place) -> None:
    _, member = await raw.ask("GET", f"/guilds/{place.guild.id}/members/{place.mia.id}")
    assert member["user"]["global_name"] == "Mia"
    _, guilds = await raw.ask("GET", "/users/@me/guilds")
    assert [guild["name"] for guild in guilds] == ["Studio"]


async def test_same_nonce_is_sent_once(raw: Raw, loopback: LoopbackDiscord, place: Place, path: str) -> None:
    body = {"content": "result", "nonce": "job-7", "enforce_nonce": True}
    _, first = await raw.ask("POST", path, body)
    _, second = await raw.ask("POST", path, body)
    assert first["id"] == second["id"]
    assert first["nonce"] == "job-7"
    assert len(loopback.messages(place.channel)) == 1
    _, read = await raw.ask("GET", f"{path}/{first['id']}")
    assert "nonce" not in read


async def test_nonce_counts_when_enforced_and_for_a_while(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str
) -> None:
    body = {"content": "result", "nonce": 7}
    for _ in range(2):
        await raw.ask("POST", path, body)
    assert len(loopback.messages(place.channel)) == 2
    loopback.clock.advance(600)
    await raw.ask("POST", path, body | {"enforce_nonce": True})
    assert len(loopback.messages(place.channel)) == 3


def _link(loopback: LoopbackDiscord, message: Message) -> str:
    return loopback.payload(message)["attachments"][0]["url"]


async def test_link_to_a_file_is_signed_and_ends(
    raw: Raw, loopback: LoopbackDiscord, place: Place, path: str
) -> None:
    await raw.ask("POST", path, files={"a.png": PNG})
    (message,) = loopback.messages(place.channel)
    url = _link(loopback, message)

    async def read(address: str) -> int:
        async with raw.session.get(address) as answer:
            return answer.status

    assert await read(url) == 200
    assert await read(url.replace("ex=", "ex=f")) == 404
    assert await read(url.partition("?")[0]) == 404
    loopback.clock.advance(25 * 3600)
    assert await read(url) == 404
    assert await read(_link(loopback, message)) == 200
    assert await read(f"{loopback.address}/embed/avatars/3.png") == 200


async def test_user_writes_where_they_may(loopback: LoopbackDiscord, mia: Person, place: Place) -> None:
    loopback.scenery.overwrite(place.channel, place.mia, deny=SEND_MESSAGES)
    with pytest.raises(NotOfferedError):
        mia.send(place.channel, "x")


async def test_it_listens_on_this_machine_alone(loopback: LoopbackDiscord) -> None:
    assert loopback.address.startswith("http://127.0.0.1:")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{loopback.address}/api/v9/users/@me") as answer,
    ):
        assert answer.status == 401
