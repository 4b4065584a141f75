"""`synid list | show | delete | export | import`: characters as they lie on disk, without the engine."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.table import Table

from bot.settings import Settings
from storage.archive import export_character, import_character, inspect_archive
from storage.names import clean_name
from storage.profiles import ProfileStore, StoredProfile


def listing(*, data: Path | None) -> dict[str, object]:
    """Return what `synid list --json` prints."""
    store = _store(data)
    return {"characters": [_summary(stored) for stored in store.profiles()], "damaged": store.damaged()}


def table(*, data: Path | None) -> str:
    """Return the table that `synid list` prints."""
    store = _store(data)
    found = store.profiles()
    lines = [f"damaged: {folder}" for folder in store.damaged()]
    if not found:
        return "\n".join([*lines, 'No characters yet. Make one: synid create NAME "DESCRIPTION"'])
    columns = Table("name", "made", "seed", "description", box=None, pad_edge=False)
    for stored in found:
        profile = stored.profile
        columns.add_row(
            profile.name, profile.created_at[:16].replace("T", " "), str(profile.seed), profile.description
        )
    buffer = io.StringIO()
    Console(file=buffer, width=110, markup=False, highlight=False, emoji=False).print(columns)
    return "\n".join([buffer.getvalue().rstrip(), *lines])


def details(name: str, *, data: Path | None) -> dict[str, object]:
    """Return everything that is known about a character.

    Raises:
        ProfileNotFoundError: There is none of this name.
        DamagedProfileError: Its files are not what they were.
    """
    stored = _store(data).get(name)
    profile = stored.profile
    size = sum(record.size for record in profile.files.values())
    return {
        **_summary(stored),
        "style": profile.style,
        "model": profile.model_id,
        "model_hash": profile.model_hash,
        "scores": dict(profile.scores),
        "report": dict(profile.report),
        "bank_bytes": stored.bank.stat().st_size,
        "bytes": size,
    }


def as_lines(fields: Mapping[str, object]) -> str:
    """Return fields as aligned lines, the empty ones left out."""
    shown = {key.replace("_", " "): value for key, value in fields.items() if value not in ("", {}, [], None)}
    width = max(map(len, shown))
    return "\n".join(f"{key:<{width}}  {_words(value)}" for key, value in shown.items())


def delete(name: str, *, data: Path | None) -> str:
    """Remove a character and say so.

    Raises:
        ProfileNotFoundError: There is none of this name.
    """
    _store(data).delete(name)
    return f"{name} is deleted"


def export(name: str, path: Path, *, data: Path | None) -> Path:
    """Write a character as one file and return its absolute path."""
    return export_character(_store(data).get(name), path).absolute()


def import_(path: Path, *, name: str | None, data: Path | None) -> str:
    """Check an archive, store its character and say so.

    Raises:
        ArchiveError: One of its leaves says why it is refused.
        ProfileExistsError: A character already has the name.
        WeightsError: The base model is missing, so nobody can say whether the character fits it.
    """
    settings = Settings()
    store = ProfileStore(settings.data_folder(data))
    wanted = clean_name(name if name is not None else inspect_archive(path).name)
    store.require_room(wanted)
    from synid_engine.engine import model_hash_of  # torch loads here

    stored = import_character(path, store, model_hash=model_hash_of(settings.model_folder()), name=wanted)
    return f"{stored.profile.name} is imported\n{stored.portrait}"


def _store(data: Path | None) -> ProfileStore:
    return ProfileStore(Settings().data_folder(data))


def _summary(stored: StoredProfile) -> dict[str, object]:
    profile = stored.profile
    return {
        "name": profile.name,
        "description": profile.description,
        "seed": profile.seed,
        "created_at": profile.created_at,
        "folder": str(stored.folder),
        "portrait": str(stored.portrait),
    }


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(
            f"{key} {_words(one)}" for key, one in cast("Mapping[object, object]", value).items()
        )
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, cast("Sequence[object]", value)))
    return f"{value:.3f}" if isinstance(value, float) else str(value)
