"""The engine as it really runs: a process with models, behind its supervisor."""

import asyncio
import os
import re
import signal
import socket as sockets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from synid_engine.serving.engine_child import ChildTimes
from synid_engine.serving.engine_options import EngineOptions, to_arguments
from synid_engine.serving.engine_status import EngineExit
from synid_engine.serving.link import EngineLost, EngineStarted, LinkEvent
from synid_engine.serving.messages import Lease, RenderWork
from synid_engine.serving.orders import AskHealth, Assign, Drain
from synid_engine.serving.reports import (
    Drained,
    Finished,
    HandedBack,
    Health,
    Loading,
    Ready,
    Report,
    Started,
)
from synid_engine.serving.supervisor import ENGINE_COMMAND, EngineSupervisor, SupervisorConfig
from synid_engine.serving.wire import LENGTH, decode_report, encode

PATIENT = SupervisorConfig(first_backoff_s=0.05, child=ChildTimes(connect_s=250.0, silence_s=250.0))


def _work(**changes: object) -> RenderWork:
    return RenderWork(prompt="a woman with red hair", num_inference_steps=2).model_copy(update=changes)


def _assign(job_id: int, work: RenderWork, fence: int = 1) -> Assign:
    return Assign(lease=Lease(job_id=job_id, fence=fence), owner_id=job_id, work=work)


@pytest.fixture(scope="module")
def options(whole_model: Path, tmp_path_factory: pytest.TempPathFactory) -> EngineOptions:
    root = tmp_path_factory.mktemp("engine")
    return EngineOptions(
        spool=root / "spool",
        weights=root / "weights",
        model=whole_model,
        calibration=root / "calibration.json",
        device="cpu",
        beat_s=0.5,
    )


@pytest.fixture
async def supervisor(options: EngineOptions, tmp_path: Path) -> AsyncIterator[EngineSupervisor]:
    one = EngineSupervisor(options, log_folder=tmp_path, config=PATIENT)
    await one.start()
    yield one
    await one.close()


async def _until(events: AsyncIterator[LinkEvent], kind: type, count: int = 1) -> list[LinkEvent]:
    seen: list[LinkEvent] = []
    async for event in events:
        seen.append(event)
        if sum(isinstance(one, kind) for one in seen) == count:
            return seen
    raise AssertionError(seen)


@pytest.mark.timeout(1200)
async def test_engine_draws_dies_comes_back_and_drains(
    supervisor: EngineSupervisor, options: EngineOptions, tmp_path: Path
) -> None:
    events = supervisor.events()
    seen = await _until(events, Ready)
    assert seen[0] == EngineStarted(generation=1)
    loading = [event for event in seen if isinstance(event, Loading)]
    stages = ["libraries", "base model", "perception", "picture judge", "calibration"]
    assert [event.stage for event in loading] == stages
    assert [event.fraction for event in loading] == sorted(event.fraction for event in loading)
    ready = seen[-1]
    assert isinstance(ready, Ready)
    assert (ready.device, ready.costs.denoise.most_rows) == ("cpu", ready.max_rows)

    for job_id in (1, 2):
        await supervisor.send(_assign(job_id, _work(seed=job_id)))
    finished = [event for event in await _until(events, Finished, 2) if isinstance(event, Finished)]
    assert {event.lease.job_id for event in finished} == {1, 2}
    for event in finished:
        (picture,) = event.result.pictures
        with Image.open(options.spool / f"{picture.image}.png") as image:
            assert image.size == (64, 64)
    assert not [path for path in options.spool.iterdir() if not re.fullmatch(r"[0-9a-f]{64}\.png", path.name)]

    await supervisor.send(AskHealth())
    health = (await _until(events, Health))[-1]
    assert isinstance(health, Health)
    assert health.is_ready
    assert health.steps >= 4
    assert health.memory_mib > 50

    await supervisor.send(_assign(3, _work(num_inference_steps=900, pictures=64)))
    await _until(events, Started)
    (pid,) = await asyncio.to_thread(_children, os.getpid())
    os.kill(pid, signal.SIGKILL)
    lost = (await _until(events, EngineLost))[-1]
    assert isinstance(lost, EngineLost)
    assert (lost.generation, lost.exit_code) == (1, -signal.SIGKILL)

    again = await _until(events, Ready)
    assert again[0] == EngineStarted(generation=2)
    assert isinstance(again[-1], Ready)
    assert again[-1].costs == ready.costs  # from the file
    await supervisor.send(_assign(3, _work(num_inference_steps=900, pictures=64), fence=2))
    await _until(events, Started)
    await supervisor.drain(250.0)
    ended = await _until(events, EngineLost)
    assert [event.lease for event in ended if isinstance(event, HandedBack)] == [Lease(job_id=3, fence=2)]
    assert any(isinstance(event, Drained) for event in ended)
    assert isinstance(ended[-1], EngineLost)
    assert ended[-1].exit_code == EngineExit.DRAINED


@pytest.mark.timeout(1200)
def test_engine_ends_when_nobody_gives_it_orders_any_more(options: EngineOptions, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with sockets.socket(sockets.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        process = subprocess.Popen([*ENGINE_COMMAND, *to_arguments(options, path)], stderr=subprocess.DEVNULL)
        connected, _ = server.accept()
        assert connected.recv(100)
        connected.close()
        assert process.wait() == EngineExit.LOST


@pytest.mark.timeout(1200)
def test_terminated_engine_hands_its_work_back(options: EngineOptions, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with sockets.socket(sockets.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        process = subprocess.Popen([*ENGINE_COMMAND, *to_arguments(options, path)], stderr=subprocess.DEVNULL)
        connected, _ = server.accept()
        order = _assign(3, _work(num_inference_steps=900, pictures=64))
        with connected, connected.makefile("rb") as stream:
            connected.sendall(encode(order))
            seen: list[Report] = []
            while header := stream.read(LENGTH.size):
                seen.append(decode_report(stream.read(LENGTH.unpack(header)[0])))
                if isinstance(seen[-1], Started):
                    process.send_signal(signal.SIGTERM)
        assert process.wait() == EngineExit.DRAINED
    assert [report.lease for report in seen if isinstance(report, HandedBack)] == [order.lease]
    assert any(isinstance(report, Drained) for report in seen)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("is_signal", [False, True])
def test_engine_that_is_still_loading_ends_at_once(
    options: EngineOptions, tmp_path: Path, *, is_signal: bool
) -> None:
    path = tmp_path / "s"
    with sockets.socket(sockets.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        process = subprocess.Popen([*ENGINE_COMMAND, *to_arguments(options, path)], stderr=subprocess.DEVNULL)
        connected, _ = server.accept()
        order = _assign(3, _work())
        with connected, connected.makefile("rb") as stream:
            header = stream.read(LENGTH.size)
            seen = [decode_report(stream.read(LENGTH.unpack(header)[0]))]
            connected.sendall(encode(order))
            if is_signal:
                process.send_signal(signal.SIGTERM)
            else:
                connected.sendall(encode(Drain()))
            with suppress(ConnectionResetError):  # so ends a socket whose other side left an order unread
                while header := stream.read(LENGTH.size):
                    seen.append(decode_report(stream.read(LENGTH.unpack(header)[0])))
        assert process.wait() == EngineExit.DRAINED
    assert isinstance(seen[-1], Drained)
    assert not any(isinstance(report, Ready | Started) for report in seen)


@pytest.mark.timeout(1200)
def test_engine_without_models_says_so(options: EngineOptions, tmp_path: Path) -> None:
    path, folder = tmp_path / "s", tmp_path / "no model"
    with sockets.socket(sockets.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        command = [sys.executable, "-m", "synid_engine.serving.engine_process", "--socket", str(path)]
        command += ["--spool", str(options.spool), "--weights", str(options.weights), "--model", str(folder)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        connected, _ = server.accept()
        _, errors = process.communicate()
        connected.close()
    assert process.returncode == EngineExit.UNLOADABLE
    assert "MissingModelError" in errors


def _children(parent: int) -> list[int]:
    """Return the engine processes of this one."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"engine_process" in command:
            found.append(int(folder.name))
    return found
