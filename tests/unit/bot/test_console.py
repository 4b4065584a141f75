import os
import signal
from dataclasses import dataclass

import pytest

from bot.console import Reporter
from synid_engine.errors import JobCancelledError


@dataclass(frozen=True, kw_only=True)
class Step:
    stage: str = "anchors"
    fraction: float = 0.0
    detail: str = ""
    eta_s: float | None = None


def test_plain_lines_are_few_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter() as reporter:
        for number in range(101):
            reporter(Step(fraction=number / 100, detail=f"{number} of 100", eta_s=9.0))
        reporter(Step(stage="projector"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2:4] for line in lines] == [
        ["anchors", "0%"],
        ["anchors", "25%"],
        ["anchors", "50%"],
        ["anchors", "75%"],
        ["anchors", "100%"],
        ["projector", "0%"],
    ]
    assert lines[1].endswith("25 of 100, about 9 s left")


def test_progress_keeps_stdout_free_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(to_stderr=True) as reporter:
        reporter(Step())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "anchors" in captured.err


def test_first_interrupt_stops_at_the_next_step() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Reporter() as reporter:
        reporter(Step())
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(JobCancelledError):
            reporter(Step(fraction=0.1))
    assert signal.getsignal(signal.SIGINT) is before


def test_second_interrupt_stops_at_once() -> None:
    with Reporter():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_markup_in_details_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter() as reporter:
        reporter(Step(detail="[red]hair[/red]"))
    assert "[red]hair[/red]" in capsys.readouterr().out
