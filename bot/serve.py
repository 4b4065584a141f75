"""`synid serve`: one coordinator, its engine and its control socket, until somebody ends it in good order."""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bot.control.server import ControlServer
from bot.coordinator.opening import Opened, open_coordinator
from bot.coordinator.parts import CoordinatorConfig
from bot.policy import judging_of
from bot.settings import Settings
from bot.words import repertoire_of
from storage.data_folder import DataFolder
from synid_engine.errors import JobCancelledError
from synid_engine.serving.judging import Judging
from synid_engine.serving.link import EngineLink
from synid_engine.synid.repertoire import Repertoire

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CALIBRATION_FILE = "calibration.json"


def serve(*, data: Path | None, model: Path | None, recipe: Path | None = None) -> None:
    """Serve a data folder until SIGINT or SIGTERM; a second one ends it at once.

    Args:
        data: The folder; None is the usual one.
        model: The base model's; None is the environment's, else the embedded one.
        recipe: Other budgets for creations; see `synid_engine.serving.recipe`.

    Raises:
        CoordinatorRunningError: Another process serves it.
        StoreError: It cannot be read or written.
        JobCancelledError: It was ended before the engine had handed everything back.
    """
    settings = Settings()
    folder = DataFolder(settings.data_folder(data).absolute())
    with log_lines():
        chosen = settings.model_folder(model)
        link = engine_of(folder, model=chosen, recipe=recipe, judging=judging_of(settings))
        asyncio.run(serve_with(link, folder.path, repertoire=repertoire_of(chosen)))


def engine_of(
    folder: DataFolder, *, model: Path | None, recipe: Path | None = None, judging: Judging | None = None
) -> EngineLink:
    """Return the engine process of a data folder, not started yet.

    Args:
        folder: The data folder.
        model: The base model's; None is the embedded one.
        recipe: Other budgets for creations.
        judging: Who looks at pictures; the usual judge if None.
    """
    from synid_engine.serving.engine_options import EngineOptions
    from synid_engine.serving.supervisor import EngineSupervisor

    options = EngineOptions(
        spool=folder.spool,
        weights=folder.path / "weights",
        model=model,
        calibration=folder.path / _CALIBRATION_FILE,
        recipe=recipe,
        judging=judging or Judging(),
        compile=Settings().compile,
        memory_gb=Settings().memory_gb,
    )
    return EngineSupervisor(options, log_folder=folder.path)


async def serve_with(
    link: EngineLink,
    folder: Path,
    *,
    config: CoordinatorConfig | None = None,
    repertoire: Repertoire | None = None,
) -> None:
    """Serve a data folder over a link until a signal or a call drains it; errors as in `serve`."""
    log = logging.getLogger(__name__)
    async with open_coordinator(folder, link, config=config, repertoire=repertoire) as opened:
        async with ControlServer(opened.coordinator, opened.desk).listening(folder):
            log.info("serving %s", folder)
            await until_drained(opened, log)
        log.info("everything is handed back")


async def until_drained(opened: Opened, log: logging.Logger) -> None:
    """Wait until a signal, or a call, has drained a coordinator.

    Raises:
        JobCancelledError: A second signal ended it before everything was handed back.
    """
    ended = asyncio.create_task(opened.coordinator.ended())
    with _signalled() as signals:
        if await _signal_or(ended, signals):
            log.info("draining; once more to end at once")
            drained = asyncio.create_task(opened.coordinator.drain())
            if await _signal_or(drained, signals):
                raise JobCancelledError


async def _signal_or(task: asyncio.Task[None], signals: asyncio.Queue[int]) -> bool:
    """Wait for a task or a signal; tell whether the signal came first, and end the task then."""
    signalled = asyncio.create_task(signals.get())
    try:
        await asyncio.wait([task, signalled], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        return not task.done()
    finally:
        for one in (task, signalled):
            one.cancel()
        await asyncio.gather(task, signalled, return_exceptions=True)


@contextmanager
def _signalled() -> Generator[asyncio.Queue[int]]:
    """Turn signals into numbers in a queue while the block lasts."""
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[int] = asyncio.Queue()
    for one in _SIGNALS:
        loop.add_signal_handler(one, signals.put_nowait, int(one))
    try:
        yield signals
    finally:
        for one in _SIGNALS:
            loop.remove_signal_handler(one)


@contextmanager
def log_lines() -> Generator[None]:
    """Print what the coordinator notes as plain lines, each with the time since the start."""
    started = time.monotonic()

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            sys.stdout.write(f"{time.monotonic() - started:8.1f} s  {record.getMessage()}\n")
            sys.stdout.flush()

    handler, logger = Lines(), logging.getLogger("bot")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
