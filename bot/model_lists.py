"""What is known about the models here: listed, verified, found."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.model_pull import require_whole, specs_of
from bot.model_sets import companions, is_unchanged
from storage.model_check import FileState
from storage.model_errors import ModelNotPulledError, UnknownModelError
from storage.model_sets import SetFolders
from storage.models import ModelStore
from synid_engine.runtime.model_spec import ModelSpec
from synid_engine.runtime.model_table import MODELS, SETS

_GIB = 1 << 30
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A file that was read again, or a base that was hashed again."""

    subject: str
    state: str

    @property
    def is_sound(self) -> bool:
        """Whether it is what it was."""
        return self.state == FileState.SOUND

    def line(self) -> str:
        """Return it as printed."""
        advice = "" if self.is_sound else ": pull it again"
        return f"{self.state:<8} {self.subject}{advice}"


def fields(store: ModelStore) -> dict[str, object]:
    """Return all that can be pulled as JSON has it."""
    folders = SetFolders(store.root)
    return {
        "store": str(store.root),
        "sets": [
            {"name": one.name, "models": [part.model for part in one.parts], "about": one.about}
            | {"is_here": folders.record_of(one.name) is not None}
            for one in SETS.values()
        ],
        "models": [_model_fields(spec, store) for spec in MODELS.values()],
        "own": [
            {"name": one.name, "set": one.of, "base": str(one.own_base.source)}
            for one in folders.all()
            if one.own_base is not None
        ],
    }


def lines(store: ModelStore) -> Iterator[str]:
    """Yield the same as a person reads it."""
    folders = SetFolders(store.root)
    yield f"models lie in {store.root}"
    for one in SETS.values():
        here = "here" if folders.record_of(one.name) is not None else "not here"
        yield f"{one.name:<17} {here:<9} {one.about}"
        yield f"{'':<27} {', '.join(part.model for part in one.parts)}"
    for one in folders.all():
        if one.own_base is not None:
            yield f"{one.name:<17} {'here':<9} {one.of} on {one.own_base.source}"
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
    own = {one.name: one for one in folders.all() if one.own_base is not None}
    wanted = list(names) if names else [*own, *(name for name in MODELS if store.record_of(name).files)]
    published = [name for name in wanted if name not in own]
    specs = {spec.name: spec for spec in specs_of(published)} if published else {}
    for name in wanted:
        if name in own:
            specs |= {spec.name: spec for spec in companions(SETS[own[name].of])}
            state = FileState.SOUND if is_unchanged(own[name], folders) else FileState.DAMAGED
            yield Verified(subject=f"the base of {name}", state=state)
    for spec in specs.values():
        for one in store.checked(spec):
            yield Verified(subject=f"{spec.name}/{one.place}", state=one.state)


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
    one = SETS[record.of]
    require_whole(specs_of([one.name]) if record.own_base is None else companions(one), store)
    return SetFolders(store.root).folder_of(name)


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
        return "here"
    return "not here" if lacking == len(spec.files) else "partly"


def _size(size: int | None) -> str:
    if size is None:
        return "?"
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.0f} MiB"
