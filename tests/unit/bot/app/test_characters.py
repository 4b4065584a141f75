"""Characters: looked after by their owners, shared with servers, and seen by nobody else."""

import pytest

from bot.loopback.models import Message
from bot.loopback.person import Person
from bot.requests import LARGEST_CHAT_SEED
from synid_engine.serving.messages import CreateWork, JobState

from .house import Studio, eventually, gallery, labels, text


async def said(place: Studio, who: Person, command: str, **options: object) -> str:
    """Return what a command answers, only to who called it."""
    reply = await who.slash(place.channel, command, options).reply()
    assert reply.ephemeral_to == who.user.id
    return text(reply)


async def choices(place: Studio, who: Person, command: str, typed: str, option: str = "name") -> list[str]:
    offered = await who.autocomplete(place.channel, command, option, typed).choices()
    return [choice["name"] for choice in offered]


async def test_list_shows_own_characters_alone(place: Studio) -> None:
    assert "no characters yet" in await said(place, place.mia, "character list")
    await place.made(place.mia)
    assert "**Nova**: ready" in await said(place, place.mia, "character list")
    assert "Nova" not in await said(place, place.noah, "character list")


async def test_show_presents_portrait_and_words(place: Studio) -> None:
    await place.made(place.mia)
    card = await place.mia.slash(place.channel, "character show", {"name": "NOVA"}).reply()
    assert "red hair" in text(card)
    assert [one["description"] for one in gallery(card)] == ["Nova: red hair"]
    opened = place.mia.click(card, label="Draw")
    await opened.dialog()
    await place.card(place.mia.submit(opened, {"prompt": "crying"}), "### Nova\ncrying")
    await place.refused(place.noah.slash(place.channel, "character show", {"name": "Nova"}), "no character")


async def test_rename_takes_effect_everywhere(place: Studio) -> None:
    await place.made(place.mia)
    await place.made(place.mia, "Rex")
    await place.refused(
        place.mia.slash(place.channel, "character rename", {"name": "Nova", "new_name": "REX"}),
        "already have",
    )
    assert "**Vega** now" in await said(place, place.mia, "character rename", name="Nova", new_name="Vega")
    assert await choices(place, place.mia, "imagine", "", "character") == ["Vega", "Rex"]


async def test_deletion_asks_first(place: Studio) -> None:
    await place.made(place.mia)
    asked = place.mia.slash(place.channel, "character delete", {"name": "Nova"})
    question = await asked.reply()
    place.mia.click(question, label="Keep")
    await eventually(lambda: "Nothing is deleted" in text(question))
    question = await place.mia.slash(place.channel, "character delete", {"name": "Nova"}).reply()
    await place.restart()
    place.mia.click(question, label="Delete")
    await eventually(lambda: "**Nova** is deleted" in text(question))
    assert "no characters yet" in await said(place, place.mia, "character list")


async def test_revision_keeps_the_character_and_changes_its_words(place: Studio) -> None:
    await place.made(place.mia)
    options = {"name": "Nova", "description": "blue hair"}
    card = await place.card(place.mia.slash(place.channel, "character revise", options), "Which one is it?")
    place.mia.click(card, label="1")
    await eventually(lambda: "Nova is ready" in text(card))
    work = (await place.until(JobState.DELIVERED)).work
    assert isinstance(work, CreateWork)
    [nova] = await place.bot.opened.stores.characters.of_owner(place.mia.user.id)
    assert (nova.id, nova.description, nova.revision) == (work.character_id, "blue hair", 3)


async def test_shared_character_is_everyones_until_it_is_taken_back(place: Studio) -> None:
    await place.made(place.mia)
    assert await choices(place, place.noah, "imagine", "no", "character") == []
    assert "roster" in await said(place, place.mia, "character share", name="Nova")
    assert await choices(place, place.noah, "imagine", "no", "character") == ["Nova (shared)"]
    drawing = {"character": "Nova", "prompt": "smiling"}
    await place.card(place.noah.slash(place.channel, "imagine", drawing), "### Nova\n")
    for command in ("rename", "delete"):
        options = {"name": "Nova"} | ({"new_name": "Mine"} if command == "rename" else {})
        asked = place.noah.slash(place.channel, f"character {command}", options)
        await place.refused(asked, "no character called Nova")
    await place.refused(place.noah.slash(place.channel, "character unshare", {"name": "Nova"}), "Only its")
    assert "any more" in await said(place, place.mia, "character unshare", name="Nova")
    await place.refused(place.noah.slash(place.channel, "imagine", drawing), "no character called Nova")


async def test_two_characters_of_one_name_are_told_apart(place: Studio) -> None:
    await place.made(place.mia, description="red hair")
    await place.made(place.noah, description="blue hair")
    await said(place, place.mia, "character share", name="Nova")
    offered = await place.noah.autocomplete(place.channel, "imagine", "character", "nova").choices()
    assert [choice["name"] for choice in offered] == ["Nova", "Nova (shared)"]
    descriptions: list[str] = []
    for choice in offered:
        options = {"character": choice["value"], "prompt": "smiling"}
        card = await place.card(place.noah.slash(place.channel, "imagine", options), "### Nova\n")
        reply = await place.noah.click(card, label="Details").reply()
        descriptions += [line for line in reply.content.splitlines() if line.startswith("Description")]
    assert descriptions == ["Description: blue hair", "Description: red hair"]


async def test_roster_turns_its_pages_in_its_own_server(place: Studio) -> None:
    for number in range(7):
        await place.made(place.mia, f"Nova {number}")
        await said(place, place.mia, "character share", name=f"Nova {number}")
    card = await place.noah.slash(place.channel, "roster").reply()
    assert len(gallery(card)) == 5
    assert "Draw Nova 4" in labels(card)
    await place.restart()
    place.noah.click(card, label="Next")
    await eventually(lambda: len(gallery(card)) == 2)
    place.noah.click(card, label="Back")
    await eventually(lambda: len(gallery(card)) == 5)
    opened = place.noah.click(card, label="Draw Nova 3")
    await opened.dialog()
    await place.card(place.noah.submit(opened, {"prompt": "angry"}), "### Nova 3\nangry")


async def test_rosters_and_names_do_not_leak_between_servers(place: Studio) -> None:
    scenery = place.loopback.scenery
    other = scenery.add_guild("Other")
    scenery.join(other, place.mia.user, place.noah.user)
    hall = scenery.add_channel(other, "hall")
    await place.made(place.mia)
    await said(place, place.mia, "character share", name="Nova")
    assert "no characters yet" in text(await place.noah.slash(hall, "roster").reply())
    assert await place.noah.autocomplete(hall, "imagine", "character", "no").choices() == []
    for value in ("Nova", "#1"):
        asked = place.noah.slash(hall, "imagine", {"character": value, "prompt": "smiling"})
        await place.refused(asked, "no character")
    for value in ("Nova", "#1"):
        await place.refused(place.noah.slash(hall, "character show", {"name": value}), "no character")


async def test_offers_come_from_memory_while_the_engine_is_down(place: Studio) -> None:
    await place.made(place.mia)
    assert await choices(place, place.mia, "imagine", "ov", "character") == ["Nova"]
    place.engine.die()
    assert await choices(place, place.mia, "imagine", "NO", "character") == ["Nova"]
    assert await choices(place, place.mia, "imagine", "t", "style") == ["flat", "toon"]
    assert await choices(place, place.mia, "imagine", "\u202e", "character") == ["Nova"]


@pytest.mark.parametrize("name", ["../../etc", "\u202eavoN", "x" * 41, "\u200b"])
async def test_name_that_cannot_be_is_refused(place: Studio, name: str) -> None:
    options = {"name": name, "description": "red hair"}
    await place.refused(place.mia.slash(place.channel, "character create", options), "name")
    assert await place.bot.opened.stores.characters.of_owner(place.mia.user.id) == []


@pytest.mark.parametrize("seed", [0, LARGEST_CHAT_SEED])
async def test_seed_that_is_asked_for_makes_the_character(place: Studio, seed: int) -> None:
    options = {"name": "Nova", "description": "red hair", "pick": "auto", "seed": seed}
    await place.card(place.mia.slash(place.channel, "character create", options), "is ready")
    work = (await place.job()).work
    assert isinstance(work, CreateWork)
    assert work.seed == seed


async def test_characters_without_a_seed_differ(place: Studio) -> None:
    await place.made(place.mia)
    await place.made(place.mia, "Rex")
    works = [(await place.job(number)).work for number in (0, 1)]
    assert len({work.seed for work in works}) == 2


async def test_second_character_of_a_name_is_refused(place: Studio) -> None:
    first: Message = await place.made(place.mia)
    options = {"name": "nova", "description": "blue hair"}
    await place.refused(place.mia.slash(place.channel, "character create", options), "already have")
    assert place.loopback.messages(place.channel, seen_by=place.noah.user) == [first]
