"""What the environment says; nothing else in the project reads it."""

import sys
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from synid_engine.serving.engine_options import CompileChoice

_YES = frozenset({"1", "on", "yes", "true"})


def _is_true(value: object) -> bool:
    """Read a flag as the libraries do that have it, to whom every other word means no."""
    return value is True or str(value).lower() in _YES


DEFAULT_THRESHOLD = 0.8
"""Score from which pictures are withheld."""


class Settings(BaseSettings):
    """The environment's wishes, each `SYNID_` and its name in capitals; the display is the system's own.

    Attributes:
        data: Folder of the characters.
        models: The base model: a folder in the layout of diffusers, or the name of a set that was pulled; the
            embedded model if absent.
        model_store: Folder of the models that `synid models` pulls.
        hub: Address that it pulls from, as other programs of this kind name it: a mirror will do.
        is_offline: Whether nothing may be fetched, likewise.
        discord_token: What the bot logs in to Discord with.
        policy: File with further words and patterns that are refused; see `bot/policy.toml`.
        compile: `on` or `off` for compiling the engine's step when it starts; `auto` compiles on a CUDA GPU.
        memory_gb: What the engine may take of the GPU, in units of 2**30 bytes; all that is free if absent.
        nsfw_threshold: From this score of the classifier on, pictures are withheld.
        display: Where windows open, as X and Wayland name it.
    """

    model_config = SettingsConfigDict(env_prefix="SYNID_", frozen=True, env_ignore_empty=True)

    data: Path | None = None
    models: Path | None = None
    model_store: Path | None = None
    hub: str = Field(default="https://huggingface.co", validation_alias=AliasChoices("HF_ENDPOINT"))
    is_offline: Annotated[bool, BeforeValidator(_is_true)] = Field(
        default=False, validation_alias=AliasChoices("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )
    discord_token: SecretStr | None = None
    policy: Path | None = None
    compile: CompileChoice = "auto"
    memory_gb: Annotated[float, Field(gt=0.0)] | None = None
    nsfw_threshold: Annotated[float, Field(gt=0.0, le=1.0)] = DEFAULT_THRESHOLD
    display: str | None = Field(default=None, validation_alias=AliasChoices("DISPLAY", "WAYLAND_DISPLAY"))

    @property
    def has_display(self) -> bool:
        """Whether a browser can show a window here."""
        return self.display is not None or sys.platform in {"darwin", "win32"}

    def data_folder(self, chosen: Path | None) -> Path:
        """Return the data folder: the one chosen, else the environment's, else the platform's."""
        return chosen or self.data or user_data_path("synid", appauthor=False)

    def store_folder(self) -> Path:
        """Return the folder of pulled models: the environment's, else the platform's."""
        return (self.model_store or user_data_path("synid", appauthor=False) / "models").absolute()

    def model_folder(self, chosen: Path | None = None) -> Path | None:
        """Return the base model's folder: the one chosen, else the environment's; None is the embedded one.

        A name without slashes that is no folder here is a set in the store.
        """
        named = chosen or self.models
        if named is None or len(named.parts) != 1 or named.is_dir():
            return named
        return self.store_folder() / named
