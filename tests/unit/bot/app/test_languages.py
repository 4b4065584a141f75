"""People are answered in the language of their client, from the command to the card that comes later."""

from .house import Studio, eventually, labels, text


async def test_person_is_answered_in_their_language(place: Studio) -> None:
    jan = place.loopback.scenery.add_user("jan", locale="de")
    place.loopback.scenery.join(place.guild, jan)
    german = place.loopback.as_user(jan)
    options = {"name": "Nova", "description": "red hair", "pick": "auto"}
    card = await place.card(german.slash(place.channel, "character create", options), "ist fertig")
    assert "Zeichnen" in labels(card)
    drawing = {"character": "Nova", "prompt": "smiling"}
    drawn = await place.card(german.slash(place.channel, "imagine", drawing), "### Nova\n")
    await eventually(lambda: "Noch einmal" in labels(drawn))
    await place.refused(
        german.slash(place.channel, "imagine", drawing | {"character": "Vega"}), "keine Figur"
    )
    asked = german.slash(place.channel, "cancel")
    await place.refused(asked, "Du hast keinen offenen Auftrag")
    other = place.mia.slash(place.channel, "imagine", drawing | {"prompt": "nude"})
    await place.refused(other, "nothing sexual is drawn here")


async def test_outcome_comes_in_the_language_of_its_asker_after_a_restart(closed: Studio) -> None:
    await closed.open(at_once=False)
    ana = closed.loopback.scenery.add_user("ana", locale="es-419")
    closed.loopback.scenery.join(closed.guild, ana)
    options = {"name": "Nova", "description": "red hair", "pick": "auto"}
    asked = closed.loopback.as_user(ana).slash(closed.channel, "character create", options)
    await closed.card(asked, "se está creando")
    await closed.restart()
    assert "Dibujar" in labels(await closed.card(asked, "está listo"))


async def test_discord_shows_the_commands_in_every_language(place: Studio) -> None:
    commands = {one.name: one.body for one in place.mia.commands(place.channel)}
    imagine = commands["imagine"]
    assert imagine["description_localizations"]["de"].startswith("Eine Figur")
    assert imagine["description_localizations"]["zh-CN"]
    assert not imagine.get("name_localizations")
    menu = commands["Draw this again"]
    assert menu["name_localizations"]["ja"] == "もう一度描く"
    [reply] = [await place.mia.slash(place.channel, "help").reply()]
    assert "### What I can do" in text(reply)


async def test_failure_is_told_in_the_language_of_its_asker(closed: Studio) -> None:
    await closed.open(at_once=False)
    jan = closed.loopback.scenery.add_user("jan", locale="de")
    closed.loopback.scenery.join(closed.guild, jan)
    options = {"name": "Nova", "description": "red hair", "pick": "auto"}
    asked = closed.loopback.as_user(jan).slash(closed.channel, "character create", options)
    await closed.card(asked, "entsteht")
    order = await closed.engine.order_of((await closed.job()).id)
    closed.engine.break_off(order, retryable=False)
    card = await closed.card(asked, "konnte nicht gezeichnet werden")
    assert "Die Figur konnte nicht gelernt werden" in text(card)
