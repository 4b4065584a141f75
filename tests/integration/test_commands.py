"""The commands as a person runs them: own process, no terminal, the embedded model."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_interrupted_creation_ends_at_the_next_step_and_leaves_nothing(tmp_path: Path) -> None:
    with _start("create", "Nova", "red hair", "--data", str(tmp_path / "data")) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        assert "loading" in next(lines)
        assert "%" in next(lines)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        assert process.returncode == 130
        assert process.stderr is not None
        assert process.stderr.read() == "synid: cancelled\n"
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_demo_draws_its_page_within_its_memory(tmp_path: Path) -> None:
    with _start("demo", "--out", str(tmp_path / "a folder")) as process:
        out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    lines = out.splitlines()
    assert lines[-1] == str(tmp_path / "a folder" / "demo.png")
    with Image.open(lines[-1]) as page:
        page.load()
    assert float(lines[-2].split()[-2]) <= 2.5  # GB


@pytest.mark.slow
def test_character_lives_from_creation_to_import(tmp_path: Path) -> None:
    def synid(*arguments: str) -> str:
        with _start(*arguments, "--data", str(tmp_path / "data")) as process:
            out, err = process.communicate(timeout=280)
        assert process.returncode == 0, err
        return out

    made = json.loads(synid("create", "Nova", "a cyberpunk woman with red hair", "--seed", "1", "--json"))
    assert "cyberpunk" in made["not_drawn"]
    first = json.loads(synid("render", "Nova", "smiling", "--seed", "5", "-o", str(tmp_path / "1"), "--json"))
    synid("export", "Nova", str(tmp_path / "nova.character"))
    synid("delete", "Nova")
    synid("import", str(tmp_path / "nova.character"))
    again = json.loads(synid("render", "Nova", "smiling", "--seed", "5", "-o", str(tmp_path / "2"), "--json"))
    pictures = [Path(result["pictures"][0]["path"]).read_bytes() for result in (first, again)]
    assert pictures[0] == pictures[1]
