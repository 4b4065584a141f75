"""The commands around a served data folder, against a coordinator in a thread of this process."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.cli import run
from bot.control.server import ControlServer

from .coordinator.support import house


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Serve a data folder with an engine that works at once."""
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with (
            house(tmp_path / "data") as at_work,
            ControlServer(at_work.opened.coordinator, at_work.opened.desk).listening(tmp_path / "data"),
        ):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    yield tmp_path / "data"
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail with exit code 2, one line on stderr and nothing on stdout."""

    def run_mistake(*arguments: str) -> str:
        assert run(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert re.fullmatch("synid: .+\n", captured.err)
        return captured.err

    return run_mistake


def number_in(line: str) -> str:
    found = re.search(r"job (\d+)", line)
    assert found is not None
    return found[1]


def test_character_is_asked_for_chosen_and_drawn(told: Callable[..., str], data: Path) -> None:
    where = ("--data", str(data))
    job = number_in(told("submit", "create", "Nova", "red hair", "--ask", "--owner", "3", *where))
    while f"job {job} is waiting" not in (seen := told("watch", job, *where)):
        pass
    assert len(re.findall(r"^[1-4]: /.+\.png$", seen, re.MULTILINE)) == 4
    told("answer", job, "2", *where)
    told("watch", job, "--follow", *where)
    drawn = number_in(told("submit", "render", "nova", "smiling", "-n", "2", "--owner", "3", *where))
    lines = told("watch", drawn, "--follow", *where).splitlines()
    pictures = [Path(line) for line in lines if line.endswith(".png")]
    assert len(set(pictures)) == 2
    assert all(path.is_file() for path in pictures)


def test_character_is_evaluated(told: Callable[..., str], data: Path) -> None:
    where = ("--data", str(data))
    made = number_in(told("submit", "create", "Nova", "red hair", *where))
    told("watch", made, "--follow", *where)
    job = number_in(told("submit", "evaluate", "nova", *where))
    lines = told("watch", job, "--follow", *where).splitlines()
    assert lines[-1].endswith(".png") or "delivered" in lines[-1]
    [sheet] = [Path(line) for line in lines if line.endswith(".png")]
    assert sheet.is_file()
    assert "face likeness to portrait    0.91    0.88 to 0.94" in lines
    assert "picture 1: winking at the viewer, at sunset" in lines
    assert "picture 2: smiling softly, in front of mountains (missed: face, background)" in lines


def test_machines_read_json(told: Callable[..., str], data: Path) -> None:
    asked = ("submit", "create", "Nova", "red hair", "--request-key", "k", "--data", str(data), "--json")
    job = json.loads(told(*asked))
    assert json.loads(told(*asked))["id"] == job["id"]
    lines = told("watch", str(job["id"]), "--follow", "--data", str(data), "--json").splitlines()
    last = json.loads(lines[-1])
    assert (last["type"], last["job"]["state"]) == ("state", "delivered")
    assert Path(last["files"][0]).is_file()
    job = json.loads(told("submit", "evaluate", "Nova", "--data", str(data), "--json"))
    assert (job["work"]["kind"], job["work"]["descriptions"]) == ("evaluate", ["red hair"])
    lines = told("watch", str(job["id"]), "--follow", "--data", str(data), "--json").splitlines()
    last = json.loads(lines[-1])
    assert {one["name"] for one in last["job"]["result"]["figures"]} >= {"same character, face traits"}
    assert Path(last["files"][0]).is_file()


def test_mistakes_are_one_line(mistake: Callable[..., str], told: Callable[..., str], data: Path) -> None:
    where = ("--data", str(data))
    assert "no character called Nova" in mistake("submit", "render", "Nova", "smiling", *where)
    assert "no character called Nova" in mistake("submit", "evaluate", "Nova", *where)
    assert "slashes" in mistake("submit", "evaluate", "../x", *where)
    assert "description" in mistake("submit", "create", "Nova", " ", *where)
    told("watch", number_in(told("submit", "create", "Rex", "red hair", *where)), "--follow", *where)
    assert "pose" in mistake("submit", "render", "Rex", "smiling", "--pose", "handstand", *where)
    assert "shape" in mistake("submit", "render", "Rex", "smiling", "--shape", "round", *where)
    assert "slashes" in mistake("submit", "create", "../x", "red hair", *where)
    assert "no job 9" in mistake("watch", "9", *where)
    assert "no job 9" in mistake("cancel", "9", *where)
    assert "choice" in mistake("answer", "9", "0", *where)
    assert "no job 9" in mistake("answer", "9", "9" * 30, *where)
    mistake("submit", "fly", *where)
    mistake("watch", "nine", *where)
    mistake("submit", "create", "Nova", "red hair", "--owner", "-1", *where)
    mistake("submit", "create", "Nova", "red hair", "--request-key", "k" * 201, *where)


def test_health_is_told(told: Callable[..., str], data: Path) -> None:
    job = number_in(told("submit", "create", "Nova", "red hair", "--data", str(data)))
    told("watch", job, "--follow", "--data", str(data))
    assert re.match(r"ready: \d+ jobs wait, \d+ are at work", told("health", "--data", str(data)))
    assert json.loads(told("health", "--data", str(data), "--json"))["is_ready"]


def test_without_a_coordinator_it_is_one_line(mistake: Callable[..., str], tmp_path: Path) -> None:
    where = ("--data", str(tmp_path))
    for command in (
        ("submit", "create", "Nova", "red hair"),
        ("submit", "evaluate", "Nova"),
        ("watch", "1"),
        ("answer", "1", "1"),
        ("cancel", "1"),
        ("health",),
    ):
        assert "synid serve" in mistake(*command, *where)
    assert list(tmp_path.iterdir()) == []


def test_served_folder_is_backed_up_and_restored(
    told: Callable[..., str], mistake: Callable[..., str], data: Path, tmp_path: Path
) -> None:
    job = number_in(told("submit", "create", "Nova", "red hair", "--data", str(data)))
    told("watch", job, "--follow", "--data", str(data))
    file, copy = tmp_path / "a.backup", tmp_path / "copy"
    assert told("backup", str(file), "--data", str(data)).strip() == str(file)
    assert "restored" in told("restore", str(file), "--data", str(copy))
    assert "nothing is wrong" in told("doctor", "--data", str(copy))
    assert "not empty" in mistake("restore", str(file), "--data", str(copy))
    assert "no database" in mistake("backup", str(file), "--data", str(tmp_path / "new"))


def test_doctor_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], told: Callable[..., str], data: Path, tmp_path: Path
) -> None:
    job = number_in(told("submit", "create", "Nova", "red hair", "--data", str(data)))
    told("watch", job, "--follow", "--data", str(data))
    assert "coordinator" in told("doctor", "--data", str(data))
    for path in (data / "weights").rglob("*.safetensors"):
        path.write_bytes(b"x")
    assert run(("doctor", "--data", str(data))) == 1
    assert "damaged file" in capsys.readouterr().out
    assert run(("doctor", "--data", str(data), "--json")) == 1
    assert not json.loads(capsys.readouterr().out)["is_sound"]
