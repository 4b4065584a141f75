"""Sets of pulled models as folders that an engine loads, with the set's base model or somebody's own."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from storage.files import scratch_folder, sha256_of
from storage.model_sets import ComposedSet, OwnBase, SetFolders
from storage.models import ModelStore
from synid_engine.errors import InvalidSettingError, MissingModelError
from synid_engine.runtime.model_spec import ModelSet, ModelSpec, SetPart
from synid_engine.runtime.model_table import MODELS, SETS

if TYPE_CHECKING:
    from synid_engine.runtime.single_file import CheckpointShape

CLIP = "clip-vit-l14"
"""Has the tokenizer that a checkpoint in one file lacks."""

_BASE_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_ADAPTER = "few_steps/adapter"
_ODD = re.compile("[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBaseWish:
    """A base model of somebody's own.

    Attributes:
        path: A folder in diffusers' layout, or a checkpoint in one safetensors file.
        name: What the set with it is called.
    """

    path: Path
    name: str


def wish_of(path: Path, name: str | None, store: ModelStore) -> OwnBaseWish:
    """Return a wish whose name can be had; without one it is the file's.

    Raises:
        ModelNameTakenError: It cannot.
    """
    chosen = name if name is not None else _ODD.sub("-", path.stem.lower()).strip("-._")
    SetFolders(store.root).require_free(chosen, taken=(*MODELS, *SETS))
    return OwnBaseWish(path=path.absolute(), name=chosen)


def companions(one: ModelSet) -> tuple[ModelSpec, ...]:
    """Return a set's models besides its base."""
    return tuple(MODELS[part.model] for part in one.parts if part.place)


def with_few_steps(sets: Sequence[ModelSet], name: str) -> list[ModelSet]:
    """Return sets with a few-step adapter in each.

    Raises:
        InvalidSettingError: The model of this name is none, or there is no set to put it in.
    """
    adapters = [spec.name for spec in MODELS.values() if spec.few_steps is not None]
    if name not in adapters:
        raise InvalidSettingError(field="--few-steps", value=name, allowed=", ".join(adapters))
    if not sets:
        raise InvalidSettingError(field="--few-steps", value=name, allowed="with the name of a set")
    part = SetPart(place=_ADAPTER, model=name)
    return [replace(one, parts=(*one.parts, part)) for one in sets]


def compose(one: ModelSet, store: ModelStore) -> Path:
    """Make the folder of a set whose models are here; errors as in `compose_own`."""
    folders = SetFolders(store.root)
    base = store.folder_of(next(part.model for part in one.parts if not part.place))
    record = ComposedSet(name=one.name, of=one.name, model_hash=_model_hash(base))
    return folders.put(record, one.parts, _files(one), base=base)


def compose_own(
    one: ModelSet, wish: OwnBaseWish, store: ModelStore, *, shape: "CheckpointShape | None" = None
) -> Path:
    """Make the folder of a set with another base; a checkpoint in one file is converted once.

    Args:
        one: The set whose companions it gets, which are here.
        wish: The base.
        store: Where all of it lies.
        shape: Of a checkpoint in one file; None is Stable Diffusion 1.5's.

    Returns:
        The folder.

    Raises:
        WeightsError: The base is missing, damaged or of another family.
        StoreError: A file cannot be written.
    """
    folders = SetFolders(store.root)
    own = OwnBase(path=wish.path, source=wish.path)
    if not wish.path.is_dir():
        own = _converted(wish, folders, tokenizer=store.folder_of(CLIP), shape=shape)
    for part in _BASE_PARTS:
        if not (own.path / part).is_dir():
            raise MissingModelError(folder=own.path, part=part)
    record = ComposedSet(name=wish.name, of=one.name, model_hash=_model_hash(own.path), own_base=own)
    return folders.put(record, one.parts, _files(one), base=own.path)


def is_unchanged(record: ComposedSet, folders: SetFolders) -> bool:
    """Tell whether a set's base still is what characters were made with."""
    from synid_engine.runtime.model_folder import hash_model  # torch loads here

    return hash_model(folders.folder_of(record.name)) == record.model_hash


def _converted(
    wish: OwnBaseWish, folders: SetFolders, *, tokenizer: Path, shape: "CheckpointShape | None"
) -> OwnBase:
    """Return a checkpoint's folder, made now unless it was made from the same file before."""
    from synid_engine.runtime.single_file import convert_single_file  # torch loads here

    found = sha256_of(wish.path) if wish.path.is_file() else ""
    before = folders.record_of(wish.name)
    folder = folders.base_folder_of(wish.name)
    is_same = before is not None and before.own_base is not None and before.own_base.source_sha256 == found
    if not found or not is_same or not folder.is_dir():
        with scratch_folder(folders.scratch) as scratch:
            convert_single_file(wish.path, scratch / "base", tokenizer=tokenizer, shape=shape)
            folders.put_base(wish.name, scratch / "base")
    return OwnBase(path=folder, source=wish.path, source_sha256=found)


def _files(one: ModelSet) -> dict[str, bytes]:
    """Return what tells an engine how the set perceives, and how its few-step adapter draws."""
    parts = {name: {"kind": part.kind, "folder": part.folder} for name, part in one.perception.items()}
    files = {"perception/perception.json": _as_json(parts)}
    adapters = [MODELS[part.model] for part in one.parts if part.place == _ADAPTER]
    for spec in adapters:
        if spec.few_steps is not None:
            file = f"{Path(_ADAPTER).name}/{spec.files[0].places[0]}"
            files["few_steps/few_steps.json"] = _as_json({"file": file, **asdict(spec.few_steps)})
    return files


def _as_json(value: object) -> bytes:
    return f"{json.dumps(value, indent=2)}\n".encode()


def _model_hash(base: Path) -> str:
    from synid_engine.engine import model_hash_of  # torch loads here

    return model_hash_of(base)
