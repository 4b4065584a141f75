"""A hub on this machine, a store that is filled from it, and `synid models` beside them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot import model_sets
from bot.cli import run
from bot.model_hub import HubConfig
from storage.models import ModelStore
from synid_engine.runtime.model_table import MODELS

from ...hub import FakeHub, fill, hub_in_a_thread  # noqa: TID252  (tests are no package)
from ...ldm_names import SMALL_SHAPE  # noqa: TID252


@pytest.fixture(scope="module")
def served() -> Iterator[FakeHub]:
    with hub_in_a_thread() as hub:
        yield hub


@pytest.fixture
def hub(served: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """Fill the hub anew, make the table fit it, and let nothing wait."""
    served.files.clear()
    served.asked.clear()
    served.manners = type(served.manners)()
    for name, spec in fill(served).items():
        monkeypatch.setitem(MODELS, name, spec)
    monkeypatch.setenv("HF_ENDPOINT", served.endpoint)
    monkeypatch.setenv("SYNID_MODEL_STORE", str(tmp_path / "store"))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "SYNID_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("bot.model_hub.HubConfig", lambda endpoint: HubConfig(endpoint=endpoint, wait_s=0))
    return served


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must succeed, and return what it prints."""

    def run_well(*arguments: str) -> str:
        assert run(arguments) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run_well


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail with exit code 2 and one sentence, and return that."""

    def run_mistake(*arguments: str) -> str:
        assert run(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(re.findall("^synid: .+$", captured.err, re.MULTILINE)) == 1
        return captured.err.splitlines()[-1]

    return run_mistake


@pytest.fixture
def small_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `--base` take small models for those of the family."""
    wish_of = model_sets.wish_of
    monkeypatch.setattr(model_sets, "wish_of", lambda *given: wish_of(*given, shape=SMALL_SHAPE))
