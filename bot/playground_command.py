"""`synid playground`: parse, call."""

import asyncio
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.playground.serve import Playground

_HIGHEST_PORT = 65_535


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("playground")(playground)


def playground(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=_HIGHEST_PORT, help="The page's port; 0 for one that is free.")
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page, where there is a display.")] = True,
    lan: Annotated[bool, typer.Option("--lan", help="Let a phone in your network in, by a code.")] = False,
    model: Annotated[
        Path | None,
        typer.Option(help="The base model: a folder, or a pulled set. [SYNID_MODELS]", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Data folder; by default `playground` in the usual one.", show_default=False
        ),
    ] = None,
) -> None:
    """Chat with the bot in your browser, until Ctrl-C: a Discord on this machine, no token and no account."""
    from bot.app import config_of
    from bot.peak_memory import PeakMemory
    from bot.policy import judging_of
    from bot.serve import engine_of, log_lines
    from bot.settings import Settings
    from bot.studio import BotWish, PageWish, serve_playground
    from bot.words import words_of
    from storage.data_folder import DataFolder

    settings = Settings()
    folder = DataFolder((data or settings.data_folder(None) / "playground").absolute())
    chosen = settings.model_folder(model)

    def opened(page: "Playground") -> None:
        _tell(page)
        if browser and settings.has_display:
            webbrowser.open(page.link)

    with log_lines():
        asyncio.run(
            serve_playground(
                folder.path,
                engine_of(folder, model=chosen, judging=judging_of(settings)),
                BotWish(words=words_of(chosen), config=config_of(settings)),
                page=PageWish(port=port, lan=lan, opened=opened),
            )
        )
    sys.stdout.write(f"{PeakMemory.measured()}\n")


def _tell(page: "Playground") -> None:
    from bot.playground.phone import qr_code

    lines = [f"the playground is at {page.link}"]
    if page.phone_link is not None:
        lines += [qr_code(page.phone_link), f"on a phone in this network: {page.phone_link}"]
    sys.stdout.write("\n".join([*lines, "Ctrl-C ends it", ""]))
    sys.stdout.flush()
