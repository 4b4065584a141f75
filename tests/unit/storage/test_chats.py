"""The contract of chats, for the store in SQLite and the one in memory."""

from pathlib import Path

from storage.chats import Chat, SqliteChatStore, Told
from storage.database import open_database
from storage.jobs import SqliteJobStore
from storage.ledger import QueueLimits

from .stores import StillClock, Stores, submission


def chat(key: str = "a", *, owner: int = 1) -> Chat:
    return Chat(
        owner_id=owner,
        request_key=key,
        server_id=7,
        channel_id=8,
        reply_id=9,
        token="secret",  # noqa: S106 - of no service
        token_until=10.0,
        may_post=True,
        upload_limit=1000,
    )


async def test_chat_comes_back_as_it_was(stores: Stores) -> None:
    await stores.chats.add(chat())
    found = await stores.chats.of_request(1, "a")
    assert found is not None
    assert Chat.model_validate(found.model_dump(include=set(Chat.model_fields))) == chat()
    assert (found.told, found.attempted_at) == (None, None)
    assert "secret" not in repr(found)
    assert await stores.chats.of_request(2, "a") is None
    assert await stores.chats.of_request(1, "b") is None


async def test_second_addition_changes_nothing(stores: Stores) -> None:
    await stores.chats.add(chat())
    await stores.chats.tell(1, "a", Told.CHANNEL, channel_id=8, message_id=11)
    await stores.chats.add(chat())
    found = await stores.chats.of_request(1, "a")
    assert found is not None
    assert (found.told, found.told_channel_id, found.told_message_id) == (Told.CHANNEL, 8, 11)
    assert found.token == ""


async def test_first_attempt_is_remembered(stores: Stores, clock: StillClock) -> None:
    await stores.chats.add(chat())
    began = clock.now
    await stores.chats.attempt(1, "a")
    clock.advance(60)
    await stores.chats.attempt(1, "a")
    await stores.chats.attempt(1, "nothing")
    found = await stores.chats.of_request(1, "a")
    assert found is not None
    assert found.attempted_at == began


async def test_kept_outcomes_are_listed_newest_first_until_they_are_fetched(
    stores: Stores, clock: StillClock
) -> None:
    for key in ("a", "b", "c"):
        await stores.chats.add(chat(key))
        clock.advance(1)
        await stores.chats.tell(1, key, Told.KEPT)
    await stores.chats.add(chat("d"))
    await stores.chats.add(chat("e", owner=2))
    await stores.chats.tell(2, "e", Told.KEPT)
    assert [one.request_key for one in await stores.chats.kept(1, limit=2)] == ["c", "b"]
    await stores.chats.tell(1, "b", Told.FETCHED)
    assert [one.request_key for one in await stores.chats.kept(1, limit=9)] == ["c", "a"]


async def test_spoiler_is_changed(stores: Stores) -> None:
    await stores.chats.add(chat())
    await stores.chats.mark_spoiler(1, "a", is_spoiler=True)
    found = await stores.chats.of_request(1, "a")
    assert found is not None
    assert found.is_spoiler


async def test_chats_are_forgotten_one_by_one_and_by_owner(stores: Stores) -> None:
    for key, owner in (("a", 1), ("b", 1), ("c", 1), ("d", 2)):
        await stores.chats.add(chat(key, owner=owner))
    await stores.chats.forget(1, "a")
    assert await stores.chats.of_request(1, "a") is None
    await stores.chats.forget_owner(1)
    assert await stores.chats.of_request(1, "c") is None
    assert await stores.chats.of_request(2, "d") is not None


async def test_chat_without_a_job_is_abandoned(tmp_path: Path, clock: StillClock) -> None:
    async with open_database(tmp_path / "data") as database:
        chats = SqliteChatStore(database, clock=clock)
        await SqliteJobStore(database, clock=clock).submit(submission("a"), QueueLimits())
        for key in ("a", "b"):
            await chats.add(chat(key))
        await chats.forget_abandoned()
        assert await chats.of_request(1, "a") is not None
        assert await chats.of_request(1, "b") is None
