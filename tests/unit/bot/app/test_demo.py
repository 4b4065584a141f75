"""The demo's conversation with the real bot, and an engine that paints at once."""

import re
from pathlib import Path

import pytest
from PIL import Image

from bot.chat_errors import DemoError
from bot.console import Reporter
from bot.demo import SEED, SHOTS, run_demo
from bot.words import EmbeddedWords
from synid_engine.serving.link import EngineLost, EngineStarted

from .house import PaintingEngine


def test_demo_makes_a_character_and_draws_it_eight_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Reporter() as reporter:
        result = run_demo(
            tmp_path / "a folder",
            engine=lambda folder: PaintingEngine(folder.path),
            words=EmbeddedWords(),
            reporter=reporter,
        )
    assert result.sheet == tmp_path / "a folder" / "demo.png"
    with Image.open(result.sheet) as sheet:
        assert sheet.width > sheet.height
    said = [line.split("s  ", maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()]
    assert said[0].startswith("Mia: /character create name:Nova description:a young woman")
    assert said[0].endswith(f"seed:{SEED}")
    assert any(line.startswith("Nova is ready. a young woman") for line in said)
    conversation = result.conversation.read_text("utf-8")
    assert conversation.count("<article") == 2 + len(SHOTS)
    assert re.findall(r'(?:src|href)="(?!data:)', conversation) == []
    for shot in SHOTS:
        assert f"Nova. {shot.prompt}" in said
        assert f"<p>{shot.prompt}</p>" in conversation


class FaultyEngine(PaintingEngine):
    """An engine that ends while it loads."""

    async def start(self) -> None:
        """Begin, and end."""
        self.say(EngineStarted(generation=1))
        self.say(EngineLost(generation=1, exit_code=1, reason="the weights are no weights"))


def test_engine_that_cannot_load_ends_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter() as reporter, pytest.raises(DemoError):
        run_demo(
            tmp_path / "out",
            engine=lambda folder: FaultyEngine(folder.path),
            words=EmbeddedWords(),
            reporter=reporter,
        )
    assert "engine 1 is gone: the weights are no weights" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_demo_ends_with_what_the_bot_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.demo.NAME", "a/b")
    with Reporter() as reporter, pytest.raises(DemoError, match="slashes"):
        run_demo(
            tmp_path / "out",
            engine=lambda folder: PaintingEngine(folder.path),
            words=EmbeddedWords(),
            reporter=reporter,
        )
