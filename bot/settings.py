"""What the environment says; nothing else in the project reads it."""

import sys
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from synid_engine.serving.engine_options import CompileChoice


class Settings(BaseSettings):
    """The environment's wishes, each `SYNID_` and its name in capitals; the display is the system's own.

    Attributes:
        data: Folder of the characters.
        models: Folder of the base model, in the layout of diffusers; the embedded model if absent.
        discord_token: What the bot logs in to Discord with.
        policy: File with further words and patterns that are refused; see `bot/policy.toml`.
        compile: `on` or `off` for compiling the engine's step when it starts; `auto` compiles on a CUDA GPU.
        nsfw_threshold: From this score of the classifier on, pictures are withheld.
        display: Where windows open, as X and Wayland name it.
    """

    model_config = SettingsConfigDict(env_prefix="SYNID_", frozen=True, env_ignore_empty=True)

    data: Path | None = None
    models: Path | None = None
    discord_token: SecretStr | None = None
    policy: Path | None = None
    compile: CompileChoice = "auto"
    nsfw_threshold: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    display: str | None = Field(default=None, validation_alias=AliasChoices("DISPLAY", "WAYLAND_DISPLAY"))

    @property
    def has_display(self) -> bool:
        """Whether a browser can show a window here."""
        return self.display is not None or sys.platform in {"darwin", "win32"}

    def data_folder(self, chosen: Path | None) -> Path:
        """Return the data folder: the one chosen, else the environment's, else the platform's."""
        return chosen or self.data or user_data_path("synid", appauthor=False)
