"""A long blocking call that is run one step at a time, by whoever owns the device."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from synid_engine.errors import JobCancelledError
from synid_engine.runtime.backbone import Backbone
from synid_engine.synid.exercise import OWN_ROOM, Exercise
from synid_engine.synid.stage import OnProgress, Progress

T = TypeVar("T")


class StepwiseCall(Generic[T]):
    """Runs a call in a thread of its own, which works only while `step` waits for it.

    The call reports its progress after each step, and is held there until its next turn. Two such calls, or
    one and its caller, therefore never use the device at the same time.

    In a `SharedRoom` it is held before each training step too, with the exercise that it would do: whoever
    runs it may work that out beside others' and leave the loss in `worked_out`, or let it do so by itself.
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
        self.exercise: Exercise | None = None
        self.worked_out: float | None = None

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

    def hold(self, exercise: Exercise) -> float | None:
        """Wait before a training step; called by the call itself.

        Returns:
            The loss, if the exercise has been worked out meanwhile.
        """
        self.exercise, self.worked_out = exercise, None
        try:
            self._pause()
        finally:
            self.exercise = None
        return self.worked_out

    def _run(self) -> None:
        _CALL.set(self)
        self._turn.acquire()
        try:
            self._result = self._call(self._report)
        except BaseException as error:  # noqa: BLE001  (handed to whoever asks for the result)
            self._error = error
        self._over = True
        self._ended_turn.release()

    def _report(self, progress: Progress) -> None:
        self.progress = progress
        self._pause()

    def _pause(self) -> None:
        self._ended_turn.release()
        self._turn.acquire()
        if self._cancelled:
            raise JobCancelledError


class SharedRoom:
    """Holds a creation that runs stepwise at each of its exercises, for whoever runs it."""

    def work_out(self, exercise: Exercise, backbone: Backbone) -> float:
        """Set the gradients of the character's tensors, and return its loss."""
        call = _CALL.get()
        loss = None if call is None else call.hold(exercise)
        return OWN_ROOM.work_out(exercise, backbone) if loss is None else loss


_CALL: ContextVar[StepwiseCall[Any] | None] = ContextVar("the stepwise call of this thread", default=None)
