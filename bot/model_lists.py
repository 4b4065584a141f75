"""What is known about the models here: listed, verified, found."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.model_pull import require_whole, specs_of
from bot.model_sets import is_unchanged, parts_of
from storage.files import reason_of
from storage.model_check import FileState
from storage.model_errors import ModelNotPulledError, UnknownModelError
from storage.model_sets import ComposedSet, SetFolders
from storage.models import ModelStore
from synid_engine.runtime.model_spec import ModelSet, ModelSpec
from synid_engine.runtime.model_table import MODELS, SETS

_NOT_MENDED_BY_A_PULL = frozenset({FileState.SOUND, FileState.UNREADABLE})
_HERE, _NOT_HERE = "here", "not here"
_GIB = 1 << 30
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A file that was read again, or a base that was hashed again.

    Attributes:
        subject: What.
        state: What became of it.
        detail: Why it could not be read or set aside, or empty.
    """

    subject: str
    state: FileState
    detail: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether it is what it was."""
        return self.state == FileState.SOUND

    def line(self) -> str:
        """Return it as printed."""
        detail = f" ({self.detail})" if self.detail else ""
        advice = "" if self.state in _NOT_MENDED_BY_A_PULL else ": pull it again"
        return f"{self.state:<8} {self.subject}{detail}{advice}"


def fields(store: ModelStore) -> dict[str, object]:
    """Return all that can be pulled as JSON has it."""
    folders = SetFolders(store.root)
    return {
        "store": str(store.root),
        "sets": [
            {"name": one.name, "models": [part.model for part in one.parts], "about": one.about}
            | {"state": (state := _set_state(one, store)), "is_here": state == _HERE}
            for one in SETS.values()
        ],
        "models": [_model_fields(spec, store) for spec in MODELS.values()],
        "own": [
            {"name": one.name, "set": one.of, "base": str(one.own_base.source)}
            | {"state": _own_state(one, store)}
            for one in folders.all()
            if one.own_base is not None
        ],
    }


def lines(store: ModelStore) -> Iterator[str]:
    """Yield the same as a person reads it."""
    folders = SetFolders(store.root)
    yield f"models lie in {store.root}"
    for one in SETS.values():
        yield f"{one.name:<17} {_set_state(one, store):<9} {one.about}"
        yield f"{'':<27} {', '.join(part.model for part in one.parts)}"
    for one in folders.all():
        if one.own_base is not None:
            yield f"{one.name:<17} {_own_state(one, store):<9} {one.of} on {one.own_base.source}"
    for spec in MODELS.values():
        yield (
            f"{spec.name:<17} {_state(spec, store):<9} {_size(spec.size):>9}  {spec.role}, {spec.licence} "
            f"({spec.licence_class})"
        )
        yield f"{'':<27} {spec.about}"


def verified(names: Collection[str] | None, store: ModelStore) -> Iterator[Verified]:
    """Yield every file of models after reading it again; without names, of those that are here.

    Raises:
        UnknownModelError: A name is no set or model.
    """
    folders = SetFolders(store.root)
    composed = {one.name: one for one in folders.all()}
    wanted = list(names) if names else [*composed, *(name for name in MODELS if store.record_of(name).files)]
    published = [name for name in wanted if name in SETS or name not in composed]
    specs = {spec.name: spec for spec in specs_of(published)} if published else {}
    for one in (composed[name] for name in wanted if name in composed):
        specs |= {spec.name: spec for spec in parts_of(one, folders)}
        yield _verified_base(one, folders)
    for spec in specs.values():
        for file in store.checked(spec):
            yield Verified(subject=f"{spec.name}/{file.place}", state=file.state, detail=file.detail)


def folder_of(name: str, store: ModelStore) -> Path:
    """Return the folder of a set or a model that is here.

    Raises:
        UnknownModelError: Nothing has this name.
        ModelNotPulledError: It is not here, or not all of it.
    """
    record = SetFolders(store.root).record_of(name)
    if name in MODELS:
        require_whole([MODELS[name]], store)
        return store.folder_of(name)
    if record is None and name in SETS:
        raise ModelNotPulledError(name=name)
    if record is None:
        raise UnknownModelError(name=name, known=(*SETS, *MODELS))
    folders = SetFolders(store.root)
    require_whole(parts_of(record, folders), store)
    return folders.folder_of(name)


def _verified_base(one: ComposedSet, folders: SetFolders) -> Verified:
    subject = f"the base of {one.name}"
    try:
        state = FileState.SOUND if is_unchanged(one, folders) else FileState.CHANGED
    except OSError as error:
        return Verified(subject=subject, state=FileState.UNREADABLE, detail=reason_of(error))
    detail = "" if state is FileState.SOUND else "characters that were made on it are refused"
    return Verified(subject=subject, state=state, detail=detail)


def _set_state(one: ModelSet, store: ModelStore) -> str:
    record = SetFolders(store.root).record_of(one.name)
    return _NOT_HERE if record is None else _own_state(record, store)


def _own_state(record: ComposedSet, store: ModelStore) -> str:
    folders = SetFolders(store.root)
    is_base_there = (folders.folder_of(record.name) / "unet").is_dir()
    is_whole = is_base_there and all(store.is_whole(spec) for spec in parts_of(record, folders))
    return _HERE if is_whole else "partly"


def _model_fields(spec: ModelSpec, store: ModelStore) -> Mapping[str, object]:
    return {
        "name": spec.name,
        "role": str(spec.role),
        "repo": spec.repo,
        "revision": spec.revision,
        "commit": store.record_of(spec.name).commit,
        "licence": spec.licence,
        "licence_class": str(spec.licence_class),
        "size": spec.size,
        "state": _state(spec, store),
        "about": spec.about,
    }


def _state(spec: ModelSpec, store: ModelStore) -> str:
    if spec.has_pickles:
        return "refused"
    lacking = len(store.lacking(spec))
    if not lacking:
        return _HERE
    return _NOT_HERE if lacking == len(spec.files) else "partly"


def _size(size: int | None) -> str:
    if size is None:
        return "?"
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.0f} MiB"
