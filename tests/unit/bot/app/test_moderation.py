"""What may be asked for and shown: refused with a sentence, withheld with a reason, and noted."""

import io
import json
import zipfile

import pytest
from PIL import Image

from bot.loopback.options import LocalFile
from bot.loopback.people import NotOfferedError
from bot.uploads import WITHHELD_TILE
from synid_engine.serving.messages import JobState
from synid_engine.serving.reports import Previewed

from .house import Studio, eventually, gallery, labels, text
from .test_places import DRAWING, admin, rule


async def test_refused_prompt_is_told_and_noted(place: Studio) -> None:
    ada = admin(place)
    await place.made(place.mia)
    asked = place.mia.slash(place.channel, "imagine", DRAWING | {"prompt": "n.u.d.e on a beach"})
    await place.refused(asked, "nothing sexual is drawn")
    assert len(await place.bot.opened.stores.jobs.of_owner(place.mia.user.id, limit=9)) == 1
    log = await rule(place, ada, "log")
    assert f"<@{place.mia.user.id}>: sexual: n.u.d.e" in log.replace("\\", "")


async def test_prompt_and_description_are_read_together(place: Studio) -> None:
    await place.made(place.mia, description="a little girl with red hair")
    asked = place.mia.slash(place.channel, "imagine", DRAWING | {"prompt": "in a bikini"})
    await place.refused(asked, "of minors")
    await place.made(place.noah, description="a woman with red hair")
    drawn = place.noah.slash(place.channel, "imagine", DRAWING | {"prompt": "in a bikini"})
    await place.card(drawn, "### Nova\n")


async def test_edited_prompt_is_read_too(place: Studio) -> None:
    await place.made(place.mia)
    card = await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "### Nova\n")
    form = place.mia.click(card, label="Edit prompt")
    await form.dialog()
    await place.refused(place.mia.submit(form, {"prompt": "naked", "seed": ""}), "nothing sexual")


async def test_flagged_pictures_are_withheld_with_a_reason_and_noted(place: Studio) -> None:
    ada = admin(place)
    await place.made(place.mia)
    place.engine.nsfw = 0.93
    card = await place.card(place.mia.slash(place.channel, "imagine", DRAWING | {"count": 2}), "Withheld: 2")
    await place.until(JobState.DELIVERED)
    assert gallery(card) == []
    assert card.attachments == []
    assert "do not fit" not in text(card)
    await place.refused(place.mia.click(card, label="Spoiler"), "withheld")
    assert (await rule(place, ada, "log")).count("a picture, sexual (0.93)") == 2


async def test_picture_that_nobody_has_judged_is_withheld(place: Studio) -> None:
    await place.made(place.mia)
    place.engine.nsfw = None
    card = await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "Withheld: 1")
    assert gallery(card) == []


async def test_flagged_portrait_shows_nowhere(place: Studio) -> None:
    place.engine.nsfw = 0.95
    card = await place.made(place.mia)
    assert gallery(card) == []
    await place.mia.slash(place.channel, "character share", {"name": "Nova"}).reply()
    for command in ("character show", "roster"):
        options = {"name": "Nova"} if command == "character show" else {}
        shown = await place.noah.slash(place.channel, command, options).reply()
        assert "Nova" in text(shown)
        assert shown.attachments == []
    await place.refused(place.mia.slash(place.channel, "character export", {"name": "Nova"}), "withheld")


async def test_flagged_preview_is_a_grey_tile(closed: Studio) -> None:
    await closed.open()
    await closed.made(closed.mia)
    closed.engine.at_once = False
    card = await closed.card(closed.mia.slash(closed.channel, "imagine", DRAWING), "### Nova: smiling")
    job = await closed.job()
    lease = (await closed.engine.order_of(job.id)).lease
    bad = closed.engine.keep("a bad preview")
    closed.engine.say(Previewed(lease=lease, index=0, image=bad, nsfw=0.9))
    await eventually(lambda: card.attachments)
    assert card.attachments[0].data == WITHHELD_TILE
    good = closed.engine.keep("a good preview")
    closed.engine.say(Previewed(lease=lease, index=0, image=good, nsfw=0.1))
    await eventually(lambda: card.attachments and card.attachments[0].data != WITHHELD_TILE)


async def test_flagged_choices_are_grey_tiles_that_can_still_be_chosen(place: Studio) -> None:
    place.engine.nsfw = 0.9
    options = {"name": "Nova", "description": "red hair"}
    card = await place.card(place.mia.slash(place.channel, "character create", options), "Which one")
    assert [one.data for one in card.attachments] == [WITHHELD_TILE] * 4
    assert "4" in labels(card)


async def test_import_is_judged_by_the_engine_and_read_by_the_policy(place: Studio) -> None:
    await place.made(place.mia)
    reply = await place.mia.slash(place.channel, "character export", {"name": "Nova"}).reply()
    [file] = reply.attachments
    options = {"file": LocalFile("nova.character", file.data)}
    place.engine.nsfw = 0.9
    await place.refused(place.noah.slash(place.channel, "character import", options), "withheld")
    place.engine.nsfw = None
    await place.refused(place.noah.slash(place.channel, "character import", options), "withheld")
    place.engine.nsfw = 0.1
    named = options | {"name": "Naked"}
    await place.refused(place.noah.slash(place.channel, "character import", named), "nothing sexual")
    assert await place.bot.opened.stores.characters.of_owner(place.noah.user.id) == []
    card = await place.noah.slash(place.channel, "character import", options).reply()
    assert len(gallery(card)) == 1
    leftover = [one for one in place.engine.spool.glob("*.png") if one.stat().st_size == 0]
    assert leftover == []


async def test_engine_that_dies_while_it_judges_is_told(place: Studio) -> None:
    await place.made(place.mia)
    reply = await place.mia.slash(place.channel, "character export", {"name": "Nova"}).reply()
    place.engine.is_stuck = True
    options = {"file": LocalFile("nova.character", reply.attachments[0].data)}
    asked = place.noah.slash(place.channel, "character import", options)
    await eventually(lambda: "Judge" in {type(one).__name__ for one in place.engine.orders})
    place.engine.die()
    await place.refused(asked, "engine is not running")


async def test_log_is_part_of_a_persons_data(place: Studio) -> None:
    await place.made(place.mia)
    place.engine.nsfw = 0.93
    await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "Withheld: 1")
    await place.until(JobState.DELIVERED)
    reply = await place.mia.slash(place.channel, "privacy export").reply()
    with zipfile.ZipFile(io.BytesIO(reply.attachments[0].data)) as archive:
        rows = json.loads(archive.read("data.json"))
        pictures = [one for one in archive.namelist() if one.endswith(".png")]
        for one in pictures:
            Image.open(io.BytesIO(archive.read(one))).verify()
    [entry] = rows["moderation"]
    assert (entry["reason"], entry["score"]) == ("sexual", 0.93)
    assert pictures != []
    assert f"pictures/{entry['detail']}.png" not in pictures
    await place.bot.service.privacy.delete(place.mia.user.id)
    assert await place.bot.service.gate.noted(place.guild.id, limit=9) == []


async def test_admins_alone_read_the_log(place: Studio) -> None:
    with pytest.raises(NotOfferedError):
        place.mia.slash(place.channel, "settings log", {})


async def test_log_of_one_server_shows_in_no_other(place: Studio) -> None:
    ada = admin(place)
    other = place.loopback.scenery.add_guild("Elsewhere")
    place.loopback.scenery.join(other, place.noah.user)
    hall = place.loopback.scenery.add_channel(other, "hall")
    asked = place.noah.slash(hall, "character create", {"name": "Vega", "description": "a naked man"})
    await place.refused(asked, "nothing sexual")
    assert "Nothing has been refused" in await rule(place, ada, "log")
