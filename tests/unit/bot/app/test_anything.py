"""Whatever is typed: a sentence for whoever typed it, no traceback, nothing half stored."""

import os
from pathlib import Path

import discord
import pytest

from bot.loopback.config import LoopbackConfig
from bot.loopback.options import LocalFile

from .house import Studio, eventually, studio, text

TEXTS = (
    "🦊 smiling",
    "\u202eegnarts",
    "'; DROP TABLE jobs; --",
    "../../etc/passwd",
    "@everyone @here",
    "```\nx\n```",
    "# heading\n> quote",
    "a" * 1000,
    "e\u0301" * 400,
    "||spoiler||",
    "<t:0:R>",
    "[a](https://example.org)",
    "a\tb\nc",
)


@pytest.mark.parametrize("words", TEXTS)
async def test_any_prompt_is_drawn_or_refused(
    place: Studio, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    await place.made(place.mia)
    asked = place.mia.slash(place.channel, "imagine", {"character": "Nova", "prompt": words})

    def is_answered() -> bool:
        every = [*asked.follow_ups, *([asked.message] if asked.message else [])]
        return any("### Nova\n" in text(one) or one.ephemeral_to for one in every)

    await eventually(is_answered)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_button_of_an_unknown_kind_is_told(place: Studio) -> None:
    view = discord.ui.LayoutView()
    button = discord.ui.Button[discord.ui.LayoutView](label="Old", custom_id="job:1:nothing")
    view.add_item(discord.ui.ActionRow(button))
    channel = place.bot.client.get_partial_messageable(place.channel.id)
    sent = await channel.send(view=view)
    message = place.loopback.world.messages[place.channel.id][sent.id]
    await place.refused(place.mia.click(message, label="Old"), "older version")


@pytest.mark.parametrize("verb", ["again", "vary", "details", "spoiler", "share", "delete", "cancel", "edit"])
async def test_button_of_a_row_that_is_gone_is_told(place: Studio, verb: str) -> None:
    view = discord.ui.LayoutView()
    button = discord.ui.Button[discord.ui.LayoutView](label="Old", custom_id=f"job:999:{verb}")
    view.add_item(discord.ui.ActionRow(button))
    sent = await place.bot.client.get_partial_messageable(place.channel.id).send(view=view)
    message = place.loopback.world.messages[place.channel.id][sent.id]
    await place.refused(place.mia.click(message, label="Old"), "no job 999")


async def test_small_upload_limit_is_kept_to(tmp_path: Path) -> None:
    config = LoopbackConfig(rate_limits=False, upload_limit_bytes=400)
    async with studio(tmp_path, config=config) as place:
        await place.open()
        card = await place.made(place.mia, description="red hair, " + "and a very long coat, " * 20)
        assert all(len(one.data) <= 400 for one in card.attachments)


@pytest.mark.skipif(
    "DISCORD_OPENAPI" not in os.environ, reason="needs DISCORD_OPENAPI: Discord's own OpenAPI"
)
async def test_what_the_bot_sends_is_what_discord_describes(place: Studio) -> None:
    from ...loopback.openapi import faults  # noqa: PLC0415, TID252

    card = await place.made(place.mia)
    await place.mia.slash(place.channel, "character share", {"name": "Nova"}).reply()
    drawing = {"character": "Nova", "prompt": "smiling", "count": 2, "spoiler": True}
    drawn = await place.card(place.mia.slash(place.channel, "imagine", drawing), "### Nova\n")
    await place.mia.click(drawn, label="Edit prompt").dialog()
    await place.mia.click(card, label="Details").reply()
    for command in ("roster", "queue", "recent", "help", "about", "privacy export", "privacy delete"):
        await place.mia.slash(place.channel, command).reply()
    await place.mia.autocomplete(place.channel, "imagine", "character", "n").choices()
    data = {"file": LocalFile("a.character", b"x")}
    await place.refused(place.mia.slash(place.channel, "character import", data), "The file")
    path = Path(os.environ["DISCORD_OPENAPI"])
    bodies = [one for one in place.loopback.exchanges if one.body]
    assert [fault for one in bodies for fault in faults(path, one)] == []
