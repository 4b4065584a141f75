"""What several owners ask for in one life of the house: creations, pictures, and all of it twice."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.control.client import ControlClient
from bot.coordinator.desk import CreateRequest, RenderRequest
from bot.coordinator_errors import NoCoordinatorError, RefusedError
from synid_engine.serving.messages import Job, RenderWork, Submission

from .fuse import DEADLY_SEED

_AGAIN_S = 0.1
_LASTING = frozenset(
    {"CharacterExistsError", "RequestKeyTakenError", "CharacterNotReadyError", "NotWaitingError"}
)


@dataclass(eq=False)
class Load:
    """The owners, and every job that they were promised.

    Attributes:
        promised: The job's number by owner and request key.
        ready: The names of an owner's characters that are made.
    """

    client: ControlClient
    promised: dict[tuple[int, str], int] = field(default_factory=dict)
    ready: list[str] = field(default_factory=list)

    async def live(self, number: int) -> None:
        """Ask for everything that belongs to one life."""
        plain = RenderWork(prompt=f"a woman with red hair, life {number}", num_inference_steps=12, pictures=2)
        short = plain.model_copy(update={"prompt": f"an old man, life {number}", "pictures": 1})
        asked = [
            self._create(number),
            self._submit(2, f"{number}", plain),
            self._submit(3, f"{number}", short),
        ]
        if self.ready:
            asked.append(self._render(1, f"picture {number}", self.ready[number % len(self.ready)]))
        await asyncio.gather(*asked, self._think_better(number, plain))

    async def deadly(self, number: int) -> int:
        """Ask for a picture that kills every engine, and return the job's number."""
        await self._submit(
            4, f"deadly {number}", RenderWork(prompt="an old man", seed=DEADLY_SEED, num_inference_steps=6)
        )
        return self.promised[4, f"deadly {number}"]

    async def answer(self, job_id: int, choice: int) -> None:
        """Answer a question, twice."""
        await asyncio.gather(*(lasting(lambda: self.client.answer(job_id, choice)) for _ in range(2)))

    async def _create(self, number: int) -> None:
        request = CreateRequest(
            request_key=f"creation {number}",
            owner_id=1,
            name=f"Nova {number}",
            description="a woman with red hair",
            ask=number % 2 == 1,
        )
        await self._promise(1, request.request_key, lambda: self.client.create(request))

    async def _render(self, owner: int, key: str, name: str) -> None:
        request = RenderRequest(request_key=key, owner_id=owner, name=name, prompt="smiling", pictures=2)
        await self._promise(owner, key, lambda: self.client.render(request))

    async def _submit(self, owner: int, key: str, work: RenderWork) -> None:
        submission = Submission(request_key=key, owner_id=owner, server_id=7, work=work)
        await self._promise(owner, key, lambda: self.client.submit(submission))

    async def _think_better(self, number: int, work: RenderWork) -> None:
        key = f"regretted {number}"
        await self._submit(3, key, work.model_copy(update={"num_inference_steps": 40}))
        await asyncio.sleep(0.05 * (number % 7))
        await lasting(lambda: self.client.cancel(self.promised[3, key]))

    async def _promise(self, owner: int, key: str, ask: Callable[[], Awaitable[Job]]) -> None:
        """Ask twice at once, until both times a job is promised, and it must be the same."""
        jobs = await asyncio.gather(lasting(ask), lasting(ask))
        numbers = {job.id for job in jobs if job is not None}
        assert len(numbers) == 1, (owner, key, numbers)
        self.promised[owner, key] = numbers.pop()


async def lasting(ask: Callable[[], Awaitable[Job]]) -> Job | None:
    """Ask until there is an answer; None if it is a refusal that lasts."""
    while True:
        try:
            return await ask()
        except NoCoordinatorError:
            pass
        except RefusedError as refused:
            if refused.kind in _LASTING:
                return None
        await asyncio.sleep(_AGAIN_S)
