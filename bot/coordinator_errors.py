"""What can go wrong between people and the engine. Errors carry fields; the front end owns the words."""

from pathlib import Path

from synid_engine.errors import CapacityError, InvalidRequestError, StoreError, SynIDError


class EngineLostError(CapacityError):
    """The engine ended in the middle of a job; `detail` says how."""

    def __init__(self, *, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class EngineSilentError(CapacityError):
    """The engine gave no sign of life about a job for `seconds`."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class PoseReaderBrokenError(SynIDError):
    """What reads poses from pictures does not work; the log says why."""


class CoordinatorLostError(CapacityError):
    """The coordinator ended in the middle of a job."""


class IncompleteResultError(StoreError):
    """The engine called a job done whose result lacks `part`."""

    def __init__(self, *, part: str) -> None:
        super().__init__(part)
        self.part = part


class CharacterNotReadyError(InvalidRequestError):
    """The character `name` cannot be drawn yet, or could not be made; `state` says which."""

    def __init__(self, *, name: str, state: str) -> None:
        super().__init__(name, state)
        self.name = name
        self.state = state


class NoCoordinatorError(InvalidRequestError):
    """No coordinator serves the data folder, or it ended while it was being asked."""

    def __init__(self, *, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder


class RefusedError(SynIDError):
    """The coordinator in another process refused; `kind` is its error's type, and `words` its sentence."""

    def __init__(self, *, kind: str, words: str) -> None:
        super().__init__(kind, words)
        self.kind = kind
        self.words = words
