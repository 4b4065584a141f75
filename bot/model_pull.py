"""Pulling models: what is lacking is fetched, checked and put into place, one file after another."""

import asyncio
import shutil
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

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
from storage.part_file import part_file, part_path
from synid_engine.runtime.model_spec import ModelFile, ModelSpec
from synid_engine.runtime.model_table import MODELS, SETS

_MIB = 1 << 20
_ROOM_FOR_THE_REST = 64 * _MIB  # records, and files whose size the hub does not say
_LOOK_S = 0.2


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
    specs: Sequence[ModelSpec],
    store: ModelStore,
    config: HubConfig,
    *,
    is_offline: bool,
    on_progress: OnPull,
    check_stop: Callable[[], None] = lambda: None,
    room_besides: int = 0,
) -> int:
    """Fetch what is lacking of models.

    Args:
        specs: The models; their licences are seen to.
        store: Where they go.
        config: The hub.
        is_offline: Whether nothing may be fetched, so that all must be here.
        on_progress: Told of every part of a file; may raise JobCancelledError, which passes through and
            leaves what came for the next time.
        check_stop: Called several times a second, also while the hub is silent; may raise likewise.
        room_besides: Bytes that must be free for what comes afterwards.

    Returns:
        How many files were fetched.

    Raises:
        OfflineError: Something is lacking and nothing may be fetched.
        NoRoomForModelError: There is no room for what is lacking.
        WeightsError: The hub lacks a file, refuses it, or sends something else than it should.
        CapacityError: The hub cannot be reached, breaks off again and again, or another process pulls.
        StoreError: A file cannot be written.
    """
    lacking = [
        (spec, file)
        for spec in specs
        for file in store.lacking(spec)
        if not any(store.adopt(spec, file, place) for place in file.places)
    ]
    if not lacking:
        return 0
    if is_offline:
        spec, file = lacking[0]
        raise OfflineError(name=spec.name, path=file.path)
    require_room(store.root, size=0)
    return asyncio.run(_watched(_pull_all(lacking, store, config, on_progress, room_besides), check_stop))


async def _watched(work: Coroutine[Any, Any, int], check_stop: Callable[[], None]) -> int:
    """Break work off as soon as a person asks for it."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=_LOOK_S)
            check_stop()
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lacking:
    """A file to fetch: of which model, as what, and where it goes."""

    spec: ModelSpec
    file: ModelFile
    found: HubFile

    @property
    def place(self) -> str:
        """Where in the model's folder."""
        return self.file.place_of(self.found.path)


async def _pull_all(
    lacking: Sequence[tuple[ModelSpec, ModelFile]],
    store: ModelStore,
    config: HubConfig,
    on_progress: OnPull,
    room_besides: int,
) -> int:
    """Look at all files before the first one is fetched, so that what cannot be had is told at once."""
    async with Hub(config) as hub:
        wanted = [one for one in await _found(lacking, store, hub) if not _is_here(one, store)]
        needed = sum(_bytes_to_come(one, store) for one in wanted) + _ROOM_FOR_THE_REST + room_besides
        free = shutil.disk_usage(_existing(store)).free
        if free < needed:
            raise NoRoomForModelError(folder=store.root, needed=needed, free=free)
        for number, one in enumerate(wanted, start=1):
            await _pull_file(one, store, hub, on_progress, f"file {number} of {len(wanted)}")
    return len(wanted)


async def _found(
    lacking: Sequence[tuple[ModelSpec, ModelFile]], store: ModelStore, hub: Hub
) -> list[_Lacking]:
    """Look at files, those of one model at one version."""
    versions: dict[str, str] = {}
    found: list[_Lacking] = []
    for spec, file in lacking:
        version = versions.get(spec.name) or store.version_of(spec)
        one = await _first_there(spec, file, version, hub)
        versions[spec.name] = version if spec.is_pinned else one.commit or version
        found.append(_Lacking(spec=spec, file=file, found=one))
    return found


def _is_here(one: _Lacking, store: ModelStore) -> bool:
    return store.adopt(one.spec, one.file, one.place, tag=one.found.tag, commit=one.found.commit)


def _bytes_to_come(one: _Lacking, store: ModelStore) -> int:
    part = part_path(store.folder_of(one.spec.name) / one.place, tag=one.found.tag)
    there = part.stat().st_size if part.is_file() else 0
    return max(0, (one.found.size or one.file.size or 0) - there)


def _existing(store: ModelStore) -> Path:
    return next(one for one in (store.root, *store.root.parents) if one.exists())


async def _pull_file(one: _Lacking, store: ModelStore, hub: Hub, on_progress: OnPull, which: str) -> None:
    found, name = one.found, one.spec.name
    with part_file(store.folder_of(name) / one.place, tag=found.tag) as part:
        began = _Began(stage=f"{name}/{one.place}", which=which, first=part.size, at=time.monotonic())
        show = partial(_show, on_progress, began, found.size)
        show(part.size)
        await hub.fetch(found, part, show)
        store.keep(one.spec, one.file, one.place, part, tag=found.tag, commit=found.commit)


async def _first_there(spec: ModelSpec, file: ModelFile, version: str, hub: Hub) -> HubFile:
    """Look for a file under its path, then under the one that serves as well."""
    for path in file.candidates[:-1]:
        try:
            return await hub.look(spec.repo, version, path)
        except HubFileMissingError:
            continue
    return await hub.look(spec.repo, version, file.candidates[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Began:
    """A transfer as it began: of what, which of how many, and with how many bytes there already."""

    stage: str
    which: str
    first: int
    at: float


def _show(on_progress: OnPull, began: _Began, size: int | None, done: int) -> None:
    """Tell how far a file is."""
    detail = f"{done / _MIB:.1f} MiB" if size is None else f"{done / _MIB:.1f} of {size / _MIB:.1f} MiB"
    fraction, eta_s = 0.0, None
    if size is not None:
        speed = (done - began.first) / max(time.monotonic() - began.at, 1e-6)
        fraction, eta_s = (done / size if size else 1.0), (size - done) / speed if speed > 0 else None
    detail = f"{detail}, {began.which}"
    on_progress(PullProgress(stage=began.stage, fraction=fraction, detail=detail, eta_s=eta_s))
