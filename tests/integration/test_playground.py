"""`synid playground` as a person runs it: a process of its own, no terminal, no display."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_DISPLAY = {key: value for key, value in os.environ.items() if "DISPLAY" not in key}


@contextmanager
def playground(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "playground", *arguments],
        cwd=ROOT,
        env=WITHOUT_DISPLAY | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_with(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(process.stderr.read() if process.stderr else words)


def engine_of(process: subprocess.Popen[str]) -> Path:
    """Return the place in /proc of the engine that a playground has started."""
    line_with(process, "loading")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (engine,) = (Path("/proc") / child for child in children if _is_engine(Path("/proc") / child))
    return engine


def _is_engine(place: Path) -> bool:
    return b"engine_process" in (place / "cmdline").read_bytes()


@pytest.mark.timeout(120)
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at the processes in /proc")
def test_playground_opens_refuses_a_second_one_and_ends_with_its_engine(tmp_path: Path) -> None:
    data = str(tmp_path / "a folder")
    with playground("--data", data) as process:
        link = line_with(process, "the playground is at").split()[-1]
        with urllib.request.urlopen(link) as answer:  # noqa: S310  (a page of this machine)
            assert b"<title>" in answer.read()
        engine = engine_of(process)
        port = re.search(r":(\d+)/", link)
        assert port is not None
        for arguments, trouble in (
            (("--data", data), f"synid: another program (process {process.pid}) already serves "),
            (("--data", f"{data} 2", "--port", port[1]), f"synid: port {port[1]} cannot be used here: "),
        ):
            with playground(*arguments) as second:
                _, said = second.communicate(timeout=60)
                assert (second.returncode, said.count("\n")) == (2, 1), said
                assert said.startswith(trouble)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, ""), out + err
        assert re.search(r"^peak memory: engine \d\.\d+ GB, bot .* 0\.\d+ GB, together", out, re.M), out
        assert not engine.exists()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", int(port[1])))
