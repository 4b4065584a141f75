"""What the engine tells of a job that it could not do, and whether another attempt can help."""

from synid_engine.errors import CapacityError, SynIDError, TensorWriteError
from synid_engine.serving.messages import Failure, Lease
from synid_engine.serving.wire import Broken

_LONGEST_DETAIL = 500


def broken(lease: Lease, error: Exception, *, engine_ms: float) -> Broken:
    """Return the report of a job that an error ended."""
    fields = ", ".join(f"{name}: {value}" for name, value in vars(error).items())
    failure = Failure(reason=type(error).__name__, detail=(fields or str(error))[:_LONGEST_DETAIL])
    return Broken(lease=lease, failure=failure, retryable=can_be_retried(error), engine_ms=engine_ms)


def can_be_retried(error: Exception) -> bool:
    """Tell whether another attempt may succeed: there may be room by then, on the device or on the disk."""
    if isinstance(error, CapacityError):
        return error.retryable
    return isinstance(error, TensorWriteError) or not isinstance(error, SynIDError)
