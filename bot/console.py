"""What a person sees while something runs: progress, and a clean way to stop it."""

import signal
import sys
import time
from types import FrameType, TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from synid_engine.errors import JobCancelledError

_PLAIN_STEP = 0.25
_PLAIN_SILENCE_S = 5.0


class ProgressLike(Protocol):
    """What the engine reports."""

    @property
    def stage(self) -> str:
        """Name of the stage."""
        ...

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1."""
        ...

    @property
    def detail(self) -> str:
        """What is being done, or empty."""
        ...

    @property
    def eta_s(self) -> float | None:
        """Seconds left, if known."""
        ...


class StopSignal:
    """Turns the first Ctrl-C into a stop at the engine's next step, and the second into one at once."""

    def __init__(self) -> None:
        self.requested = False
        self._before: signal.Handlers | object = None

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before if callable(self._before) else signal.SIG_DFL)

    def check(self) -> None:
        """Stop here if a stop was asked for.

        Raises:
            JobCancelledError: It was.
        """
        if self.requested:
            raise JobCancelledError

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


class Reporter:
    """Shows progress: a bar on a terminal, plain lines elsewhere. Called by the engine at every step."""

    def __init__(self, *, to_stderr: bool = False) -> None:
        self.console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)
        self._stop = StopSignal()
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._shown_fraction = 0.0
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._stop.__enter__()
        if self.console.is_terminal:
            columns = (TextColumn("{task.description:<12}"), BarColumn(), TextColumn("{task.fields[detail]}"))
            self._bar = Progress(*columns, TimeElapsedColumn(), console=self.console, transient=False)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._stop.__exit__(kind, error, trace)

    def __call__(self, progress: ProgressLike) -> None:
        """Show a step of the engine.

        Raises:
            JobCancelledError: A person asked to stop.
        """
        self._stop.check()
        if self._bar is None:
            self._plain(progress)
        else:
            self._rich(self._bar, progress)

    def check(self) -> None:
        """Stop here if a person asked to, with nothing new to show; errors as in a call."""
        self._stop.check()

    def say(self, line: str) -> None:
        """Print one line with the time since the start."""
        self.console.print(f"{self.elapsed_s:6.1f} s  {line}", markup=False)

    def ask(self, question: str, *, choices: int) -> int:
        """Ask a person for a number from 1; return it counted from 0."""
        if self._bar is not None:
            self._bar.stop()
        answer = 0
        while not 1 <= answer <= choices:
            self.console.print(f"{question} [1-{choices}] ", end="", markup=False)
            text = sys.stdin.readline()
            if not text:
                raise JobCancelledError
            answer = int(text) if text.strip().isdecimal() else 0
        if self._bar is not None:
            self._bar.start()
        return answer - 1

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def _rich(self, bar: Progress, progress: ProgressLike) -> None:
        if progress.stage != self._stage or self._task is None:
            if self._task is not None:
                bar.update(self._task, completed=1.0)
            self._task = bar.add_task(progress.stage, total=1.0, detail="")
            self._stage = progress.stage
        bar.update(self._task, completed=progress.fraction, detail=_detail(progress))

    def _plain(self, progress: ProgressLike) -> None:
        is_new = progress.stage != self._stage
        is_due = (
            progress.fraction - self._shown_fraction >= _PLAIN_STEP
            or self.elapsed_s - self._shown_at >= _PLAIN_SILENCE_S
            or progress.fraction >= 1.0 > self._shown_fraction
        )
        if not is_new and not is_due:
            return
        self._stage, self._shown_fraction, self._shown_at = progress.stage, progress.fraction, self.elapsed_s
        self.say(f"{progress.stage:<12} {progress.fraction:4.0%}  {_detail(progress)}".rstrip())


def _detail(progress: ProgressLike) -> str:
    left = progress.eta_s
    parts = [progress.detail] if progress.detail else []
    if left is not None and left >= 1:
        parts.append(f"about {left:.0f} s left")
    return ", ".join(parts)
