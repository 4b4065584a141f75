"""`synid submit | watch | answer | cancel | health`: calls to the coordinator that serves a data folder."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from bot.control.client import ControlClient
from bot.coordinator.client import CoordinatorHealth, JobEvent, StateChanged
from bot.coordinator.desk import CreateRequest, EvaluateRequest, RenderRequest
from bot.requests import clean_text
from bot.settings import Settings
from storage.data_folder import DataFolder
from storage.names import clean_name
from synid_engine.errors import InvalidSettingError
from synid_engine.serving.messages import Job, JobState


def create(request: CreateRequest, *, data: Path | None) -> Job:
    """Ask for a new character.

    Raises:
        InvalidRequestError: The name or the description cannot be, or nothing serves the folder.
        RefusedError: The coordinator refused.
    """
    clean_name(request.name)
    clean_text(request.description, field="description")
    return asyncio.run(ControlClient(data_folder(data).path).create(request))


def render(request: RenderRequest, *, data: Path | None) -> Job:
    """Ask for pictures of a character; errors as in `create`."""
    clean_name(request.name)
    clean_text(request.prompt, field="prompt")
    return asyncio.run(ControlClient(data_folder(data).path).render(request))


def evaluate(request: EvaluateRequest, *, data: Path | None) -> Job:
    """Ask how steady a character is; errors as in `create`."""
    clean_name(request.name)
    return asyncio.run(ControlClient(data_folder(data).path).evaluate(request))


def answer(job_id: int, number: int, *, data: Path | None) -> Job:
    """Answer a question with the number of a choice, from 1; errors as in `create`."""
    if number < 1:
        raise InvalidSettingError(field="choice", value=number, allowed="1 or more")
    return asyncio.run(ControlClient(data_folder(data).path).answer(job_id, number - 1))


def cancel(job_id: int, *, data: Path | None) -> Job:
    """End a job; errors as in `create`."""
    return asyncio.run(ControlClient(data_folder(data).path).cancel(job_id))


def health(*, data: Path | None) -> CoordinatorHealth:
    """Return how the coordinator and its engine are; errors as in `create`."""
    return asyncio.run(ControlClient(data_folder(data).path).health())


def watch(job_id: int, show: Callable[[JobEvent], None], *, follow: bool, data: Path | None) -> bool:
    """Show what is known of a job, and with `follow` everything that happens until it is over.

    Returns:
        Whether it has not failed.

    Raises:
        NoCoordinatorError: Nothing serves the folder.
        RefusedError: There is no such job.
    """
    return asyncio.run(_watch(ControlClient(data_folder(data).path), job_id, show, follow=follow))


def data_folder(chosen: Path | None) -> DataFolder:
    """Return the data folder that is meant."""
    return DataFolder(Settings().data_folder(chosen).absolute())


async def _watch(
    client: ControlClient, job_id: int, show: Callable[[JobEvent], None], *, follow: bool
) -> bool:
    state: JobState | None = None
    async with aclosing(client.events(job_id)) as events:
        async for event in events:
            show(event)
            if isinstance(event, StateChanged):
                state = event.job.state
                if not follow:
                    break
    return state is not JobState.FAILED
