"""Results of an unfinished bench on disk, so that a second run goes on where the first one stopped."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

from PIL import Image

_STATE = "state.json"


class PartialResults:
    """Remembers JSON values and pictures by key, for one bench of one base model.

    A folder of another fingerprint (another model, other settings) or a damaged one is begun anew.
    """

    def __init__(self, folder: Path, *, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._values = self._read()

    def has(self, key: str) -> bool:
        """Say whether a value is remembered."""
        return key in self._values

    def once(self, key: str, measure: Callable[[], object]) -> object:
        """Return the remembered value, or measure and remember it."""
        if key not in self._values:
            self._values[key] = measure()
            self._write()
        return self._values[key]

    def keep_picture(self, key: str, picture: Image.Image) -> None:
        """Remember a picture."""
        self._folder.mkdir(parents=True, exist_ok=True)
        picture.save(self._folder / f"{key}.png")

    def picture(self, key: str) -> Image.Image | None:
        """Return a remembered picture."""
        path = self._folder / f"{key}.png"
        if not path.is_file():
            return None
        with Image.open(path) as stored:
            return stored.convert("RGB")

    def forget(self) -> None:
        """Remove everything: the bench is done."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._values = {}

    def _read(self) -> dict[str, object]:
        try:
            state = cast("object", json.loads((self._folder / _STATE).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            state = None
        if isinstance(state, dict):
            fields = cast("dict[str, object]", state)
            values = fields.get("values")
            if fields.get("fingerprint") == self._fingerprint and isinstance(values, dict):
                return cast("dict[str, object]", values)
        shutil.rmtree(self._folder, ignore_errors=True)
        return {}

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f"{_STATE}.tmp"
        state = {"fingerprint": self._fingerprint, "values": self._values}
        temporary.write_text(json.dumps(state), encoding="utf-8")
        temporary.replace(self._folder / _STATE)
