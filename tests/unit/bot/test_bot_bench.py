"""The parts of `synid bench bot` and `synid bench moderation` that need no engine process."""

import subprocess
import sys
from pathlib import Path

from bot.app import BotConfig
from bot.bot_bench import finished, load_figures
from bot.bot_load import Answered, crowd, errands, street
from bot.coordinator.parts import CoordinatorConfig
from bot.moderation_bench import moderation_figures
from bot.peak_memory import PeakMemory
from bot.words import EmbeddedWords

from .app.house import PaintingEngine


async def test_crowd_is_answered_and_nobody_is_lost(tmp_path: Path) -> None:
    config = BotConfig(coordinator=CoordinatorConfig(tick_s=0.05), edit_every_s=0.01)
    engine = PaintingEngine(tmp_path)
    async with street(tmp_path, engine, words=EmbeddedWords(), people=3, config=config) as place:
        mia = place.people[0]
        made = {"name": "Nova", "description": "red hair", "pick": "auto"}
        await finished(mia.slash(place.channel, "character create", made))
        card, _ = await finished(
            mia.slash(place.channel, "imagine", {"character": "Nova", "prompt": "smiling"})
        )
        answered = await crowd(errands(place, card, count=30), within_s=3.0)
    assert {one.kind for one in answered} == {"autocomplete", "command", "button", "form", "refusal", "menu"}
    assert len(answered) == 30
    figures = {one.name: one for one in load_figures(answered, within_s=3.0)}
    assert figures["30 interactions in 3 s: not acknowledged within 3 s"].value == 0
    assert figures["  acknowledged, never answered"].value == 0


def test_peak_is_that_of_the_program_and_not_of_whoever_started_it() -> None:
    held = bytearray(300 * 2**20)
    code = "from bot.peak_memory import PeakMemory as P; print(P.measured().own)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 2**20 < int(done.stdout) < len(held)
    assert PeakMemory.measured().own > len(held)


def test_bot_is_measured_without_the_engines_libraries() -> None:
    code = "import sys, bot.measures as m; m._bench('bot'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_lost_and_late_answers_are_counted() -> None:
    answered = [
        Answered(kind="command", acknowledged_ms=10.0, answered_ms=20.0),
        Answered(kind="command", acknowledged_ms=3500.0, answered_ms=None),
        Answered(kind="button", acknowledged_ms=None, answered_ms=None),
    ]
    figures = {one.name: one for one in load_figures(answered, within_s=60.0)}
    assert figures["3 interactions in 60 s: not acknowledged within 3 s"].value == 2
    assert figures["  acknowledged, never answered"].value == 1
    assert figures["acknowledged, p99"].holds is False


def test_share_of_harmless_pictures_withheld_is_told() -> None:
    figures = moderation_figures([0.0] * 996 + [0.6, 0.7, 0.8, 0.9])
    assert figures[0].value == 0.2
    assert figures[0].holds
    assert [one.value for one in figures[1:3]] == [0.4, 0.3]
    assert moderation_figures([0.9] * 6 + [0.0] * 994)[0].holds is False
