"""A person's data: characters as files, everything as a file, and its removal."""

import io
import json
import sqlite3
import zipfile

import pytest

from bot.loopback.models import Message
from bot.loopback.options import LocalFile
from synid_engine.serving.messages import JobState

from .house import Studio, eventually, gallery, labels, text

DRAWING = {"character": "Nova", "prompt": "smiling"}


async def exported(place: Studio, name: str = "Nova") -> bytes:
    reply = await place.mia.slash(place.channel, "character export", {"name": name}).reply()
    assert reply.ephemeral_to == place.mia.user.id
    [file] = reply.attachments
    assert file.filename.endswith(".character")
    return file.data


async def drawn(place: Studio) -> Message:
    await place.made(place.mia)
    card = await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "### Nova\n")
    await place.until(JobState.DELIVERED)
    return card


async def test_character_goes_out_and_comes_back(place: Studio) -> None:
    await place.made(place.mia)
    data = await exported(place)
    options = {"file": LocalFile("nova.character", data)}
    card = await place.noah.slash(place.channel, "character import", options).reply()
    assert "red hair" in text(card)
    assert len(gallery(card)) == 1
    await place.card(place.noah.slash(place.channel, "imagine", DRAWING), "### Nova\n")
    await place.refused(place.noah.slash(place.channel, "character import", options), "already have")
    await place.noah.slash(place.channel, "character import", options | {"name": "Vega"}).reply()
    mine, other = await place.bot.opened.stores.characters.of_owner(place.noah.user.id)
    assert (mine.name, other.name) == ("Nova", "Vega")
    assert mine.made == other.made


async def test_shared_character_is_exported_if_its_owner_lets_it(place: Studio) -> None:
    await place.made(place.mia)
    await place.mia.slash(place.channel, "character share", {"name": "Nova"}).reply()
    asked = place.noah.slash(place.channel, "character export", {"name": "Nova"})
    await place.refused(asked, "Only its owner")
    rights = {"name": "Nova", "rights": "draw and export"}
    await place.mia.slash(place.channel, "character share", rights).reply()
    reply = await place.noah.slash(place.channel, "character export", {"name": "Nova"}).reply()
    assert len(reply.attachments) == 1


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not really", b"\x89PNG", b"x" * 5000])
async def test_file_that_is_no_character_is_refused(place: Studio, data: bytes) -> None:
    await place.made(place.mia)
    options = {"file": LocalFile("../../evil.character", data)}
    await place.refused(place.noah.slash(place.channel, "character import", options), "The file")
    assert await place.bot.opened.stores.characters.of_owner(place.noah.user.id) == []


async def test_import_waits_for_the_engine(closed: Studio) -> None:
    await closed.open(ready=False)
    options = {"file": LocalFile("nova.character", b"PK\x03\x04")}
    await closed.refused(closed.mia.slash(closed.channel, "character import", options), "still starting")


async def test_export_of_everything_holds_everything_and_no_secret(place: Studio) -> None:
    await drawn(place)
    reply = await place.mia.slash(place.channel, "privacy export").reply()
    assert reply.ephemeral_to == place.mia.user.id
    with zipfile.ZipFile(io.BytesIO(reply.attachments[0].data)) as archive:
        rows = json.loads(archive.read("data.json"))
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
    assert [row["name"] for row in rows["characters"]] == ["Nova"]
    assert (len(rows["jobs"]), len(rows["images"]), len(rows["chats"])) == (2, 2, 2)
    assert len(pictures) == 2
    assert "token" not in rows["chats"][0]
    empty = await place.noah.slash(place.channel, "privacy export").reply()
    with zipfile.ZipFile(io.BytesIO(empty.attachments[0].data)) as archive:
        assert not any(json.loads(archive.read("data.json")).values())


def traces(place: Studio, user_id: int) -> list[str]:
    """Return every table and column in which a person's id still stands."""
    found: list[str] = []
    with sqlite3.connect(place.folder / "synid.sqlite3") as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f"PRAGMA table_info({table})").fetchall():
                query = f"SELECT count(*) FROM {table} WHERE {row[1]} = ?"  # noqa: S608 - our own names
                if connection.execute(query, (user_id,)).fetchone()[0]:
                    found.append(f"{table}.{row[1]}")
    connection.close()
    return found


async def test_deletion_leaves_no_trace_and_others_alone(place: Studio) -> None:
    await drawn(place)
    await place.mia.slash(place.channel, "character share", {"name": "Nova"}).reply()
    await place.card(place.noah.slash(place.channel, "imagine", DRAWING), "### Nova\n")
    await place.until(JobState.DELIVERED)
    place.engine.at_once = False
    await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "Begun")
    question = await place.mia.slash(place.channel, "privacy delete").reply()
    assert labels(question) == ["Delete all", "Keep"]
    assert traces(place, place.mia.user.id)
    place.mia.click(question, label="Delete all")
    await eventually(lambda: "Everything is deleted: 1 characters" in text(question))
    assert traces(place, place.mia.user.id) == []
    [kept] = await place.bot.opened.stores.jobs.of_owner(place.noah.user.id, limit=9)
    assert "red hair" not in kept.model_dump_json()
    pictures = await place.bot.opened.stores.images.of_job(kept.id)
    assert await place.bot.opened.stores.images.read(pictures[0].image)
    files = [path for path in (place.folder / "pictures").rglob("*.png") if path.is_file()]
    assert len(files) == 2  # Noah's picture and its small version


async def test_deletion_can_be_thought_over(place: Studio) -> None:
    await place.made(place.mia)
    question = await place.mia.slash(place.channel, "privacy delete").reply()
    place.mia.click(question, label="Keep")
    await eventually(lambda: "Nothing is deleted" in text(question))
    assert len(await place.bot.opened.stores.characters.of_owner(place.mia.user.id)) == 1
