"""Engines that come and go: real processes that speak the real protocol, but without models."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from synid_engine.errors import InvalidSettingError
from synid_engine.serving.engine_child import ChildTimes
from synid_engine.serving.engine_options import EngineOptions, read_arguments, to_arguments, usable_threads
from synid_engine.serving.judging import JudgeLimit, Judging
from synid_engine.serving.link import EngineDownError, EngineLink, EngineLost, EngineStarted, LinkEvent
from synid_engine.serving.orders import AskHealth
from synid_engine.serving.reports import Alive, Drained, Health
from synid_engine.serving.supervisor import EngineSupervisor, SupervisorConfig

_HEAD = """
import os, signal, sys, time
from synid_engine.serving.connection import Connection
from synid_engine.serving.engine_options import read_arguments
from synid_engine.serving.engine_status import EngineStatus
from synid_engine.serving.orders import AskHealth, Drain
from synid_engine.serving.reports import Alive, Drained
socket, options = read_arguments(sys.argv[1:])
print("hello from", os.getpid(), oct(socket.parent.stat().st_mode & 0o777), flush=True)
connection = Connection.open(socket)
connection.send(Alive())
"""
_OBEYS = """
for order in connection.orders():
    if isinstance(order, AskHealth):
        connection.send(EngineStatus().health())
    if isinstance(order, Drain):
        connection.send(Drained())
        sys.exit(0)
"""
_HANGS = "signal.signal(signal.SIGTERM, signal.SIG_IGN); connection.send(Alive()); time.sleep(600)"
_BABBLES = "connection._socket.sendall(b'\\0\\0\\0\\2{}'); time.sleep(600)"
QUICK = SupervisorConfig(first_backoff_s=0.01, term_s=0.2)


@dataclass
class Watch:
    """A supervisor and its events, read one after the other."""

    supervisor: EngineSupervisor
    events: AsyncIterator[LinkEvent]
    log: Path

    async def until(self, kind: type) -> list[LinkEvent]:
        """Read until an event of a kind has come, which is the last one returned."""
        seen: list[LinkEvent] = []
        async for event in self.events:
            seen.append(event)
            if isinstance(event, kind):
                return seen
        raise AssertionError(seen)

    async def lost(self) -> EngineLost:
        event = (await self.until(EngineLost))[-1]
        assert isinstance(event, EngineLost)
        return event


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[Callable[..., Watch]]:
    """Return a maker of started supervisors over an engine that does what a script says."""
    made: list[EngineSupervisor] = []

    def make(script: str, config: SupervisorConfig = QUICK, *, command: tuple[str, ...] = ()) -> Watch:
        options = EngineOptions(spool=tmp_path / "spool", weights=tmp_path / "weights")
        command = command or (sys.executable, "-c", _HEAD + script)
        supervisor = EngineSupervisor(options, log_folder=tmp_path / "logs", config=config, command=command)
        made.append(supervisor)
        return Watch(supervisor, supervisor.events(), tmp_path / "logs" / "engine.log")

    yield make
    for supervisor in made:
        await supervisor.close()


def test_options_survive_the_command_line(tmp_path: Path) -> None:
    judging = Judging(judges=(JudgeLimit(name="safety_checker", limit=0.5),), limit=0.7)
    options = EngineOptions(
        spool=tmp_path, weights=tmp_path / "-w", recipe=tmp_path, judging=judging, threads=3, beat_s=0.5
    )
    assert read_arguments(to_arguments(options, tmp_path / "a b")) == (tmp_path / "a b", options)
    plain = EngineOptions(spool=tmp_path, weights=tmp_path)
    assert read_arguments(to_arguments(plain, tmp_path)) == (tmp_path, plain)


def test_engine_takes_the_cores_that_it_may_use_up_to_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in ((1, 1), (2, 2), (64, 8)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert usable_threads() == threads


async def test_lost_engine_is_started_again(watch: Callable[..., Watch]) -> None:
    one = watch("sys.exit(7)")
    assert isinstance(one.supervisor, EngineLink)
    await one.supervisor.start()
    for generation in (1, 2):
        seen = await one.until(EngineLost)
        assert seen[0] == EngineStarted(generation=generation)
        assert isinstance(seen[1], Alive)
        assert isinstance(seen[-1], EngineLost)
        assert (seen[-1].generation, seen[-1].exit_code) == (generation, 7)
    assert one.log.read_text().count("hello from") >= 2


async def test_killed_engine_is_lost_and_orders_to_nobody_are_refused(watch: Callable[..., Watch]) -> None:
    one = watch(_OBEYS, SupervisorConfig(first_backoff_s=0.01))
    with pytest.raises(EngineDownError):
        await one.supervisor.send(AskHealth())
    await one.supervisor.start()
    await one.until(Alive)
    await one.supervisor.send(AskHealth())
    health = (await one.until(Health))[-1]
    assert isinstance(health, Health)
    assert health.memory_mib > 1
    assert not health.is_ready
    _, _, pid, mode = one.log.read_text().split()
    assert mode == "0o700"
    os.kill(int(pid), signal.SIGKILL)
    lost = await one.lost()
    assert (lost.exit_code, lost.reason) == (-9, "it was ended by SIGKILL")
    assert (await one.until(EngineStarted))[-1] == EngineStarted(generation=2)


async def test_drained_engine_is_not_started_again(watch: Callable[..., Watch]) -> None:
    one = watch(_OBEYS)
    await one.supervisor.start()
    await one.until(Alive)
    await one.supervisor.drain(60.0)
    assert isinstance((await one.until(Drained))[-1], Drained)
    assert (await one.lost()).exit_code == 0
    with pytest.raises(EngineDownError):
        await one.supervisor.send(AskHealth())
    await one.supervisor.start()
    await one.supervisor.drain(60.0)
    await one.supervisor.close()
    await one.supervisor.close()
    assert [event async for event in one.events] == []


async def test_engine_that_will_not_drain_is_killed(watch: Callable[..., Watch]) -> None:
    one = watch(_HANGS)
    await one.supervisor.start()
    await one.until(Alive)
    await one.until(Alive)
    await one.supervisor.drain(0.05)
    assert (await one.lost()).exit_code == -9


async def test_engine_without_a_sign_of_life_is_killed(watch: Callable[..., Watch]) -> None:
    one = watch(_HANGS, SupervisorConfig(first_backoff_s=9.0, child=ChildTimes(silence_s=0.2)))
    await one.supervisor.start()
    lost = await one.lost()
    assert (lost.exit_code, lost.reason) == (-9, "it gave no sign of life")


async def test_engine_that_babbles_is_killed(watch: Callable[..., Watch]) -> None:
    one = watch(_BABBLES)
    await one.supervisor.start()
    lost = await one.lost()
    assert lost.exit_code == -9
    assert lost.reason.startswith("its reports broke off")


async def test_engine_that_does_not_connect_is_killed(watch: Callable[..., Watch]) -> None:
    config = SupervisorConfig(first_backoff_s=9.0, child=ChildTimes(connect_s=0.1))
    one = watch("", config, command=("/bin/sh", "-c", "exec sleep 600", "sh"))
    await one.supervisor.start()
    lost = await one.lost()
    assert (lost.exit_code, lost.reason) == (-9, "it did not connect in time")


async def test_engine_that_cannot_be_started_is_told(watch: Callable[..., Watch], tmp_path: Path) -> None:
    one = watch("", command=(str(tmp_path / "no such program"),))
    await one.supervisor.start()
    for generation in (1, 2):
        lost = await one.lost()
        assert (lost.generation, lost.exit_code) == (generation, None)


async def test_supervisor_that_is_closed_while_it_starts_leaves_nothing(watch: Callable[..., Watch]) -> None:
    one = watch(_OBEYS)
    await one.supervisor.start()
    await one.supervisor.close()
    assert all(not isinstance(event, EngineStarted) for event in [event async for event in one.events])


def test_impossible_patience_is_refused() -> None:
    with pytest.raises(InvalidSettingError):
        SupervisorConfig(first_backoff_s=0)
