"""What lies where in a data folder."""

from dataclasses import dataclass
from pathlib import Path

from storage.content import ContentFolder
from storage.database import DATABASE_FILE


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The folder that one coordinator owns."""

    path: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / DATABASE_FILE

    @property
    def pictures(self) -> ContentFolder:
        """Pictures and their small versions."""
        return ContentFolder(self.path / "pictures", suffix=".png")

    @property
    def weights(self) -> ContentFolder:
        """Identity banks."""
        return ContentFolder(self.path / "weights", suffix=".safetensors")

    @property
    def spool(self) -> Path:
        """Where the engine leaves what it made, each file under its SHA-256 and any suffix."""
        return self.path / "spool"

    @property
    def profiles(self) -> Path:
        """Characters as folders, one each."""
        return self.path / "characters"
