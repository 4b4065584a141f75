"""What can go wrong in the engine. Errors carry fields; the front end owns the words."""

from pathlib import Path


class SynIDError(Exception):
    """Anything that this project raises on purpose."""


class InvalidRequestError(SynIDError):
    """What was asked for cannot be done; the caller can ask for something else."""


class DistillationError(SynIDError):
    """A character could not be learnt from what the model drew."""


class CapacityError(SynIDError):
    """There is no room for this now; `retryable` says whether waiting can help."""

    retryable: bool = True


class WeightsError(SynIDError):
    """The models on disk are not what the engine needs: a matter of deployment."""


class StoreError(SynIDError):
    """Something could not be written to or read back from disk."""


class JobCancelledError(SynIDError):
    """Somebody asked to stop; raised by a progress callback and passed through untouched."""


class InvalidSettingError(InvalidRequestError):
    """A number or a choice is outside its range.

    Attributes:
        field: Name of the setting.
        value: What was given.
        allowed: The range or the choices.
    """

    def __init__(self, *, field: str, value: object, allowed: str) -> None:
        super().__init__(field, value, allowed)
        self.field = field
        self.value = value
        self.allowed = allowed


class NotDeclaredError(InvalidRequestError):
    """The base model declares no `field` of the name `value`; `declared` names those that it has."""

    def __init__(self, *, field: str, value: str, declared: tuple[str, ...]) -> None:
        super().__init__(field, value, declared)
        self.field = field
        self.value = value
        self.declared = declared


class PictureSizeMismatchError(InvalidRequestError):
    """Rows of one batch must agree in picture size; sizes are (height, width) in latent cells."""

    def __init__(self, *, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
        super().__init__(found, expected)
        self.found = found
        self.expected = expected


class NoFaceFoundError(InvalidRequestError):
    """A picture that must show a face shows none."""


class NobodyFoundError(InvalidRequestError):
    """A picture that must show a person's pose shows nobody."""


class UnreadablePictureError(InvalidRequestError):
    """What must be a picture is none that can be read; `detail` says why."""

    def __init__(self, *, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NoPoseControlError(InvalidRequestError):
    """A picture must be drawn in a pose, and the base model has no ControlNet that could hold it."""


class FaceTooSmallError(InvalidRequestError):
    """The largest face of a picture is too small to tell whose it is; both sides are in pixels."""

    def __init__(self, *, side_px: int, least_px: int) -> None:
        super().__init__(side_px, least_px)
        self.side_px = side_px
        self.least_px = least_px


class BaseModelMismatchError(InvalidRequestError):
    """An identity was made with another base model, on which it means nothing; both are model hashes."""

    def __init__(self, *, found: str, expected: str) -> None:
        super().__init__(found, expected)
        self.found = found
        self.expected = expected


class DeviceOutOfMemoryError(CapacityError):
    """The device has no memory for this batch; `rows` is how many rows it held."""

    def __init__(self, *, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


class MissingModelError(WeightsError):
    """A part of the model folder is not there; `part` is its path within the folder."""

    def __init__(self, *, folder: Path, part: str) -> None:
        super().__init__(folder, part)
        self.folder = folder
        self.part = part


class DamagedModelError(WeightsError):
    """A part of the model folder cannot be used as it is; `detail` is the reading library's reason."""

    def __init__(self, *, folder: Path, part: str, detail: str) -> None:
        super().__init__(folder, part, detail)
        self.folder = folder
        self.part = part
        self.detail = detail


class UnsupportedModelError(WeightsError):
    """The model is sound but of a kind that the engine does not draw with; `feature` names what."""

    def __init__(self, *, folder: Path, feature: str) -> None:
        super().__init__(folder, feature)
        self.folder = folder
        self.feature = feature


class MissingPackageError(WeightsError):
    """A package that this deployment needs is not installed; `install` is what to give to pip."""

    def __init__(self, *, package: str, install: str) -> None:
        super().__init__(package, install)
        self.package = package
        self.install = install


class MissingProviderError(WeightsError):
    """The installed onnxruntime cannot run on `device`: it lacks `provider`, or fails to start it."""

    def __init__(self, *, provider: str, device: str) -> None:
        super().__init__(provider, device)
        self.provider = provider
        self.device = device


class JudgeNotInstalledError(WeightsError):
    """The policy names a judge of pictures that `folder` does not hold; `part` is what is missing there."""

    def __init__(self, *, judge: str, folder: Path, part: str) -> None:
        super().__init__(judge, folder, part)
        self.judge = judge
        self.folder = folder
        self.part = part


class JudgeNotHeldOutError(WeightsError):
    """What would measure likeness is the base model's own, at `path`; characters learn from it."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path


class DeviceUnavailableError(WeightsError):
    """The device that was asked for is not there."""

    def __init__(self, *, device: str) -> None:
        super().__init__(device)
        self.device = device


class TooLittleMemoryError(WeightsError):
    """The smallest plan for these models needs `needed_bytes` of the device, and `free_bytes` are free."""

    def __init__(self, *, free_bytes: int, needed_bytes: int) -> None:
        super().__init__(free_bytes, needed_bytes)
        self.free_bytes = free_bytes
        self.needed_bytes = needed_bytes


class NoPoseEstimatorError(WeightsError):
    """Nothing here can read a pose from a picture; `detail` is what is missing, or empty for its weights."""

    def __init__(self, *, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class CorruptTensorError(StoreError):
    """A tensor file is not whole, or does not hold what its kind must hold."""

    def __init__(self, *, path: Path, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail


class MissingTensorError(StoreError):
    """There is no tensor file at `path`, or it cannot be read."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path


class TensorWriteError(StoreError):
    """`path` could not be written, for the system's `reason`; whatever was there before is untouched."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason
