"""`synid bot --check`, at a loopback Discord."""

from pathlib import Path

import pytest

from bot.checkup import PERMISSIONS, invite_link, look_at_discord, look_at_machine, report
from bot.cli import run
from bot.loopback.client_settings import LoopbackConnector
from bot.loopback.driver import LoopbackDiscord
from synid_engine.serving.judging import JudgeLimit, Judging


async def test_check_tells_the_servers_where_permissions_lack() -> None:
    async with LoopbackDiscord() as loopback:
        loopback.scenery.add_guild("Studio")
        poor = loopback.scenery.add_guild("Poor")
        for role in poor.roles.values():
            role.permissions = 0
        found = await look_at_discord(loopback.token, LoopbackConnector(loopback.address))
        text = report(found)
        assert f"client_id={loopback.world.bot_id}" in text
    assert "ok      token" in text
    assert "ok      server Studio" in text
    assert "MISSING server Poor: lacks View Channels" in text
    assert "Attach Files" in text
    assert "no privileged intent" in text


async def test_check_tells_a_bot_in_no_server_how_to_get_into_one() -> None:
    async with LoopbackDiscord() as loopback:
        found = await look_at_discord(loopback.token, LoopbackConnector(loopback.address))
    [servers] = [one for one in found if one.name == "servers"]
    assert not servers.is_good


async def test_check_tells_a_wrong_token_and_an_unreachable_discord() -> None:
    async with LoopbackDiscord() as loopback:
        [wrong] = await look_at_discord("not.the.token", LoopbackConnector(loopback.address))
        token, address = loopback.token, loopback.address
    [away] = await look_at_discord(token, LoopbackConnector(address))
    assert (wrong.is_good, away.is_good) == (False, False)
    assert "does not know it" in wrong.words
    assert "cannot be reached" in away.words


def test_invite_asks_for_what_is_needed_and_no_more() -> None:
    link = invite_link(7)
    assert f"permissions={PERMISSIONS.value}" in link
    assert "applications.commands" in link
    assert not PERMISSIONS.administrator
    assert not PERMISSIONS.mention_everyone


def test_check_tells_what_is_missing_on_this_machine(tmp_path: Path) -> None:
    disk, models = look_at_machine(tmp_path / "not" / "yet", tmp_path / "nothing")
    assert str(tmp_path / "not" / "yet") in disk.words
    assert not models.is_good
    assert look_at_machine(tmp_path, None)[1].is_good


def test_check_names_a_judge_that_the_model_does_not_have(tmp_path: Path) -> None:
    judging = Judging(judges=(JudgeLimit(name="safety_checker", limit=0.5),))
    models = look_at_machine(tmp_path, None, judging)[1]
    assert not models.is_good
    assert "names the judge safety_checker" in models.words


def test_check_ends_with_one_when_something_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("SYNID_DISCORD_TOKEN", raising=False)
    assert run(["bot", "--check", "--data", str(tmp_path)]) == 1
    assert "MISSING token: set SYNID_DISCORD_TOKEN" in capsys.readouterr().out
