"""`synid bot`: parse, call."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("bot")(bot)


def bot(
    *,
    model: Annotated[
        Path | None,
        typer.Option(help="The base model: a folder, or a pulled set. [SYNID_MODELS]", show_default=False),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The data folder. [SYNID_DATA]", show_default=False)
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say what is missing, print the invite link, and end.")
    ] = False,
) -> None:
    """Serve a data folder to Discord, until Ctrl-C or SIGTERM. The token comes from SYNID_DISCORD_TOKEN."""
    from bot.chat_errors import MissingTokenError
    from bot.serve import engine_of, log_lines
    from bot.settings import Settings
    from bot.words import words_of
    from storage.data_folder import DataFolder

    settings = Settings()
    if check:
        raise typer.Exit(_check(settings, data=data, model=model))
    if settings.discord_token is None:
        raise MissingTokenError
    folder, chosen = DataFolder(settings.data_folder(data).absolute()), settings.model_folder(model)
    from bot.app import config_of, serve_discord
    from bot.policy import judging_of

    with log_lines():
        asyncio.run(
            serve_discord(
                settings.discord_token.get_secret_value(),
                folder.path,
                engine_of(folder, model=chosen, judging=judging_of(settings)),
                words=words_of(chosen),
                config=config_of(settings),
                log=logging.getLogger(__name__),
            )
        )


def _check(settings: "Settings", *, data: Path | None, model: Path | None) -> int:
    """Print what was found, and return the exit code: 0 if nothing is missing."""
    from bot.checkup import look_at_discord, look_at_machine, report
    from bot.policy import judging_of

    token = settings.discord_token
    findings = asyncio.run(look_at_discord(None if token is None else token.get_secret_value()))
    chosen = settings.model_folder(model)
    findings += look_at_machine(settings.data_folder(data).absolute(), chosen, judging_of(settings))
    sys.stdout.write(f"{report(findings)}\n")
    return 0 if all(one.is_good for one in findings) else 1
