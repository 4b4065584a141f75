"""What the environment says; nothing else in the project reads it."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The environment's wishes, each `SYNID_` and its name in capitals.

    Attributes:
        data: Folder of the characters.
        models: Folder of the base model, in the layout of diffusers; the embedded model if absent.
        discord_token: What the bot logs in to Discord with.
    """

    model_config = SettingsConfigDict(env_prefix="SYNID_", frozen=True, env_ignore_empty=True)

    data: Path | None = None
    models: Path | None = None
    discord_token: SecretStr | None = None

    def data_folder(self, chosen: Path | None) -> Path:
        """Return the data folder: the one chosen, else the environment's, else the platform's."""
        return chosen or self.data or user_data_path("synid", appauthor=False)
