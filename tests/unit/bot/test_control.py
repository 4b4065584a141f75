"""The control socket: the same calls, from another process of the same user."""

import asyncio
import os
import signal
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.control.client import ControlClient
from bot.control.place import PLACE_FILE, SOCKET_FILE, socket_path
from bot.control.server import ControlServer
from bot.coordinator.client import CoordinatorClient, QuestionAsked, StateChanged
from bot.coordinator.coordinator import Coordinator
from bot.coordinator.desk import CreateRequest, RenderRequest, RequestDesk
from bot.coordinator_errors import NoCoordinatorError, RefusedError
from bot.serve import serve_with
from synid_engine.serving.messages import JobState, RenderWork, Submission

from .coordinator.engine import InProcessEngine
from .coordinator.support import House, config, house

SUBMISSION = Submission(request_key="a", owner_id=1, work=RenderWork(prompt="a fox"))


@asynccontextmanager
async def served(folder: Path, *, at_once: bool = True) -> AsyncGenerator[tuple[ControlClient, House]]:
    async with (
        house(folder, at_once=at_once) as at_work,
        ControlServer(at_work.opened.coordinator, at_work.opened.desk).listening(folder),
    ):
        yield ControlClient(folder), at_work


async def test_both_sides_keep_the_same_contract(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, at_work):
        assert isinstance(client, CoordinatorClient)
        assert isinstance(client, RequestDesk)
        assert isinstance(at_work.opened.coordinator, Coordinator)
        assert isinstance(at_work.opened.coordinator, CoordinatorClient)
        assert isinstance(at_work.opened.desk, RequestDesk)


async def test_job_goes_its_whole_way_over_the_socket(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, _):
        created = await client.create(
            CreateRequest(request_key="n", owner_id=1, name="Nova", description="red hair", ask=True)
        )
        asked = False
        async for event in client.events(created.id):
            if isinstance(event, StateChanged) and event.job.state is JobState.WAITING and not asked:
                asked = True
                await client.answer(created.id, 1)
        drawn = await client.render(RenderRequest(request_key="r", owner_id=1, name="Nova", prompt="smiling"))
        events = [event async for event in client.events(drawn.id)]
        assert asked
        assert isinstance(events[-1], StateChanged)
        assert events[-1].job.state is JobState.DELIVERED
        assert (await client.health()).is_ready


async def test_question_travels_with_its_choices(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, at_work):
        job = await client.create(
            CreateRequest(request_key="n", owner_id=1, name="Nova", description="red hair", ask=True)
        )
        waiting = await at_work.until(job.id, JobState.WAITING)
        events = client.events(job.id)
        question = await anext(events)
        await events.aclose()
        assert isinstance(question, QuestionAsked)
        assert question.question == waiting.question


async def test_same_submission_and_cancel_work_from_outside(tmp_path: Path) -> None:
    async with served(tmp_path, at_once=False) as (client, _):
        job = await client.submit(SUBMISSION)
        assert (await client.submit(SUBMISSION)).id == job.id
        assert (await client.cancel(job.id)).state is JobState.CANCELLED


async def test_refusal_keeps_its_kind_and_its_sentence(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, _):
        with pytest.raises(RefusedError) as caught:
            await client.cancel(5)
        assert (caught.value.kind, caught.value.words) == ("JobNotFoundError", "there is no job 5")
        with pytest.raises(RefusedError):
            await anext(client.events(5))


async def test_nonsense_on_the_socket_harms_nobody(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, _):
        for sent in (b"hello", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{}", b""):
            _, writer = await asyncio.open_unix_connection(socket_path(tmp_path))
            writer.write(sent)
            writer.write_eof()
            await writer.drain()
            writer.close()
        assert (await client.health()).is_ready


async def test_watcher_that_leaves_is_forgotten(tmp_path: Path) -> None:
    async with served(tmp_path, at_once=False) as (client, at_work):
        job = await client.submit(SUBMISSION)
        events = client.events(job.id)
        await anext(events)
        await events.aclose()
        async with asyncio.timeout(30):
            while at_work.opened.coordinator._parts.live.watched:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)


async def test_socket_is_for_its_owner_and_goes_with_the_coordinator(tmp_path: Path) -> None:
    async with served(tmp_path):
        mode = (tmp_path / SOCKET_FILE).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not (tmp_path / SOCKET_FILE).exists()
    with pytest.raises(NoCoordinatorError):
        await ControlClient(tmp_path).health()


async def test_socket_that_a_crash_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / SOCKET_FILE).write_bytes(b"")
    (tmp_path / PLACE_FILE).write_text("/nowhere")
    with pytest.raises(NoCoordinatorError):
        await ControlClient(tmp_path).health()
    async with served(tmp_path) as (client, _):
        assert (await client.health()).is_ready


async def test_folder_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    async with served(folder) as (client, _):
        place = Path((folder / PLACE_FILE).read_text())
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert (await client.health()).is_ready
    assert not (folder / PLACE_FILE).exists()
    assert not place.parent.exists()


async def test_drain_from_outside_ends_the_service(tmp_path: Path) -> None:
    service = asyncio.create_task(
        serve_with(InProcessEngine(tmp_path, at_once=False), tmp_path, config=config())
    )
    client = ControlClient(tmp_path)
    await _reachable(client)
    await client.submit(SUBMISSION)
    await client.drain()
    await service
    with pytest.raises(NoCoordinatorError):
        await client.health()


async def test_signal_drains_the_service_and_nothing_is_lost(tmp_path: Path) -> None:
    service = asyncio.create_task(
        serve_with(InProcessEngine(tmp_path, at_once=False), tmp_path, config=config())
    )
    client = ControlClient(tmp_path)
    await _reachable(client)
    job = await client.submit(SUBMISSION)
    os.kill(os.getpid(), signal.SIGTERM)
    await service
    async with house(tmp_path) as at_work:
        done = await at_work.until(job.id, JobState.DELIVERED)
        assert done.attempts == 0


async def _reachable(client: ControlClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.health()).is_ready:
                    return
            except NoCoordinatorError:
                pass
            await asyncio.sleep(0.01)
