"""Why a job failed, in the language of whoever reads it.

The ledger keeps the name of the error and words for the log, in English and with the machine's own paths in
them. A reader is told by the name alone, but for words that are about what they asked for.
"""

from bot.tongue import mark, say
from synid_engine.serving.messages import Failure

_FILES = mark("a file of the character is missing or damaged")
_DISK = mark("a file could not be written")
_LOST = mark("the engine ended while it worked on this")
REASONS = {
    "BaseModelMismatchError": mark("the character was made with another base model"),
    "CharacterNotFoundError": mark("the character is not there any more"),
    "CoordinatorLostError": mark("the program ended while it worked on this"),
    "CorruptTensorError": _FILES,
    "DamagedFileError": _FILES,
    "DeviceOutOfMemoryError": mark("the device has no memory for this now"),
    "DiskFullError": _DISK,
    "DistillationError": mark(
        "the character could not be learned; describe it in other words or try another seed"
    ),
    "EngineLostError": _LOST,
    "EngineSilentError": mark("the engine said nothing about this for too long"),
    "IncompleteResultError": mark("the engine left out a part of the result"),
    "InvalidSettingError": mark("a setting cannot be used ({detail})"),
    "MissingFileError": _FILES,
    "MissingTensorError": _FILES,
    "NoFaceFoundError": mark("no face was found in the picture"),
    "TensorWriteError": _DISK,
    "UnwritableError": _DISK,
}


def reason_of(failure: Failure) -> str:
    """Return why a job failed, as a sentence without its full stop; an unforeseen error is named."""
    words = REASONS.get(failure.reason)
    if words is None:
        return say("something went wrong ({kind})", kind=failure.reason)
    return say(words, detail=failure.detail)
