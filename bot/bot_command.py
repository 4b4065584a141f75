"""`synid bot`: parse, call."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("bot")(bot)


def bot(
    *,
    model: Annotated[
        Path | None, typer.Option(help="The base model's folder. [SYNID_MODELS]", show_default=False)
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The data folder. [SYNID_DATA]", show_default=False)
    ] = None,
) -> None:
    """Serve a data folder to Discord, until Ctrl-C or SIGTERM. The token comes from SYNID_DISCORD_TOKEN."""
    from bot.chat_errors import MissingTokenError
    from bot.serve import engine_of, log_lines
    from bot.settings import Settings
    from bot.words import AnyWords, EmbeddedWords
    from storage.data_folder import DataFolder

    settings = Settings()
    if settings.discord_token is None:
        raise MissingTokenError
    folder, chosen = DataFolder(settings.data_folder(data).absolute()), model or settings.models
    words = EmbeddedWords() if chosen is None else AnyWords()
    from bot.app import BotConfig, serve_discord
    from bot.moderation import PictureRule
    from bot.policy import WordPolicy, read_lists

    config = BotConfig(
        policy=WordPolicy(lists=read_lists(settings.policy)),
        rule=PictureRule(threshold=settings.nsfw_threshold),
    )

    with log_lines():
        asyncio.run(
            serve_discord(
                settings.discord_token.get_secret_value(),
                folder.path,
                engine_of(folder, model=chosen),
                words=words,
                config=config,
                log=logging.getLogger(__name__),
            )
        )
