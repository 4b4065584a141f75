"""What the engine sees in pictures that somebody brought: asked here, and answered when it has looked."""

import asyncio
from typing import Generic, TypeVar

from synid_engine.serving.link import EngineDownError
from synid_engine.serving.messages import Hash

_Seen = TypeVar("_Seen")


class Verdicts(Generic[_Seen]):
    """Questions that wait for the engine."""

    def __init__(self) -> None:
        self._waiting: dict[Hash, asyncio.Future[_Seen]] = {}

    def ask(self, image: Hash) -> asyncio.Future[_Seen]:
        """Return what will be the answer; two who ask for one picture wait for one answer."""
        waiting = self._waiting.get(image)
        if waiting is None:
            waiting = self._waiting[image] = asyncio.get_running_loop().create_future()
        return waiting

    def settle(self, image: Hash, seen: _Seen) -> None:
        """Answer; nobody may be waiting any more."""
        waiting = self._waiting.pop(image, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(seen)

    def give_up(self) -> None:
        """Tell all who wait that the engine is gone."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(EngineDownError())
        self._waiting.clear()
