"""Everywhere that the bot can be used, and everywhere that it may not."""

from bot.loopback.permissions import MANAGE_GUILD
from bot.loopback.person import Person

from .house import Studio, eventually, gallery, labels, text

DRAWING = {"character": "Nova", "prompt": "smiling"}


def admin(place: Studio) -> Person:
    """Return somebody who manages the server."""
    person = place.add_person("ada", place.guild)
    role = place.loopback.scenery.add_role(place.guild, "admins", MANAGE_GUILD)
    place.loopback.scenery.give_role(place.guild, person.user.id, role)
    return person


async def rule(place: Studio, ada: Person, name: str, **options: object) -> str:
    reply = await ada.slash(place.channel, f"settings {name}", options).reply()
    assert reply.ephemeral_to == ada.user.id
    return reply.content


async def test_direct_messages_have_everything_but_servers(place: Studio) -> None:
    channel = place.loopback.scenery.direct_messages(place.mia.user)
    card = await place.made(place.mia, channel=channel)
    assert "Share character" not in labels(card)
    drawn = await place.card(place.mia.slash(channel, "imagine", DRAWING), "### Nova\n")
    await place.card(place.mia.click(drawn, label="Again"), "### Nova\n")
    await place.refused(place.mia.slash(channel, "character share", {"name": "Nova"}), "only in a server")


async def test_threads_are_places_too(place: Studio) -> None:
    thread = place.loopback.scenery.add_thread(place.channel, "sketches", place.mia.user)
    await place.made(place.mia, channel=thread)
    await place.card(place.mia.slash(thread, "imagine", DRAWING), "### Nova\n")


async def test_user_takes_the_app_along(place: Studio) -> None:
    scenery = place.loopback.scenery
    abroad = scenery.add_guild("Elsewhere", with_bot=False)
    scenery.join(abroad, place.mia.user)
    hall = scenery.add_channel(abroad, "hall")
    friends = scenery.private_channel(place.mia.user, place.noah.user)
    scenery.install(place.mia.user)
    await place.made(place.mia, channel=hall)
    for channel in (hall, friends):
        card = await place.card(place.mia.slash(channel, "imagine", DRAWING), "### Nova\n")
        assert "Share character" not in labels(card)
    await place.refused(place.mia.slash(hall, "character share", {"name": "Nova"}), "only in a server")


async def test_closed_channel_and_missing_role_are_told(place: Studio) -> None:
    ada = admin(place)
    await place.made(place.mia)
    studio = place.loopback.scenery.add_channel(place.guild, "studio")
    assert f"<#{studio.id}>" in await rule(place, ada, "channel", channel=studio, open=True)
    await place.refused(place.mia.slash(place.channel, "imagine", DRAWING), "not open in this channel")
    await place.card(place.mia.slash(studio, "imagine", DRAWING), "### Nova\n")
    assert "channels: all" in await rule(place, ada, "channel", channel=studio, open=False)
    artists = place.loopback.scenery.add_role(place.guild, "artists")
    await rule(place, ada, "role", role=artists)
    await place.refused(place.mia.slash(place.channel, "imagine", DRAWING), "need the role")
    place.loopback.scenery.give_role(place.guild, place.mia.user.id, artists)
    await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "### Nova\n")
    assert "asked for: none" in await rule(place, ada, "reset")


async def test_member_has_so_many_requests_at_once(place: Studio) -> None:
    await place.made(place.mia)
    await rule(place, admin(place), "limit", requests=1)
    place.engine.at_once = False
    await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "Begun")
    await place.refused(place.mia.slash(place.channel, "imagine", DRAWING), "unfinished requests")
    await rule(place, admin(place), "limit")


async def test_server_covers_pictures_outside_of_age_restricted_channels(place: Studio) -> None:
    assert "always" in await rule(place, admin(place), "spoilers", always=True)
    await place.made(place.mia)
    card = await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "### Nova\n")
    assert gallery(card)[0]["spoiler"]
    await place.refused(place.mia.click(card, label="Uncover"), "stay covered")
    adults = place.loopback.scenery.add_channel(place.guild, "adults", nsfw=True)
    open_card = await place.card(place.mia.slash(adults, "imagine", DRAWING), "### Nova\n")
    assert not gallery(open_card)[0].get("spoiler")


async def test_rules_are_for_those_who_manage_the_server(place: Studio) -> None:
    assert not any(command.name == "settings" for command in place.mia.commands(place.channel))
    assert any(command.name == "settings" for command in admin(place).commands(place.channel))


async def test_queue_tells_what_is_under_way(place: Studio) -> None:
    await place.made(place.mia)
    place.engine.at_once = False
    await place.card(place.mia.slash(place.channel, "imagine", DRAWING), "Begun")
    words = text(await place.mia.slash(place.channel, "queue").reply())
    assert "1 in work" in words
    assert "**Nova**, smiling: in work" in words
    assert "no unfinished request" in text(await place.noah.slash(place.channel, "queue").reply())


async def test_cancel_ends_the_newest_or_the_one_that_is_named(place: Studio) -> None:
    await place.made(place.mia)
    place.engine.at_once = False
    cards = []
    for prompt in ("smiling", "crying", "angry"):
        asked = place.mia.slash(place.channel, "imagine", {"character": "Nova", "prompt": prompt})
        cards.append(await place.card(asked, "Begun"))
    offered = await place.mia.autocomplete(place.channel, "cancel", "request", "cry").choices()
    assert len(offered) == 1
    reply = await place.mia.slash(place.channel, "cancel", {"request": offered[0]["value"]}).reply()
    assert "crying" in text(reply)
    assert "angry" in text(await place.mia.slash(place.channel, "cancel").reply())
    await eventually(lambda: ["Cancelled." in text(card) for card in cards] == [False, True, True])
    await place.refused(place.noah.slash(place.channel, "cancel"), "no unfinished request")
    await place.refused(place.noah.slash(place.channel, "cancel", {"request": "2"}), "Only its owner")
    await place.refused(place.mia.slash(place.channel, "cancel", {"request": "x"}), "cannot be")
    await place.refused(place.mia.slash(place.channel, "cancel", {"request": "999"}), "no job 999")


async def test_help_names_every_command(place: Studio) -> None:
    words = (await place.mia.slash(place.channel, "help").reply()).content
    offered = [one.name for one in place.mia.commands(place.channel) if one.kind == 1]
    assert all(f"**/{name}**" in words for name in offered)


async def test_about_tells_what_runs(place: Studio) -> None:
    words = (await place.mia.slash(place.channel, "about").reply()).content
    assert "Model: tiny on cpu" in words


async def test_commands_are_told_once(place: Studio) -> None:
    def told() -> int:
        return sum(one.method == "PUT" for one in place.loopback.exchanges)

    assert told() == 1
    await place.restart()
    assert told() == 1
