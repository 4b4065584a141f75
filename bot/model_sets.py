"""Sets of pulled models as folders that an engine loads, with the set's base model or somebody's own."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from storage.files import sha256_of
from storage.model_errors import BaseNotThereError, PickledBaseError
from storage.model_sets import ComposedSet, OwnBase, SetFolders
from storage.models import ModelStore
from storage.swept_scratch import swept_scratch
from synid_engine.errors import InvalidSettingError
from synid_engine.runtime.model_spec import PICKLES, ModelSet, ModelSpec, SetPart
from synid_engine.runtime.model_table import MODELS, SETS

if TYPE_CHECKING:
    from synid_engine.runtime.checkpoint_shape import CheckpointShape

CLIP = "clip-vit-l14"
"""Has the tokenizer that a checkpoint in one file lacks."""

_ADAPTER = "few_steps/adapter"
_CHECKER = "safety-checker"
_CHECKER_PARTS = ("feature_extractor", "safety_checker")
_ODD = re.compile("[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBaseWish:
    """A base model of somebody's own.

    Attributes:
        path: A folder in diffusers' layout, or a checkpoint in one safetensors file.
        name: What the set with it is called.
        shape: Of its models; None is Stable Diffusion 1.5's.
    """

    path: Path
    name: str
    shape: "CheckpointShape | None" = None

    @property
    def room(self) -> int:
        """Bytes that it takes in the store: a file is converted, and a folder stays where it is."""
        return 0 if self.path.is_dir() else self.path.stat().st_size


def wish_of(
    path: Path, name: str | None, store: ModelStore, *, shape: "CheckpointShape | None" = None
) -> OwnBaseWish:
    """Return a wish that can be granted, as far as that can be told before anything is fetched.

    Args:
        path: The base.
        name: What the set with it is called; without one that is the base's own.
        store: Where it goes.
        shape: Of its models; None is Stable Diffusion 1.5's.

    Raises:
        BaseNotThereError: There is no such base.
        PickledBaseError: It could run anything when it is read.
        WeightsError: It is damaged, lacks a part, or is of another family.
        ModelNameTakenError: The name cannot be had.
        OwnSetTakenError: Somebody's own set with another base has it.
    """
    from synid_engine.runtime.checkpoint_shape import require_family

    base = path.absolute()
    if not base.exists():
        raise BaseNotThereError(path=base)
    if base.suffix in PICKLES and not base.is_dir():
        raise PickledBaseError(path=base)
    require_family(base, shape)
    own_name = base.name if base.is_dir() else base.stem
    chosen = name if name is not None else _ODD.sub("-", own_name.lower()).strip("-._")
    SetFolders(store.root).require_free(chosen, taken=(*MODELS, *SETS), source=base)
    return OwnBaseWish(path=base, name=chosen, shape=shape)


def companions(one: ModelSet) -> tuple[ModelSpec, ...]:
    """Return a set's models besides its base."""
    return tuple({part.model: MODELS[part.model] for part in one.parts if part.place}.values())


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


def with_safety_checker(sets: Sequence[ModelSet]) -> list[ModelSet]:
    """Return sets with Stable Diffusion's own judge of pictures in each.

    Raises:
        InvalidSettingError: There is no set to put it in.
    """
    if not sets:
        allowed = "with the name of a set"
        raise InvalidSettingError(field="--safety-checker", value="without one", allowed=allowed)
    parts = tuple(SetPart(place=name, model=_CHECKER, folder=name) for name in _CHECKER_PARTS)
    return [replace(one, parts=(*one.parts, *parts)) for one in sets]


def compose(one: ModelSet, store: ModelStore) -> Path:
    """Make the folder of a set whose models are here; errors as in `compose_own`."""
    folders = SetFolders(store.root)
    base = store.folder_of(next(part.model for part in one.parts if not part.place))
    record = ComposedSet(name=one.name, of=one.name, model_hash=_model_hash(base))
    return folders.put(record, one.parts, _files(one), base=base)


def compose_own(one: ModelSet, wish: OwnBaseWish, store: ModelStore) -> Path:
    """Make the folder of a set with another base; a checkpoint in one file is converted once.

    Args:
        one: The set whose companions it gets, which are here.
        wish: The base.
        store: Where all of it lies.

    Returns:
        The folder.

    Raises:
        WeightsError: The base is damaged.
        StoreError: A file cannot be written.
    """
    folders = SetFolders(store.root)
    own = OwnBase(path=wish.path, source=wish.path)
    if not wish.path.is_dir():
        own = _converted(wish, folders, tokenizer=store.folder_of(CLIP))
    record = ComposedSet(name=wish.name, of=one.name, model_hash=_model_hash(own.path), own_base=own)
    return folders.put(record, one.parts, _files(one), base=own.path)


def parts_of(record: ComposedSet, folders: SetFolders) -> tuple[ModelSpec, ...]:
    """Return the pulled models that a set's folder leads to, with what it was given besides."""
    one, folder = SETS[record.of], folders.folder_of(record.name)
    own = companions(one) if record.own_base is not None else tuple(MODELS[part.model] for part in one.parts)
    adapter, checker = (folder / _ADAPTER).resolve(), (folder / _CHECKER_PARTS[0]).resolve().parent
    given = [adapter.name] if adapter.name in MODELS else []
    given += [_CHECKER] if checker.name == _CHECKER else []
    return (*own, *(MODELS[name] for name in given))


def is_unchanged(record: ComposedSet, folders: SetFolders) -> bool:
    """Tell whether a set's base still is what characters were made with."""
    from synid_engine.runtime.model_folder import hash_model  # torch loads here

    return hash_model(folders.folder_of(record.name)) == record.model_hash


def _converted(wish: OwnBaseWish, folders: SetFolders, *, tokenizer: Path) -> OwnBase:
    """Return a checkpoint's folder, made now unless it was made from the same file before."""
    from synid_engine.runtime.single_file import convert_single_file  # torch loads here

    found = sha256_of(wish.path)
    before = folders.record_of(wish.name)
    folder = folders.base_folder_of(wish.name)
    is_same = before is not None and before.own_base is not None and before.own_base.source_sha256 == found
    if not is_same or not folder.is_dir():
        with swept_scratch(folders.scratch) as scratch:
            convert_single_file(wish.path, scratch / "base", tokenizer=tokenizer, shape=wish.shape)
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
