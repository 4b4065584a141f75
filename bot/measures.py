"""`synid evaluate | ablate | bench`: run the engine's measures, print and keep what they found."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bot.console import Reporter
from bot.pictures import save_png
from bot.requests import UnknownBenchError
from bot.settings import Settings
from storage.files import write_whole
from storage.names import folder_name
from storage.profiles import ProfileStore
from synid_engine.errors import InvalidSettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from synid_engine.evaluation.figures import BenchReport
    from synid_engine.evaluation.progress import BenchOptions

_SERVING, _BOT = "serving", "bot"


def evaluate(
    name: str, *, suite: Literal["quick", "full"], out: Path, data: Path | None, as_json: bool
) -> str:
    """Draw a suite of pictures of a character, measure them, write JSON and a contact sheet.

    Returns:
        What to print: a table and the paths, or one JSON object.

    Raises:
        ProfileNotFoundError: There is no such character.
        JobCancelledError: A person stopped it.
    """
    settings = Settings()
    stored = ProfileStore(settings.data_folder(data)).get(name)
    with Reporter(to_stderr=as_json) as reporter:
        reporter.say("loading the models")
        from synid_engine.engine import Character, Engine  # torch loads here
        from synid_engine.evaluation.suites import run_suite

        engine = Engine.load(settings.model_folder(), memory_gb=settings.memory_gb)
        character = Character.load(stored.folder, model_hash=engine.model_hash)
        report = run_suite(engine, character, suite=suite, on_progress=reporter)
    stem = out / f"evaluate-{folder_name(stored.profile.name)}-{suite}"
    fields = json.dumps(report.to_json(), ensure_ascii=False, indent=2)
    write_whole(stem.with_suffix(".json").absolute(), fields.encode() + b"\n")
    sheet = save_png(report.sheet, stem.with_suffix(".png"))
    return fields if as_json else f"{report.to_table()}\n{stem.with_suffix('.json').absolute()}\n{sheet}"


def _bench(name: str) -> "Callable[[BenchOptions], BenchReport]":
    """Return a bench; the one of the bot without the engine's libraries, which it would measure otherwise."""
    if name == _BOT:
        from bot.bot_bench import bench_bot

        return bench_bot
    from bot.moderation_bench import bench_moderation
    from bot.serving_bench import bench_serving
    from synid_engine.evaluation.benches import BENCHES
    from synid_engine.serving.gpu_bench import bench_gpu

    benches = {**BENCHES, _SERVING: bench_serving, "moderation": bench_moderation, "gpu": bench_gpu}
    if name not in benches:
        raise UnknownBenchError(name=name, known=tuple(sorted((*benches, _BOT))))
    return benches[name]


def bench(name: str, *, quick: bool, out: Path, as_json: bool, random_sd15: bool = False) -> str:
    """Run a bench and keep its figures as JSON.

    Args:
        name: Of the bench.
        quick: Take at most five minutes.
        out: Folder for the figures.
        as_json: Return JSON.
        random_sd15: Measure speed on randomly filled modules of Stable Diffusion 1.5's size.

    Returns:
        What to print: a table and the path, or one JSON object.

    Raises:
        UnknownBenchError: There is no such bench.
        InvalidSettingError: `random_sd15` goes with the serving bench alone.
        JobCancelledError: A person stopped it.
    """
    from synid_engine.evaluation.progress import BenchOptions

    run = _bench(name)
    if random_sd15 and name != _SERVING:
        raise InvalidSettingError(field="--random-sd15", value=name, allowed=_SERVING)
    with Reporter(to_stderr=as_json) as reporter:
        options = BenchOptions(
            quick=quick,
            models=Settings().model_folder(),
            out=out,
            on_progress=reporter,
            random_sd15=random_sd15,
        )
        report = run(options)
    fields = json.dumps(report.to_json(), ensure_ascii=False, indent=2)
    stem = f"bench-{name}{'-sd15' if random_sd15 else ''}{'-quick' if quick else ''}"
    path = (out / f"{stem}.json").absolute()
    write_whole(path, fields.encode() + b"\n")
    return fields if as_json else f"{report.to_table()}\n{path}"
