"""`synid serve` as it really runs: the coordinator, its engine process, and the calls of other processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from bot.control.client import ControlClient
from bot.coordinator.client import ProgressMade, QuestionAsked, StateChanged
from bot.coordinator.desk import CreateRequest, EvaluateRequest, RenderRequest
from bot.coordinator_errors import NoCoordinatorError
from storage.data_folder import DataFolder
from storage.database import read_only
from storage.diagnosis import diagnose
from synid_engine.serving.messages import EVALUATED_PICTURES, Job, JobState

from ..faults.kit import make_kit  # noqa: TID252  (tests are no package)

ROOT = Path(__file__).parents[2]
Serve = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def serve(whole_model: Path, tmp_path: Path) -> Iterator[Serve]:
    """Return a starter of `synid serve` on `tmp_path / "data"`, with small models and budgets."""
    kit = make_kit(tmp_path, model=whole_model)
    command = [sys.executable, "-m", "bot", "serve", "--data", str(tmp_path / "data")]
    command += ["--model", str(kit.model), "--recipe", str(kit.recipe)]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "serve.log").open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


async def until_ready(client: ControlClient) -> None:
    while True:
        try:
            if (await client.health()).is_ready:
                return
        except NoCoordinatorError:
            pass
        await asyncio.sleep(0.1)


async def until(client: ControlClient, job: Job, *wanted: JobState) -> Job:
    async with aclosing(client.events(job.id)) as events:
        async for event in events:
            if isinstance(event, StateChanged) and event.job.state in wanted:
                return event.job
    raise AssertionError(job)


async def creation(client: ControlClient, name: str, *, ask: bool = False) -> Job:
    request = CreateRequest(request_key=name, owner_id=1, name=name, description="red hair", ask=ask)
    return await client.create(request)


async def answered(client: ControlClient, job: Job) -> None:
    async with aclosing(client.events(job.id)) as events:
        async for event in events:
            if isinstance(event, QuestionAsked):
                await client.answer(job.id, 1, fence=event.fence)
                return


async def evaluated(client: ControlClient, data: Path) -> None:
    """Have Nova evaluated, with the real judges."""
    job = await client.evaluate(EvaluateRequest(request_key="e", owner_id=1, name="nova"))
    result = (await until(client, job, JobState.DELIVERED)).result
    assert result is not None
    assert len(result.looks) == EVALUATED_PICTURES
    assert "same character, face traits" in {one.name for one in result.figures}
    assert DataFolder(data).pictures.read(result.pictures[0].image)


def left_in(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "spool").iterdir())


@pytest.mark.timeout(1800)
async def test_character_is_asked_for_chosen_and_drawn_and_the_rest_waits_for_the_next_start(
    serve: Serve, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    process, client = serve(), ControlClient(data)
    await until_ready(client)
    nova = await creation(client, "Nova", ask=True)
    await answered(client, nova)
    made = await until(client, nova, JobState.DELIVERED)
    assert made.answer is not None
    assert made.answer.choice == 1
    renders = [
        await client.render(
            RenderRequest(request_key=key, owner_id=1, name="Nova", prompt="smiling", pictures=2)
        )
        for key in ("a", "b")
    ]
    for job in renders:
        drawn = await until(client, job, JobState.DELIVERED)
        assert drawn.result is not None
        for picture in drawn.result.pictures:
            assert DataFolder(data).pictures.read(picture.image)
    await evaluated(client, data)
    assert left_in(data) == []

    luna = await creation(client, "Luna")
    async with aclosing(client.events(luna.id)) as events:
        async for event in events:
            if isinstance(event, ProgressMade):
                break
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait) == 0
    assert engines_of(data) == []
    assert diagnose(data) == ()
    with read_only(DataFolder(data).database) as connection:
        row = connection.execute("SELECT * FROM jobs WHERE id = ?", (luna.id,)).fetchone()
    assert (row["state"], row["attempts"]) in {("queued", 0), ("delivered", 0)}  # it may have been faster

    process = serve()
    await until_ready(client)
    await until(client, luna, JobState.DELIVERED)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait) == 0
    assert diagnose(data) == ()
    assert left_in(data) == []


def engines_of(data: Path) -> list[str]:
    """Return the engine processes that work for a data folder."""
    mine = os.fsencode(f"--spool={data / 'spool'}")
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mine in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(folder.name)
        except OSError:
            continue
    return found
