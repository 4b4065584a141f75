"""A call that works only in its turns."""

import threading

import pytest

from synid_engine.errors import JobCancelledError
from synid_engine.serving.stepwise import StepwiseCall
from synid_engine.synid.stage import OnProgress, Progress


def test_call_stands_still_between_its_turns() -> None:
    seen: list[int] = []

    def work(report: OnProgress) -> str:
        for number in range(3):
            seen.append(number)
            report(Progress(stage="work", fraction=(number + 1) / 3))
        return "done"

    call = StepwiseCall(work, name="work")
    assert not call.step()
    assert seen == [0]
    assert not call.step()
    assert seen == [0, 1]
    assert call.progress is not None
    assert call.progress.fraction == pytest.approx(2 / 3)
    assert not call.step()
    assert call.step()
    assert call.is_over
    assert call.result() == "done"
    assert call.step()


def test_two_calls_never_work_at_once() -> None:
    busy = threading.Lock()

    def work(report: OnProgress) -> None:
        for _ in range(20):
            assert busy.acquire(blocking=False)
            busy.release()
            report(Progress(stage="work", fraction=0.5))

    calls = [StepwiseCall(work, name=name) for name in "ab"]
    finished = [False, False]
    while not all(finished):
        finished = [call.step() for call in calls]
        with busy:
            pass
    for call in calls:
        call.result()


def test_errors_reach_who_asks_for_the_result() -> None:
    def work(report: OnProgress) -> None:
        report(Progress(stage="work", fraction=0.1))
        raise ValueError("broken")

    call = StepwiseCall(work, name="work")
    call.step()
    assert call.step()
    with pytest.raises(ValueError, match="broken"):
        call.result()


@pytest.mark.parametrize("begun", [False, True])
def test_cancelled_call_ends_at_once(*, begun: bool) -> None:
    steps: list[int] = []

    def work(report: OnProgress) -> None:
        for number in range(100):
            steps.append(number)
            report(Progress(stage="work", fraction=0.0))

    call = StepwiseCall(work, name="work")
    if begun:
        call.step()
    call.cancel()
    assert call.is_over
    assert len(steps) == int(begun)
    with pytest.raises(JobCancelledError):
        call.result()
