import os

import pytest

from synid_engine.runtime.waiting_threads import SPINS, sleep_soon

NAMES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


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
