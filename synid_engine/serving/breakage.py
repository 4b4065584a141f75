"""What the engine tells of a job that it could not do, and whether another attempt can help."""

from synid_engine.errors import CapacityError, SynIDError, TensorWriteError
from synid_engine.serving.messages import Failure, Lease
from synid_engine.serving.reports import Broken

_LONGEST_DETAIL = 500


def broken(lease: Lease, error: Exception, *, engine_ms: float) -> Broken:
    """Return the report of a job that an error ended."""
    return Broken(
        lease=lease, failure=failure_of(error), retryable=can_be_retried(error), engine_ms=engine_ms
    )


def failure_of(error: Exception) -> Failure:
    """Return an error's name and its fields."""
    fields = ", ".join(f"{name}: {value}" for name, value in vars(error).items())
    return Failure(reason=type(error).__name__, detail=(fields or str(error))[:_LONGEST_DETAIL])


def can_be_retried(error: Exception) -> bool:
    """Tell whether another attempt may succeed: there may be room by then, on the device or on the disk."""
    if isinstance(error, CapacityError):
        return error.retryable
    return isinstance(error, TensorWriteError) or not isinstance(error, SynIDError)
