"""The `synid` command: parse, call, print. Whatever is slow to import is imported inside its command."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from bot import bot_command, model_commands, playground_command
from bot.errors import sentence
from bot.requests import LARGEST_SEED, MOST_PICTURES
from bot.serve_commands import Pose, PoseStrength, Shape, register
from synid_engine.errors import JobCancelledError, SynIDError
from synid_engine.runtime.waiting_threads import sleep_soon

CANCELLED = 130
MISTAKE = 2

app = typer.Typer(
    name="synid",
    help="A character from words: described once, drawn the same ever after.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

Name = Annotated[str, typer.Argument(help="The character's name.", show_default=False)]
Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of the characters. [SYNID_DATA]", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for what is written.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, max=LARGEST_SEED, show_default=False)]


def main() -> None:
    """Run the command line and leave with its exit code."""
    sleep_soon()
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command.

    Returns:
        0, or 2 after a mistake told in one line, or 130 after Ctrl-C.
    """
    try:
        result: object = app(list(arguments) or ["--help"], prog_name="synid", standalone_mode=False)
    except (JobCancelledError, KeyboardInterrupt, typer.Abort):
        return _fail("cancelled", CANCELLED)
    except SynIDError as error:
        return _fail(sentence(error), MISTAKE)
    except typer.TyperException as error:
        return _fail(error.format_message(), MISTAKE)
    return result if isinstance(result, int) else 0


def _fail(line: str, code: int) -> int:
    sys.stderr.write(f"synid: {' '.join(line.split())}\n")
    return code


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _print_json(fields: Mapping[str, object]) -> None:
    _print(json.dumps(fields, ensure_ascii=False, indent=2))


@app.command()
def create(
    name: Name,
    description: Annotated[str, typer.Argument(help="The character in words.", show_default=False)],
    *,
    seed: Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED)] = 0,
    style: Annotated[str | None, typer.Option(help="An art style; by default the description's.")] = None,
    pick: Annotated[Literal["auto", "ask"], typer.Option(help="Who picks the portrait among four.")] = "auto",
    warm_start: Annotated[bool, typer.Option("--warm-start", help="Begin from your characters.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a character from words."""
    from bot import characters

    wish = characters.Wish(
        name=name, description=description, seed=seed, style=style, ask=pick == "ask", warm_start=warm_start
    )
    made = characters.create(wish, data=data, quiet=as_json)
    if as_json:
        _print_json(made.to_fields())
    else:
        _print("\n".join(made.to_lines()))


@app.command()
def render(  # noqa: PLR0913 - as many parameters as it has options
    name: Name,
    prompt: Annotated[str, typer.Argument(help="Expression, scene, framing.", show_default=False)],
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=MOST_PICTURES, help="Pictures.")] = 1,
    seed: Seed = None,
    pose: Pose = "",
    pose_image: Annotated[
        Path | None, typer.Option("--pose-image", help="A picture of the pose.", show_default=False)
    ] = None,
    pose_strength: PoseStrength = None,
    shape: Shape = "",
    out: Out = Path("out"),
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Draw a character in an expression, scene or framing."""
    from bot import characters

    wish = characters.DrawWish(
        name=name,
        prompt=prompt,
        pose=pose,
        pose_image=pose_image,
        pose_strength=pose_strength,
        shape=shape,
        count=count,
        seed=seed,
    )
    drawn = characters.render(wish, out=out, data=data, quiet=as_json)
    if as_json:
        _print_json(drawn.to_fields())
    else:
        _print("\n".join(drawn.to_lines()))


@app.command("list")
def list_characters(*, data: Data = None, as_json: Json = False) -> None:
    """List the characters."""
    from bot import roster

    if as_json:
        _print_json(roster.listing(data=data))
    else:
        _print(roster.table(data=data))


@app.command()
def show(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Show what is known about a character."""
    from bot import roster

    fields = roster.details(name, data=data)
    if as_json:
        _print_json(fields)
    else:
        _print(roster.as_lines(fields))


@app.command()
def delete(name: Name, *, data: Data = None) -> None:
    """Remove a character and its files."""
    from bot import roster

    _print(roster.delete(name, data=data))


@app.command("export")
def export_file(
    name: Name,
    file: Annotated[
        Path | None, typer.Argument(help="File or folder; by default NAME.character here.")
    ] = None,
    *,
    data: Data = None,
) -> None:
    """Write a character as one file."""
    from bot import roster

    _print(str(roster.export(name, file or Path(), data=data)))


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A .character file.", show_default=False)],
    *,
    name: Annotated[
        str | None, typer.Option("--name", help="Another name for it.", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """Read a character from one file, after checking all of it."""
    from bot import roster

    _print(roster.import_(file, name=name, data=data))


@app.command()
def evaluate(
    name: Name,
    *,
    suite: Annotated[Literal["quick", "full"], typer.Option(help="How many pictures.")] = "quick",
    out: Out = Path("out"),
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Measure how well a character stays itself and follows prompts."""
    from bot import measures

    _print(measures.evaluate(name, suite=suite, out=out, data=data, as_json=as_json))


@app.command()
def ablate(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="At most five minutes, marked as quick.")] = False,
    out: Out = Path("out"),
    as_json: Json = False,
) -> None:
    """Measure what each stage of SynID adds."""
    from bot import measures

    _print(measures.bench("ablation", quick=quick, out=out, as_json=as_json))


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="tiny, identity, serving, ...", show_default=False)],
    *,
    quick: Annotated[bool, typer.Option("--quick", help="At most five minutes, marked as quick.")] = False,
    random_sd15: Annotated[
        bool,
        typer.Option("--random-sd15", help="Speed alone, of random modules as large as SD 1.5's."),
    ] = False,
    out: Out = Path("out"),
    as_json: Json = False,
) -> None:
    """Print figures against their targets."""
    from bot import measures

    _print(measures.bench(name, quick=quick, out=out, as_json=as_json, random_sd15=random_sd15))


@app.command()
def demo(*, out: Out = Path("out")) -> None:
    """Make a character in a chat on this machine and draw it on one page, out/demo.png."""
    from bot.console import Reporter
    from bot.demo import run_demo
    from bot.serve import engine_of
    from bot.settings import Settings
    from bot.words import words_of

    model = Settings().model_folder()
    with Reporter() as reporter:
        result = run_demo(
            out,
            engine=lambda folder: engine_of(folder, model=model),
            words=words_of(model),
            reporter=reporter,
        )
        reporter.say(f"the conversation: {result.conversation}")
        reporter.say(str(result.memory))
    _print(str(result.sheet))


register(app)
bot_command.register(app)
playground_command.register(app)
model_commands.register(app)

if __name__ == "__main__":
    main()
