"""`synid bot`, before there is a Discord."""

import os
import subprocess
import sys

import pytest

from bot.cli import run
from bot.settings import Settings


def test_missing_token_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SYNID_DISCORD_TOKEN", raising=False)
    assert run(["bot"]) == 2
    assert capsys.readouterr().err == (
        "synid: set SYNID_DISCORD_TOKEN to the token of your Discord application\n"
    )


def test_token_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNID_DISCORD_TOKEN", "abc.def")
    assert "abc.def" not in repr(Settings())


def test_bot_is_imported_without_the_models() -> None:
    code = "import sys, bot.app, bot.words; bot.words.EmbeddedWords(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "False"
