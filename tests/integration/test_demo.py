"""`synid demo` with small models and budgets: the whole way from the command to the page."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ..faults.kit import make_kit  # noqa: TID252  (tests are no package)

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path

from bot import cli, serve

plain = serve.engine_of
serve.engine_of = lambda folder, *, model: plain(folder, model=model, recipe=Path(sys.argv[1]))
sys.exit(cli.run(sys.argv[2:]))
"""


def start(kit_folder: Path, model: Path, out: Path) -> subprocess.Popen[str]:
    """Start the demo, with other budgets for its creation."""
    kit = make_kit(kit_folder, model=model)
    more = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "SYNID_MODELS": str(model)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(kit.recipe), "demo", "--out", str(out)],
        cwd=ROOT,
        env=os.environ | more | {"HF_HUB_OFFLINE": "1", "TMPDIR": str(kit_folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_over(folder: Path) -> list[str]:
    """Name what is there, without the mark that onnxruntime sets in every temporary folder."""
    return [one.name for one in folder.iterdir() if one.name != ".ses"]


@pytest.mark.timeout(280)
def test_demo_talks_to_the_bot_and_writes_the_sheet_and_the_conversation(
    whole_model: Path, tmp_path: Path
) -> None:
    with start(tmp_path / "kit", whole_model, tmp_path / "a folder") as process:
        out, err = process.communicate(timeout=270)
    assert (process.returncode, err) == (0, ""), out + err
    lines = out.splitlines()
    assert lines[-1] == str(tmp_path / "a folder" / "demo.png")
    assert re.search(r"peak memory: engine 0\.\d+ GB, bot .* 0\.\d+ GB, together \d\.\d+ GB$", lines[-2])
    with Image.open(lines[-1]) as page:
        assert page.width > page.height
    for words in ("Mia: /character create name:Nova", "Nova is ready", "Nova. winking"):
        assert any(words in line for line in lines), words
    conversation = (tmp_path / "a folder" / "demo.html").read_text("utf-8")
    assert conversation.count("<article") == 10
    assert len(set(re.findall(r'src="(data:image/png;base64,[^"]+)"', conversation))) >= 9
    assert not re.search(r'(src|href)="(?!data:)', conversation)
    assert left_over(tmp_path / "kit") == ["recipe.json"]


@pytest.mark.timeout(120)
def test_stopped_demo_ends_in_one_line_and_leaves_nothing(whole_model: Path, tmp_path: Path) -> None:
    with start(tmp_path / "kit", whole_model, tmp_path / "out") as process:
        assert process.stdout is not None
        assert "loading" in next(process.stdout)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (130, "synid: cancelled\n")
    assert left_over(tmp_path / "kit") == ["recipe.json"]
    assert not (tmp_path / "out").exists()


@pytest.mark.timeout(200)
def test_engine_that_cannot_load_ends_the_demo_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with start(tmp_path / "kit", tmp_path / "model", tmp_path / "out") as process:
        _, err = process.communicate(timeout=190)
    assert (process.returncode, err.count("\n")) == (2, 1), err
    assert err.startswith("synid: the demo could not be drawn: ")
