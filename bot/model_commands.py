"""`synid models list | pull | verify | path`: parse, call, print."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synid_engine.errors import InvalidSettingError

if TYPE_CHECKING:
    from storage.models import ModelStore
    from synid_engine.runtime.model_spec import ModelSpec

FAULTY = 1

Names = Annotated[
    list[str], typer.Argument(help="Sets or models, see `synid models list`.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Store = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the models. [SYNID_MODEL_STORE]", show_default=False),
]

models = typer.Typer(help="Fetch and check the models of the full-size product.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(models, name="models")


@models.command("list")
def list_models(*, store: Store = None, as_json: Json = False) -> None:
    """List the sets and models that can be pulled, their licences, and what is here."""
    from bot import model_lists

    here = _store(store)
    if as_json:
        _print(json.dumps(model_lists.fields(here), ensure_ascii=False, indent=2))
    else:
        _print("\n".join(model_lists.lines(here)))


@models.command("pull")
def pull_models(
    names: Names,
    *,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept licences that allow research only.")
    ] = False,
    base: Annotated[
        Path | None,
        typer.Option(
            help="A base model of your own: a diffusers folder or one .safetensors.", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What the set with your base is called.", show_default=False)
    ] = None,
    few_steps: Annotated[
        str | None,
        typer.Option(
            "--few-steps", help="Adapter that draws the set's lessons in few steps.", show_default=False
        ),
    ] = None,
    safety_checker: Annotated[
        bool, typer.Option("--safety-checker", help="With Stable Diffusion's own judge of pictures.")
    ] = False,
    store: Store = None,
) -> None:
    """Fetch what is lacking of sets and models; stopped or cut off, the same command goes on where it was."""
    from bot import model_pull, model_sets
    from synid_engine.runtime.model_table import SETS

    here = _store(store)
    sets = [SETS[one] for one in names if one in SETS]
    if few_steps is not None:
        sets = model_sets.with_few_steps(sets, few_steps)
    if safety_checker:
        sets = model_sets.with_safety_checker(sets)
    if base is None:
        _require_no_name(name)
        wanted = [*names, *(part.model for one in sets for part in one.parts)]
        _pull(model_pull.specs_of(wanted), here, accepts=accept)
        for folder in [model_sets.compose(one, here) for one in sets]:
            _print(str(folder))
        return
    if [one.name for one in sets] != list(names) or len(sets) != 1:
        raise InvalidSettingError(field="--base", value=" ".join(names), allowed="with the name of one set")
    wish = model_sets.wish_of(base, name, here)
    _pull(model_sets.companions(sets[0]), here, accepts=accept, room_besides=wish.room)
    _print(str(model_sets.compose_own(sets[0], wish, here)))


@models.command("verify")
def verify_models(
    names: Annotated[
        list[str] | None, typer.Argument(help="Sets or models; by default what is here.", show_default=False)
    ] = None,
    *,
    store: Store = None,
) -> int:
    """Read every byte of models again; a damaged file is set aside, and the exit code is 1."""
    from bot import model_lists

    found: list[bool] = []
    for one in model_lists.verified(names, _store(store)):
        _print(one.line())
        found.append(one.is_sound)
    if not found:
        _print("no model is here yet")
    return 0 if all(found) else FAULTY


@models.command("path")
def path_of_model(
    name: Annotated[str, typer.Argument(help="A set or a model.", show_default=False)], *, store: Store = None
) -> None:
    """Print a folder, as SYNID_MODELS and --model take it."""
    from bot import model_lists

    _print(str(model_lists.folder_of(name, _store(store))))


def _store(chosen: Path | None) -> "ModelStore":
    from bot.settings import Settings
    from storage.models import ModelStore

    return ModelStore(chosen.absolute() if chosen is not None else Settings().store_folder())


def _require_no_name(name: str | None) -> None:
    if name is not None:
        raise InvalidSettingError(field="--name", value=name, allowed="given together with --base")


def _pull(specs: Sequence["ModelSpec"], store: "ModelStore", *, accepts: bool, room_besides: int = 0) -> None:
    from bot import model_pull
    from bot.console import Reporter
    from bot.model_hub import HubConfig
    from bot.settings import Settings

    settings = Settings()
    model_pull.require_licences(specs, store, accepts=accepts)
    with Reporter(to_stderr=True) as reporter:
        for spec in specs:
            if store.lacking(spec):
                reporter.say(f"{spec.name}: {spec.licence} ({spec.licence_class})")
        model_pull.pull(
            specs,
            store,
            HubConfig(endpoint=settings.hub),
            is_offline=settings.is_offline,
            on_progress=reporter,
            check_stop=reporter.check,
            room_besides=room_besides,
        )


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
