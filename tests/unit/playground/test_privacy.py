import asyncio
import json
from typing import Any

import aiohttp

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.message_rules import EPHEMERAL
from bot.loopback.messages import Draft, create_message, delete_message, edit_message
from bot.loopback.models import Channel, Command, Message, User
from bot.loopback.permissions import READ_MESSAGE_HISTORY, VIEW_CHANNEL

from .conftest import Visitor

WORDS = "the-secret-words"


def whisper(discord: LoopbackDiscord, channel: Channel, user: User, text: str = WORDS) -> Message:
    draft = Draft(author_id=discord.bot.id, body={"content": text}, ephemeral_to=user.id, by_webhook=True)
    return create_message(discord.world, channel, draft)


async def heard(
    socket: aiohttp.ClientWebSocketResponse, discord: LoopbackDiscord, channel: Channel
) -> list[Any]:
    """Return everything that a page was told until a last word in a channel that it sees."""
    create_message(discord.world, channel, Draft(author_id=discord.bot.id, body={"content": "last word"}))
    told: list[Any] = []
    async with asyncio.timeout(20):
        while True:
            one = await socket.receive_json()
            if one.get("message", {}).get("content") == "last word":
                return told
            told.append(one)


async def test_hidden_answer_reaches_its_user_alone(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    mia, noah = await visitor.listen(scene.mia), await visitor.listen(scene.noah)
    message = whisper(discord, scene.general, scene.mia)
    edit_message(discord.world, message, {"content": WORDS + "!"})
    assert [one["content"] for one in await visitor.messages(scene.mia, scene.general)] == [WORDS + "!"]
    assert await visitor.messages(scene.noah, scene.general) == []
    delete_message(discord.world, message)
    to_mia = await heard(mia, discord, scene.general)
    assert [one["event"] for one in to_mia] == ["message", "message", "gone"]
    assert await heard(noah, discord, scene.general) == []


async def test_public_answer_does_not_show_the_hidden_one_before_it(
    visitor: Visitor, discord: LoopbackDiscord
) -> None:
    scene = visitor.scene
    mia, noah = await visitor.listen(scene.mia), await visitor.listen(scene.noah)
    hidden = whisper(discord, scene.general, scene.mia)
    draft = Draft(author_id=discord.bot.id, body={"content": "public"}, by_webhook=True, reply_to=hidden.id)
    create_message(discord.world, scene.general, draft)
    (_, to_mia), (to_noah,) = (
        await heard(mia, discord, scene.general),
        await heard(noah, discord, scene.general),
    )
    assert to_mia["message"]["referenced_message"]["content"] == WORDS
    assert to_noah["message"]["referenced_message"] is None
    assert WORDS not in json.dumps([to_noah, await visitor.messages(scene.noah, scene.general)])


async def test_hidden_message_can_be_neither_touched_nor_named_by_others(
    visitor: Visitor, discord: LoopbackDiscord
) -> None:
    scene = visitor.scene
    hidden = whisper(discord, scene.general, scene.mia)
    here = f"channels/{scene.general.id}"
    for user, rest, body in (
        (scene.noah, f"{here}/messages/{hidden.id}/click", {"custom_id": "x"}),
        (scene.noah, f"{here}/messages/{hidden.id}/choose", {"custom_id": "x", "values": []}),
        (scene.noah, f"{here}/menu", {"name": "Details", "kind": "message", "target": str(hidden.id)}),
    ):
        status, told = await visitor.act(user, rest, body)
        assert (status, WORDS in json.dumps(told)) == (404, False)
    assert await visitor.remove(scene.noah, f"{here}/messages/{hidden.id}") == 404


async def test_direct_messages_are_between_two(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    direct = discord.scenery.direct_messages(scene.mia)
    noah = await visitor.listen(scene.noah)
    discord.as_user(scene.mia).send(direct, WORDS)
    assert await heard(noah, discord, scene.general) == []
    assert (await visitor.look(scene.noah, f"channels/{direct.id}/messages"))[0] == 404
    assert (await visitor.act(scene.noah, f"channels/{direct.id}/messages", {"content": "hm"}))[0] == 404
    _, home = await visitor.look(scene.noah, "home")
    assert str(direct.id) not in json.dumps(home)
    assert len(await visitor.messages(scene.mia, direct)) == 1


async def test_closed_channel_is_as_if_it_were_not_there(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    everyone = scene.guild.roles[scene.guild.id]
    closed = discord.scenery.add_channel(scene.guild, "board", topic=WORDS)
    discord.scenery.overwrite(closed, everyone, deny=VIEW_CHANNEL)
    noah = await visitor.listen(scene.noah)
    discord.as_user(scene.mia).send(closed, WORDS)
    assert await heard(noah, discord, scene.general) == []
    missing = await visitor.look(scene.noah, "channels/123/messages")
    assert await visitor.look(scene.noah, f"channels/{closed.id}/messages") == missing
    assert WORDS not in json.dumps(await visitor.look(scene.noah, "home"))
    assert len(await visitor.messages(scene.mia, closed)) == 1


async def test_channel_that_is_closed_meanwhile_falls_silent_without_a_word_of_it(
    visitor: Visitor, discord: LoopbackDiscord
) -> None:
    scene = visitor.scene
    noah = await visitor.listen(scene.noah)
    scene.gallery.topic = WORDS
    discord.scenery.overwrite(scene.gallery, scene.noah, deny=VIEW_CHANNEL)
    discord.as_user(scene.mia).send(scene.gallery, WORDS)
    assert await heard(noah, discord, scene.general) == [{"event": "places"}]


async def test_what_is_for_adults_is_kept_from_others(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    lin = await visitor.listen(scene.lin)
    discord.as_user(scene.mia).send(scene.night, WORDS)
    assert await heard(lin, discord, scene.general) == []
    assert (await visitor.look(scene.lin, f"channels/{scene.night.id}/messages"))[0] == 404
    assert "after-dark" not in json.dumps(await visitor.look(scene.lin, "home"))
    assert len(await visitor.messages(scene.noah, scene.night)) == 1


async def test_private_thread_is_for_its_members(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    thread = discord.scenery.add_thread(scene.general, "plans", scene.noah, private=True)
    lin = await visitor.listen(scene.lin)
    discord.as_user(scene.noah).send(thread, WORDS)
    assert await heard(lin, discord, scene.general) == []
    assert (await visitor.look(scene.lin, f"channels/{thread.id}/messages"))[0] == 404
    assert len(await visitor.messages(scene.noah, thread)) == 1
    assert len(await visitor.messages(scene.mia, thread)) == 1  # who runs the server sees every thread


async def test_history_is_for_those_who_may_read_it(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    discord.as_user(scene.mia).send(scene.general, WORDS)
    discord.scenery.overwrite(scene.general, scene.noah, deny=READ_MESSAGE_HISTORY)
    assert await visitor.messages(scene.noah, scene.general) == []


async def test_people_of_other_servers_cannot_be_looked_up(
    visitor: Visitor, discord: LoopbackDiscord
) -> None:
    scene = visitor.scene
    stranger = discord.scenery.add_user("stranger")
    other = discord.scenery.add_guild("Elsewhere", owner=stranger)
    place = discord.scenery.add_channel(other, WORDS)
    noah = await visitor.listen(scene.noah)
    discord.as_user(stranger).send(place, WORDS)
    assert await heard(noah, discord, scene.general) == []
    assert (await visitor.act(scene.noah, "direct", {"user": str(stranger.id)}))[0] == 404
    home = json.dumps(await visitor.look(scene.noah, "home"))
    assert "Elsewhere" not in home
    assert "stranger" not in home


async def test_progress_of_a_command_is_told_to_its_user_alone(
    visitor: Visitor, discord: LoopbackDiscord
) -> None:
    scene = visitor.scene
    body = {"name": "hello", "description": "Say it.", "type": 1}
    register(discord, body)
    mia, noah = await visitor.listen(scene.mia), await visitor.listen(scene.noah)
    status, told = await visitor.act(scene.mia, f"channels/{scene.general.id}/slash", {"name": "hello"})
    assert status == 200
    (progress,) = await heard(mia, discord, scene.general)
    assert (progress["event"], progress["id"], progress["progress"]) == (
        "interaction",
        told["interaction"],
        "waiting",
    )
    assert "token" not in json.dumps(progress)
    assert await heard(noah, discord, scene.general) == []
    path = f"interactions/{told['interaction']}/submit"
    assert (await visitor.act(scene.noah, path, {"values": {}}))[0] == 404


def register(discord: LoopbackDiscord, body: dict[str, Any]) -> None:
    """Give the bot a command without a bot that asks for it."""
    command = Command(id=discord.world.ids.next(), version=1, guild_id=None, body=body)
    discord.world.commands.setdefault(None, {})[command.id] = command


async def test_bot_cannot_be_impersonated(visitor: Visitor, discord: LoopbackDiscord) -> None:
    assert (await visitor.look(discord.bot, "home"))[0] == 404
    _, told = await visitor.look(visitor.scene.mia, "home")
    assert discord.token not in json.dumps(told)


async def test_nonces_stay_with_their_authors(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    mia = await visitor.listen(scene.mia)
    draft = Draft(author_id=discord.bot.id, body={"content": "x", "nonce": WORDS, "enforce_nonce": True})
    create_message(discord.world, scene.general, draft)
    (told,) = await heard(mia, discord, scene.general)
    assert "nonce" not in told["message"]
    assert not told["message"]["flags"] & EPHEMERAL
