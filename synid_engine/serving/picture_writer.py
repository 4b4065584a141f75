"""Finished pictures are written and judged in the order in which they come; beside the device, if that pays.

On a processor the thread that draws does it. Where a GPU draws, a thread of its own does, so that the next
step is not kept waiting for files; what comes of it is still told by the thread that draws.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

T = TypeVar("T")


class PictureWriter(Generic[T]):
    """Takes work for tasks. Not for use from several threads at once.

    Args of its maker:
        is_beside: Whether a thread of its own works.
    """

    def __init__(self, *, is_beside: bool) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures") if is_beside else None
        self._given: deque[tuple[T, Future[None], Callable[[], object]]] = deque()

    @property
    def is_busy(self) -> bool:
        """Whether something was given whose end has not been taken."""
        return bool(self._given)

    def give(self, task: T, work: Callable[[], None], *, then: Callable[[], object] = lambda: None) -> None:
        """Do work after all that was given before, and then, in the thread that takes its end, the rest.

        Without a thread of its own both are done at once, and what they raise passes through.
        """
        if self._thread is None:
            work()
            then()
        else:
            self._given.append((task, self._thread.submit(work), then))

    def ends(self, *, is_waiting: bool) -> Iterator[tuple[T, Callable[[], object]]]:
        """Yield each task whose work is done, and the rest of it, which raises what its work raised.

        Args:
            is_waiting: Whether to wait for the oldest.
        """
        if is_waiting and self._given:
            wait([self._given[0][1]])
        while self._given and self._given[0][1].done():
            task, written, then = self._given.popleft()
            yield task, lambda written=written, then=then: (written.result(), then())
