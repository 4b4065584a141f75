"""The commands around a served data folder, from `serve` and `submit` to `doctor`: parse, call, print."""

import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.requests import LARGEST_SEED, LONGEST_KEY, MOST_PICTURES
from synid_engine.errors import InvalidSettingError

if TYPE_CHECKING:
    from synid_engine.serving.messages import Job

FAULTY = 1

Data = Annotated[
    Path | None, typer.Option("--data", help="The data folder. [SYNID_DATA]", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobId = Annotated[int, typer.Argument(min=0, max=LARGEST_SEED, help="The job's number.", show_default=False)]
Owner = Annotated[int, typer.Option("--owner", min=0, max=LARGEST_SEED, help="Who asks.")]
Server = Annotated[int | None, typer.Option("--server", min=0, max=LARGEST_SEED, show_default=False)]
Key = Annotated[
    str | None,
    typer.Option("--request-key", help="The same key is the same job. By default a new one."),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, max=LARGEST_SEED, show_default=False)]
Pose = Annotated[str, typer.Option(help="A pose that the base model declares.", show_default=False)]
PoseStrength = Annotated[
    float | None,
    typer.Option("--pose-strength", min=0.0, max=2.0, help="How strictly it is kept.", show_default=False),
]
Shape = Annotated[str, typer.Option(help="A shape of pictures that it declares.", show_default=False)]
File = Annotated[Path, typer.Argument(help="The backup.", show_default=False)]

submit = typer.Typer(help="Put a job in the queue of a served data folder.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(submit, name="submit")
    for command in (serve, watch, answer, cancel, backup, restore, doctor, health):
        app.command()(command)


def serve(
    *,
    model: Annotated[
        Path | None,
        typer.Option(help="The base model: a folder, or a pulled set. [SYNID_MODELS]", show_default=False),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="JSON with other budgets for creations.", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """Serve a data folder's queue with one engine, until Ctrl-C or SIGTERM."""
    from bot.serve import serve as serve_folder

    serve_folder(data=data, model=model, recipe=recipe)


@submit.command("create")
def submit_create(  # noqa: PLR0913 - as many parameters as it has options
    name: Annotated[str, typer.Argument(help="The character's name.", show_default=False)],
    description: Annotated[str, typer.Argument(help="The character in words.", show_default=False)],
    *,
    style: Annotated[str, typer.Option(help="An art style; by default the description's.")] = "",
    ask: Annotated[bool, typer.Option("--ask", help="Let a person pick the portrait.")] = False,
    seed: Seed = None,
    owner: Owner = 0,
    server: Server = None,
    request_key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask for a new character."""
    from bot import queue_calls
    from bot.coordinator.desk import CreateRequest

    request = CreateRequest(
        request_key=_key(request_key),
        owner_id=owner,
        server_id=server,
        seed=seed,
        name=name,
        description=description,
        style=style,
        ask=ask,
    )
    _print_job(queue_calls.create(request, data=data), as_json=as_json)


@submit.command("render")
def submit_render(  # noqa: PLR0913 - as many parameters as it has options
    name: Annotated[str, typer.Argument(help="The character's name.", show_default=False)],
    prompt: Annotated[str, typer.Argument(help="Expression, scene, framing.", show_default=False)],
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=MOST_PICTURES, help="Pictures.")] = 1,
    negative: Annotated[str, typer.Option("--negative", help="What to steer away from.")] = "",
    pose: Pose = "",
    pose_strength: PoseStrength = None,
    shape: Shape = "",
    seed: Seed = None,
    owner: Owner = 0,
    server: Server = None,
    request_key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask for pictures of a character."""
    from bot import queue_calls
    from bot.coordinator.desk import RenderRequest

    request = RenderRequest(
        request_key=_key(request_key),
        owner_id=owner,
        server_id=server,
        seed=seed,
        name=name,
        prompt=prompt,
        negative_prompt=negative,
        pose=pose,
        pose_strength=pose_strength,
        shape=shape,
        pictures=count,
    )
    _print_job(queue_calls.render(request, data=data), as_json=as_json)


@submit.command("evaluate")
def submit_evaluate(
    name: Annotated[str, typer.Argument(help="The character's name.", show_default=False)],
    *,
    owner: Owner = 0,
    server: Server = None,
    request_key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask how steady a character is, by eight pictures."""
    from bot import queue_calls
    from bot.coordinator.desk import EvaluateRequest

    request = EvaluateRequest(request_key=_key(request_key), owner_id=owner, server_id=server, name=name)
    _print_job(queue_calls.evaluate(request, data=data), as_json=as_json)


def watch(
    job: JobId,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Until it is over.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> int:
    """Show a job: its place in the queue, its progress, its pictures and figures."""
    from bot import queue_calls, queue_words
    from bot.coordinator.client import JobEvent, StateChanged

    folder, shown = queue_calls.data_folder(data), None

    def show(event: JobEvent) -> None:
        nonlocal shown
        if as_json:
            _print(json.dumps(queue_words.fields(event, folder), ensure_ascii=False))
            return
        _print("\n".join(queue_words.lines(event, folder, shown=shown)))
        if isinstance(event, StateChanged):
            shown = event.job.result

    return 0 if queue_calls.watch(job, show, follow=follow, data=data) else FAULTY


def answer(
    job: JobId,
    choice: Annotated[int, typer.Argument(help="The number of the choice, from 1.", show_default=False)],
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Answer the question that a job waits with."""
    from bot import queue_calls

    _print_job(queue_calls.answer(job, choice, data=data), as_json=as_json)


def cancel(job: JobId, *, data: Data = None, as_json: Json = False) -> None:
    """End a job, whatever it does."""
    from bot import queue_calls

    _print_job(queue_calls.cancel(job, data=data), as_json=as_json)


def backup(file: File, *, data: Data = None, as_json: Json = False) -> None:
    """Write a data folder as one file; it may be served meanwhile."""
    from bot.settings import Settings
    from storage.backup import backup as back_up

    done = back_up(Settings().data_folder(data), file)
    if as_json:
        _print_json({"file": str(file), "members": done.members, "left_out": list(done.left_out)})
        return
    _print("\n".join([*(f"left out, for it is damaged: {name}" for name in done.left_out), str(file)]))


def restore(file: File, *, data: Data = None, as_json: Json = False) -> None:
    """Make a data folder, which must be empty or absent, from a backup."""
    from bot.settings import Settings
    from storage.backup import restore as restore_to

    folder = Settings().data_folder(data)
    done = restore_to(file, folder)
    if as_json:
        _print_json({"folder": str(folder), "members": done.members})
    else:
        _print(f"{done.members} files are restored to {folder}")


def doctor(*, data: Data = None, as_json: Json = False) -> int:
    """Check a data folder and the installation; the exit code is 1 if something is wrong with them.

    It also tells the memory plans of Stable Diffusion 1.5.
    """
    from bot.installation import look_at_installation
    from bot.memory_table import card_plans, table_lines
    from bot.settings import Settings
    from storage.diagnosis import diagnose

    folder = Settings().data_folder(data)
    findings = diagnose(folder)
    faults, plans = look_at_installation(), card_plans(memory_gb=Settings().memory_gb)
    is_sound = not faults and not any(one.is_fault for one in findings)
    if as_json:
        listed = [{"kind": one.kind, "subject": one.subject, "detail": one.detail} for one in findings]
        clashes = [{"subject": one.subject, "detail": one.words} for one in faults]
        fields = {"is_sound": is_sound, "findings": listed, "installation": clashes}
        _print_json({"folder": str(folder), **fields, "memory": [one.to_fields() for one in plans]})
    else:
        words = (f"{one.kind}: {one.subject}{f' ({one.detail})' if one.detail else ''}" for one in findings)
        clashes = (f"installation: {one.subject}: {one.words}" for one in faults)
        verdict = "nothing is wrong with" if is_sound else "something is wrong with"
        _print("\n".join([*words, *clashes, *table_lines(plans), f"{verdict} {folder}"]))
    return 0 if is_sound else FAULTY


def health(*, data: Data = None, as_json: Json = False) -> int:
    """Ask whoever serves a data folder how it is; the exit code is 1 if its engine takes no work."""
    from bot import queue_calls

    found = queue_calls.health(data=data)
    if as_json:
        _print_json(found.model_dump(mode="json"))
    else:
        state = "ready" if found.is_ready else found.stage or "not ready"
        _print(f"{state}: {found.queued} jobs wait, {found.in_engine} are at work {found.trouble}".rstrip())
    return 0 if found.is_ready else FAULTY


def _key(chosen: str | None) -> str:
    if chosen is not None and not 1 <= len(chosen) <= LONGEST_KEY:
        allowed = f"1 to {LONGEST_KEY} characters"
        raise InvalidSettingError(field="--request-key", value=chosen, allowed=allowed)
    return secrets.token_hex(8) if chosen is None else chosen


def _print_job(job: "Job", *, as_json: bool) -> None:
    if as_json:
        _print_json(job.model_dump(mode="json"))
    else:
        _print(f"job {job.id} is {job.state}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _print_json(fields: Mapping[str, object]) -> None:
    _print(json.dumps(fields, ensure_ascii=False, indent=2))
