"""Pulling models: what is lacking is fetched, checked and put into place, one file after another."""

import asyncio
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from bot.model_hub import Hub, HubConfig, HubFile
from storage.files import require_room
from storage.model_errors import (
    HubFileMissingError,
    LicenceNotAcceptedError,
    ModelNotPulledError,
    NoRoomForModelError,
    OfflineError,
    PickleRefusedError,
    UnknownModelError,
)
from storage.models import ModelStore
from storage.part_file import part_file
from synid_engine.runtime.model_spec import ModelFile, ModelSpec
from synid_engine.runtime.model_table import MODELS, SETS

_MIB = 1 << 20
_ROOM_FOR_THE_REST = 64 * _MIB  # configurations and records, whose sizes nobody lists


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """How far a file is; see `bot.console.ProgressLike`."""

    stage: str
    fraction: float
    detail: str
    eta_s: float | None


OnPull = Callable[[PullProgress], None]


def specs_of(names: Collection[str]) -> tuple[ModelSpec, ...]:
    """Return the models that names of models and sets stand for, each once.

    Raises:
        UnknownModelError: A name is neither.
    """
    found: dict[str, ModelSpec] = {}
    for name in names:
        if name not in MODELS and name not in SETS:
            raise UnknownModelError(name=name, known=(*SETS, *MODELS))
        parts = [part.model for part in SETS[name].parts] if name in SETS else [name]
        found |= {one: MODELS[one] for one in parts}
    return tuple(found.values())


def require_licences(specs: Sequence[ModelSpec], store: ModelStore, *, accepts: bool) -> None:
    """Find out before anything is fetched whether all of it may be, and remember what is accepted now.

    Raises:
        PickleRefusedError: A model is published as a pickle.
        LicenceNotAcceptedError: A model is for research only, and nobody has accepted that.
    """
    for spec in specs:
        if spec.has_pickles:
            path = next(file.path for file in spec.files if file.is_pickle)
            raise PickleRefusedError(name=spec.name, path=path)
        if not store.is_accepted(spec) and not accepts:
            raise LicenceNotAcceptedError(name=spec.name, licence=spec.licence)
    for spec in specs:
        if not store.is_accepted(spec):
            store.accept(spec)


def require_whole(specs: Sequence[ModelSpec], store: ModelStore) -> None:
    """Find out whether models are here.

    Raises:
        ModelNotPulledError: One is not, or not all of it.
    """
    for spec in specs:
        if not store.is_whole(spec):
            raise ModelNotPulledError(name=spec.name)


def pull(
    specs: Sequence[ModelSpec], store: ModelStore, config: HubConfig, *, is_offline: bool, on_progress: OnPull
) -> int:
    """Fetch what is lacking of models.

    Args:
        specs: The models; their licences are seen to.
        store: Where they go.
        config: The hub.
        is_offline: Whether nothing may be fetched, so that all must be here.
        on_progress: Told of every part of a file; may raise JobCancelledError, which passes through and
            leaves what came for the next time.

    Returns:
        How many files were fetched.

    Raises:
        OfflineError: Something is lacking and nothing may be fetched.
        NoRoomForModelError: There is no room for what is lacking.
        WeightsError: The hub lacks a file, refuses it, or sends something else than it should.
        CapacityError: The hub cannot be reached, breaks off again and again, or another process pulls.
        StoreError: A file cannot be written.
    """
    lacking = [(spec, file) for spec in specs for file in store.lacking(spec)]
    if not lacking:
        return 0
    if is_offline:
        spec, file = lacking[0]
        raise OfflineError(name=spec.name, path=file.path)
    _require_room([file for _, file in lacking], store)
    asyncio.run(_pull_all(lacking, store, config, on_progress))
    return len(lacking)


async def _pull_all(
    lacking: Sequence[tuple[ModelSpec, ModelFile]], store: ModelStore, config: HubConfig, on_progress: OnPull
) -> None:
    async with Hub(config) as hub:
        for spec, file in lacking:
            await _pull_file(spec, file, store, hub, on_progress)


async def _pull_file(
    spec: ModelSpec, file: ModelFile, store: ModelStore, hub: Hub, on_progress: OnPull
) -> None:
    found = await _first_there(spec, file, store.version_of(spec), hub)
    place = file.place_of(found.path)
    with part_file(store.folder_of(spec.name) / place, tag=found.tag) as part:
        show = partial(_show, on_progress, f"{spec.name}/{place}", found.size, time.monotonic(), part.size)
        show(part.size)
        await hub.fetch(found, part, show)
        store.keep(spec, file, place, part, tag=found.tag, commit=found.commit)


async def _first_there(spec: ModelSpec, file: ModelFile, version: str, hub: Hub) -> HubFile:
    """Look for a file under its path, then under the one that serves as well."""
    for path in file.candidates[:-1]:
        try:
            return await hub.look(spec.repo, version, path)
        except HubFileMissingError:
            continue
    return await hub.look(spec.repo, version, file.candidates[-1])


def _show(on_progress: OnPull, stage: str, size: int | None, began: float, first: int, done: int) -> None:
    """Tell how far a file is; `first` bytes of it were there when it `began`."""
    if size is None:
        on_progress(PullProgress(stage=stage, fraction=0.0, detail=f"{done / _MIB:.1f} MiB", eta_s=None))
        return
    speed = (done - first) / max(time.monotonic() - began, 1e-6)
    detail = f"{done / _MIB:.1f} of {size / _MIB:.1f} MiB"
    eta_s = (size - done) / speed if speed else None
    fraction = done / size if size else 1.0
    on_progress(PullProgress(stage=stage, fraction=fraction, detail=detail, eta_s=eta_s))


def _require_room(files: Sequence[ModelFile], store: ModelStore) -> None:
    needed = sum(file.size or 0 for file in files) + _ROOM_FOR_THE_REST
    there = next(one for one in (store.root, *store.root.parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise NoRoomForModelError(folder=store.root, needed=needed, free=free)
    require_room(store.root, size=0)
