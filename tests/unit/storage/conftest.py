import hashlib
import io
import json
import re
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from storage.database import open_database
from storage.profiles import ProfileStore

from .stores import StillClock, Stores, memory_stores, sqlite_stores

MODEL_HASH = "a" * 64
Files = dict[str, bytes]


def picture(colour: str = "red", form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(buffer, form)
    return buffer.getvalue()


def bank(model_hash: str = MODEL_HASH) -> bytes:
    tensors = {"keys.mid": np.ones((8, 16), np.float16), "values.mid": np.zeros((8, 16), np.float16)}
    return save(tensors, {"model_hash": model_hash})


def profile_fields(name: str = "Nova", model_hash: str = MODEL_HASH) -> dict[str, object]:
    return {
        "schema_version": 1,
        "name": name,
        "description": "a woman with red hair",
        "style": "flat",
        "seed": 7,
        "created_at": "2026-01-02T03:04:05+00:00",
        "model_id": "tiny",
        "model_hash": model_hash,
        "scores": {"identity": 0.93},
        "report": {"not_drawn": ["cyberpunk"]},
    }


def character_files(name: str = "Nova", model_hash: str = MODEL_HASH) -> Files:
    files = {"bank.safetensors": bank(model_hash), "portrait.png": picture()}
    files |= {f"anchors/{number}.png": picture("blue") for number in range(4)}
    records = {
        part: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for part, data in files.items()
    }
    fields = profile_fields(name, model_hash) | {"files": records}
    return {"profile.json": json.dumps(fields).encode(), **files}


def write_files(folder: Path, files: Files) -> None:
    for part, data in files.items():
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_bytes(data)


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "data")


@pytest.fixture
def put(store: ProfileStore) -> Callable[..., None]:
    def put_character(name: str = "Nova", **options: bool) -> None:
        with store.put(name, **options) as folder:
            write_files(folder, character_files(name))

    return put_character


def everything_under(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(params=["sqlite", "memory"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path, clock: StillClock) -> AsyncGenerator[Stores]:
    """Hold every store, once in SQLite and once in memory."""
    if request.param == "memory":
        yield memory_stores(clock)
        return
    async with open_database(tmp_path / "data") as database:
        yield sqlite_stores(database, tmp_path / "data", clock)


@pytest.fixture
def names_of() -> Callable[[str], dict[str, None]]:
    """Return a reader of the parameters that a statement names."""
    return lambda statement: dict.fromkeys(re.findall(r":([a-z_]+)", statement))
