import os
from pathlib import Path

import pytest

from synid_engine.runtime.waiting_threads import SPINS, sleep_soon
from synid_engine.serving import engine_process
from synid_engine.serving.engine_status import EngineExit

NAMES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@pytest.fixture(autouse=True)
def said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that whatever is set below is taken back
        monkeypatch.delenv(name)


def test_threads_sleep_soon() -> None:
    sleep_soon()
    assert [os.environ.get(name) for name in NAMES] == [SPINS, None]


@pytest.mark.parametrize(("name", "value"), [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "ACTIVE")])
def test_an_owner_who_says_otherwise_is_heard(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    sleep_soon()
    assert {one: os.environ[one] for one in NAMES if one in os.environ} == {name: value}


def test_engine_process_has_so_many_threads_and_lets_them_sleep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in COUNTS:
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(os, "nice", lambda _more: 0)
    folders = [f"--{name}={tmp_path / name}" for name in ("socket", "spool", "weights")]
    assert engine_process.main([*folders, "--threads=3"]) == EngineExit.LOST, "nobody listens"
    assert [os.environ[name] for name in (*COUNTS, NAMES[0])] == ["3", "3", "3", SPINS]
