import os
from pathlib import Path

import pytest

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.person import Person

from .conftest import Place
from .openapi import VARIABLE, faults
from .puppet import Puppet


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"needs {VARIABLE}: Discord's own OpenAPI document")
async def test_what_the_client_sends_is_what_discord_describes(
    bot: Puppet, loopback: LoopbackDiscord, mia: Person, place: Place
) -> None:
    reply = await mia.slash(place.channel, "card").reply()
    pressed = mia.click(reply, "edit")
    await pressed.dialog()
    await mia.click(reply, "change").acknowledged()
    await mia.autocomplete(place.channel, "imagine", "character", "M").choices()
    await mia.slash(place.channel, "imagine", {"character": "Nova"}).reply()
    await mia.slash(place.channel, "character create", {"name": "Nova"}).follow_up()
    await mia.slash(place.channel, "whisper").reply()
    bodies = [exchange for exchange in loopback.exchanges if exchange.body]
    assert len({exchange.route for exchange in bodies}) >= 6
    found = [fault for exchange in bodies for fault in faults(Path(os.environ[VARIABLE]), exchange)]
    assert found == []
