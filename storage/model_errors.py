"""What can go wrong with fetching and keeping models. Errors carry fields; the front end owns the words."""

from pathlib import Path

from synid_engine.errors import CapacityError, InvalidRequestError, StoreError, WeightsError


class UnknownModelError(InvalidRequestError):
    """No model or set has this name; `known` lists those that have."""

    def __init__(self, *, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known


class ModelNameTakenError(InvalidRequestError):
    """A model of somebody's own cannot be called `name`: something else is, or no folder could be."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name)
        self.name = name


class OwnSetTakenError(InvalidRequestError):
    """Somebody's own set is called `name` already, and has another base, made from `source`."""

    def __init__(self, *, name: str, source: Path) -> None:
        super().__init__(name, source)
        self.name = name
        self.source = source


class BaseNotThereError(InvalidRequestError):
    """There is no base model `path`."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path


class PickledBaseError(InvalidRequestError):
    """The base model `path` is a pickle, which could run anything when it is read."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path


class LicenceNotAcceptedError(InvalidRequestError):
    """The model `name` is for research only, under `licence`, and nobody here has accepted that."""

    def __init__(self, *, name: str, licence: str) -> None:
        super().__init__(name, licence)
        self.name = name
        self.licence = licence


class PickleRefusedError(InvalidRequestError):
    """The model `name` is published as the pickle `path`, which could run anything when it is read."""

    def __init__(self, *, name: str, path: str) -> None:
        super().__init__(name, path)
        self.name = name
        self.path = path


class ModelNotPulledError(WeightsError):
    """The model or set `name` is not here, or not all of it."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name)
        self.name = name


class OfflineError(WeightsError):
    """The model `name` lacks `path`, and nothing may be fetched here."""

    def __init__(self, *, name: str, path: str) -> None:
        super().__init__(name, path)
        self.name = name
        self.path = path


class HubFileMissingError(WeightsError):
    """The hub has no `path` in `repo` at `revision`."""

    def __init__(self, *, repo: str, revision: str, path: str) -> None:
        super().__init__(repo, revision, path)
        self.repo = repo
        self.revision = revision
        self.path = path


class HubRefusedError(WeightsError):
    """The hub gives `repo` only to people who are logged in and have accepted its terms."""

    def __init__(self, *, repo: str) -> None:
        super().__init__(repo)
        self.repo = repo


class HubUnreachableError(CapacityError):
    """The hub at `endpoint` cannot be reached, or answers in a way that cannot be used."""

    def __init__(self, *, endpoint: str, detail: str) -> None:
        super().__init__(endpoint, detail)
        self.endpoint = endpoint
        self.detail = detail


class TransferCutError(CapacityError):
    """The hub broke off again and again; `done` bytes of `path` are kept for the next try.

    `size` is how many there will be; 0 if the hub does not say.
    """

    def __init__(self, *, path: str, done: int, size: int) -> None:
        super().__init__(path, done, size)
        self.path = path
        self.done = done
        self.size = size


class WrongHashError(WeightsError):
    """What was fetched as `path` is not what it should be; both are hashes, and nothing of it is kept."""

    def __init__(self, *, path: str, found: str, expected: str) -> None:
        super().__init__(path, found, expected)
        self.path = path
        self.found = found
        self.expected = expected


class NoRoomForModelError(StoreError):
    """The models to come have `needed` bytes, and `folder` has `free`."""

    def __init__(self, *, folder: Path, needed: int, free: int) -> None:
        super().__init__(folder, needed, free)
        self.folder = folder
        self.needed = needed
        self.free = free


class PullRunningError(CapacityError):
    """Another process is fetching the file `path`."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path
