"""A long blocking call that is run one step at a time, by whoever owns the device."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from synid_engine.errors import JobCancelledError
from synid_engine.synid.stage import OnProgress, Progress

T = TypeVar("T")


class StepwiseCall(Generic[T]):
    """Runs a call in a thread of its own, which works only while `step` waits for it.

    The call reports its progress after each step, and is held there until its next turn. Two such calls, or
    one and its caller, therefore never use the device at the same time.
    """

    def __init__(self, call: Callable[[OnProgress], T], *, name: str) -> None:
        self._call = call
        self._turn, self._ended_turn = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._cancelled = False
        self._over = False
        self._result: T | None = None
        self._error: BaseException | None = None
        self.progress: Progress | None = None

    @property
    def is_over(self) -> bool:
        """Whether the call has returned or raised."""
        return self._over

    def step(self) -> bool:
        """Let the call work until its next report.

        Returns:
            Whether it is over.
        """
        if self._over:
            return True
        if self._thread.ident is None:
            self._thread.start()
        self._turn.release()
        self._ended_turn.acquire()
        if self._over:
            self._thread.join()
        return self._over

    def cancel(self) -> None:
        """Let the call raise JobCancelledError at its report; one that has not begun never does."""
        self._cancelled = True
        if self._thread.ident is None:
            self._error, self._over = JobCancelledError(), True
        else:
            while not self.step():
                pass

    def result(self) -> T:
        """Return what the call returned, or raise what it raised; only when it is over."""
        if self._error is not None:
            raise self._error
        return self._result  # pyright: ignore[reportReturnType]  (set where there is no error)

    def _run(self) -> None:
        self._turn.acquire()
        try:
            self._result = self._call(self._report)
        except BaseException as error:  # noqa: BLE001  (handed to whoever asks for the result)
            self._error = error
        self._over = True
        self._ended_turn.release()

    def _report(self, progress: Progress) -> None:
        self.progress = progress
        self._ended_turn.release()
        self._turn.acquire()
        if self._cancelled:
            raise JobCancelledError
