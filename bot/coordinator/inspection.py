"""Pictures that somebody brought, shown to the engine for as long as it looks at them."""

import asyncio
import hashlib
import itertools
import logging
from dataclasses import dataclass
from typing import TypeVar

from bot.coordinator.parts import Parts
from bot.coordinator.verdicts import Verdicts
from bot.coordinator_errors import EngineSilentError, PoseReaderBrokenError
from synid_engine.errors import (
    NobodyFoundError,
    NoPoseControlError,
    NoPoseEstimatorError,
    UnreadablePictureError,
)
from synid_engine.pose.body import Body
from synid_engine.serving.link import EngineDownError
from synid_engine.serving.messages import Failure
from synid_engine.serving.orders import Judge, ReadPose

_LOG = logging.getLogger(__name__)
_ANSWER_S = 60.0  # how long the engine may take to look at a picture; a step may come before it
_Seen = TypeVar("_Seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtPose:
    """The pose of the largest of the `people` in a picture."""

    body: Body
    people: int


class Inspection:
    """Asks the engine what it sees; nothing of a picture is kept."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._numbers = itertools.count()

    async def judge(self, picture: bytes) -> float | None:
        """Let the engine judge a picture.

        Returns:
            How likely it is to be sexual; None if it is no picture.

        Raises:
            EngineDownError: There is no engine that could.
            EngineSilentError: It does not answer.
            DiskFullError: There is no room for the picture.
            UnwritableError: The system refuses to write it.
        """
        digest = hashlib.sha256(picture).hexdigest()
        return await self._seen(picture, Judge(image=digest), self._parts.verdicts)

    async def read_pose(self, picture: bytes) -> BroughtPose:
        """Let the engine read the pose of the largest person in a picture; further errors as in `judge`.

        Raises:
            NobodyFoundError: There is nobody.
            NoPoseControlError: The base model cannot be held to a pose.
            NoPoseEstimatorError: Nothing there can read one.
            UnreadablePictureError: The engine takes it for no picture.
            PoseReaderBrokenError: Something else went wrong; it is in the log.
        """
        digest = hashlib.sha256(picture).hexdigest()
        read = await self._seen(picture, ReadPose(image=digest), self._parts.poses)
        if read.body is not None:
            return BroughtPose(body=read.body, people=read.people)
        failure = read.failure or Failure(reason="")
        if failure.reason == NobodyFoundError.__name__:
            raise NobodyFoundError
        if failure.reason == NoPoseControlError.__name__:
            raise NoPoseControlError
        if failure.reason == NoPoseEstimatorError.__name__:
            raise NoPoseEstimatorError(detail=failure.detail.removeprefix("detail: "))
        if failure.reason == UnreadablePictureError.__name__:
            raise UnreadablePictureError(detail=failure.detail.removeprefix("detail: "))
        _LOG.error("no pose could be read from a picture: %s: %s", failure.reason, failure.detail)
        raise PoseReaderBrokenError

    async def _seen(self, picture: bytes, order: Judge | ReadPose, answers: Verdicts[_Seen]) -> _Seen:
        if self._parts.engine.ready is None:
            raise EngineDownError
        holder = f"look {next(self._numbers)}"
        await self._parts.spool.put(holder, picture)
        try:
            answer = answers.ask(order.image)
            await self._parts.link.send(order)
            async with asyncio.timeout(_ANSWER_S):
                return await asyncio.shield(answer)
        except TimeoutError as error:
            raise EngineSilentError(seconds=_ANSWER_S) from error
        finally:
            await self._parts.spool.hold(holder, ())
