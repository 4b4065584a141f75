"""Every error of the project as the one sentence that a person reads."""

from collections.abc import Callable
from typing import TypeVar

from bot import chat_errors as chat
from bot import coordinator_errors as coordinator
from bot import requests
from storage import errors as stored
from synid_engine import errors as engine
from synid_engine.errors import SynIDError
from synid_engine.serving.link import EngineDownError
from synid_engine.serving.wire import WireError

_SHOWN = 60
_KNOWN_SHOWN = 12
_NAME_REASONS = {
    "empty": "a name needs at least one visible character",
    "long": "a name has at most 40 characters",
    "unprintable": "a name cannot have control characters",
    "path": "a name cannot have slashes or begin with a dot",
}
_REFUSALS = {
    "long": "it is too long",
    "marks": "it has too many marks on one letter",
    "minors": "nothing sexual is drawn of minors",
    "sexual": "nothing sexual is drawn here",
    "listed": "a word in it is not allowed here",
}
_E = TypeVar("_E", bound=SynIDError)
_SENTENCES: dict[type[SynIDError], Callable[[SynIDError], str]] = {}


def sentence(error: SynIDError) -> str:
    """Return what a person reads about an error, on one line."""
    for kind in type(error).__mro__:
        if kind in _SENTENCES:
            return " ".join(_SENTENCES[kind](error).split())
    return f"something went wrong ({type(error).__name__})"


def has_own_sentence(kind: type[SynIDError]) -> bool:
    """Tell whether an error type has a sentence of its own, not one inherited."""
    return kind in _SENTENCES


def _say(kind: type[_E], words: Callable[[_E], str]) -> None:
    def say(error: SynIDError) -> str:
        if not isinstance(error, kind):
            message = f"{type(error).__name__} is no {kind.__name__}"
            raise TypeError(message)
        return words(error)

    _SENTENCES[kind] = say


def _short(text: str) -> str:
    visible = "".join(character if character.isprintable() else "?" for character in text)
    return visible if len(visible) <= _SHOWN else f"{visible[:_SHOWN]}..."


def _choices(names: tuple[str, ...]) -> str:
    more = ", ..." if len(names) > _KNOWN_SHOWN else ""
    return ", ".join(map(_short, names[:_KNOWN_SHOWN])) + more


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count} bytes"


def _no_such_character(error: stored.ProfileNotFoundError) -> str:
    known = f"there is {_choices(error.known)}" if error.known else "there is none yet"
    return f"there is no character called {_short(error.name)}; {known}"


_say(SynIDError, lambda error: f"something went wrong ({type(error).__name__})")
_say(engine.JobCancelledError, lambda _: "cancelled")
_say(
    engine.DistillationError,
    lambda _: "the character could not be learned; describe it in other words or try another seed",
)
_say(engine.CapacityError, lambda _: "there is no room for this now; try again later")

_say(
    engine.InvalidSettingError,
    lambda e: f"{e.field} cannot be {_short(str(e.value))}; it must be {e.allowed}",
)
_say(
    engine.PictureSizeMismatchError,
    lambda e: f"pictures drawn together must have one size: one is {e.found} and the others are {e.expected}",
)
_say(engine.NoFaceFoundError, lambda _: "no face was found in the picture")
_say(
    engine.BaseModelMismatchError,
    lambda e: f"the character was made with another base model ({e.found[:12]}, here is {e.expected[:12]})",
)
_say(
    engine.DeviceOutOfMemoryError,
    lambda e: f"the device has no memory for {e.rows} pictures at once; ask for fewer",
)
_say(engine.MissingModelError, lambda e: f"the model folder {e.folder} has no {e.part}")
_say(engine.DamagedModelError, lambda e: f"the model folder {e.folder} is damaged: {e.part}: {e.detail}")
_say(engine.UnsupportedModelError, lambda e: f"the model in {e.folder} cannot be used: it has {e.feature}")
_say(engine.DeviceUnavailableError, lambda e: f"the device {e.device} is not there")
_say(engine.CorruptTensorError, lambda e: f"{e.path} is damaged: {e.detail}")
_say(engine.MissingTensorError, lambda e: f"{e.path} is missing or cannot be read")
_say(engine.TensorWriteError, lambda e: f"{e.path} cannot be written: {e.reason}")

_say(stored.InvalidNameError, lambda e: f"{_NAME_REASONS[e.reason]}: {_short(e.name)}")
_say(stored.ProfileNotFoundError, _no_such_character)
_say(stored.ProfileExistsError, lambda e: f"there is already a character called {_short(e.name)}")
_say(stored.DamagedProfileError, lambda e: f"the character {_short(e.name)} is damaged: {e.part}: {e.detail}")
_say(stored.DiskFullError, lambda e: f"the disk is full; {e.path} was not written")
_say(stored.UnwritableError, lambda e: f"{e.path} cannot be written: {e.reason}")
_say(stored.MissingArchiveError, lambda e: f"{e.path} is not there or cannot be read")
_say(stored.NotAnArchiveError, lambda e: f"{e.path} is not a whole .character file")
_say(
    stored.ArchiveTooLargeError,
    lambda e: f"{e.path} is refused: {_size(e.size)} where a character has at most {_size(e.limit)}",
)
_say(
    stored.UnexpectedMemberError,
    lambda e: f"{e.path} is refused: it holds {_short(e.member)}, which no character has",
)
_say(stored.MissingMemberError, lambda e: f"{e.path} is refused: it has no {_short(e.member)}")
_say(stored.DamagedMemberError, lambda e: f"{e.path} is refused: {_short(e.member)}: {e.detail}")
_say(
    stored.OtherBaseModelError,
    lambda e: (
        f"{e.path} was made with another base model ({_short(e.found[:12])}, here is {e.expected[:12]})"
    ),
)

_say(
    stored.CoordinatorRunningError,
    lambda e: f"another program (process {e.pid or 'unknown'}) already serves {e.folder}; stop it first",
)
_say(
    stored.NewerSchemaError,
    lambda e: f"{e.path} was written by a newer program (schema {e.found}, here {e.known})",
)
_say(stored.DamagedDatabaseError, lambda e: f"{e.path} is damaged: {_short(e.detail)}; restore a backup")
_say(stored.DatabaseBusyError, lambda e: f"another program keeps {e.path} locked; try again later")
_say(stored.ConstraintError, lambda e: f"the database refused a {e.kind} conflict: {_short(e.detail)}")
_say(stored.MissingFileError, lambda e: f"{e.path} is missing or cannot be read")
_say(stored.DamagedFileError, lambda e: f"{e.path} is damaged: it has changed since it was written")
_say(stored.JobNotFoundError, lambda e: f"there is no job {e.job_id}")
_say(stored.LeaseLostError, lambda e: f"job {e.job_id} has been cancelled or is done elsewhere")
_say(stored.NotWaitingError, lambda e: f"job {e.job_id} no longer waits for this answer")
_say(
    stored.RequestKeyTakenError,
    lambda e: f"the request {_short(e.request_key)} is already job {e.job_id}, which does other work",
)
_say(stored.OwnerLimitError, lambda e: f"you already have {e.limit} unfinished requests; wait for one")
_say(
    stored.ServerLimitError,
    lambda e: f"this server has {e.limit} unfinished requests; try again later",
)
_say(stored.QueueFullError, lambda e: f"the queue is full ({e.limit} requests); try again later")

_say(stored.CharacterExistsError, lambda e: f"you already have a character called {_short(e.name)}")
_say(stored.CharacterNotFoundError, lambda e: f"there is no character {e.character_id}")
_say(
    stored.StaleRevisionError,
    lambda e: f"the character {e.character_id} has changed meanwhile; look at it again",
)
_say(stored.ImageNotFoundError, lambda e: f"there is no picture {e.image_id}")
_say(stored.FolderInUseError, lambda e: f"{e.folder} is not empty; a backup is restored to an empty folder")
_say(stored.NotABackupError, lambda e: f"{e.path} is not a whole backup: {_short(e.detail)}")
_say(stored.NoDatabaseError, lambda e: f"{e.folder} has no database yet")

_say(requests.EmptyTextError, lambda e: f"the {e.field} says nothing: use a few words")
_say(requests.LongTextError, lambda e: f"the {e.field} has {e.length} characters; at most {e.limit} are read")
_say(
    requests.UnprintableTextError, lambda e: f"the {e.field} has a control character at position {e.position}"
)
_say(requests.NoTerminalError, lambda _: "--pick ask needs a terminal to ask on; use --pick auto")
_say(
    requests.UnknownBenchError,
    lambda e: f"there is no bench called {_short(e.name)}; there is {_choices(e.known)}",
)

_say(EngineDownError, lambda _: "the engine is not running; it is started again by itself")
_say(WireError, lambda e: f"the other program broke off or cannot be understood: {_short(str(e))}")
_say(coordinator.EngineLostError, lambda e: f"the engine ended while it worked on this: {_short(e.detail)}")
_say(
    coordinator.EngineSilentError, lambda e: f"the engine said nothing about this for {e.seconds:.0f} seconds"
)
_say(coordinator.CoordinatorLostError, lambda _: "the program ended while it worked on this")
_say(coordinator.IncompleteResultError, lambda e: f"the engine's result is not whole: it has no {e.part}")
_say(
    coordinator.CharacterNotReadyError,
    lambda e: f"the character {_short(e.name)} cannot be drawn: it is {_short(e.state)}",
)
_say(
    coordinator.NoCoordinatorError,
    lambda e: f"nothing serves {e.folder}; start it: synid serve --data {e.folder}",
)
_say(coordinator.RefusedError, lambda e: f"refused: {e.words}")

_say(chat.MissingTokenError, lambda _: "set SYNID_DISCORD_TOKEN to the token of your Discord application")
_say(chat.RejectedTokenError, lambda _: "Discord does not know the token in SYNID_DISCORD_TOKEN")
_say(chat.PortError, lambda e: f"port {e.port} cannot be used here: {e.detail.lower()}; choose another")
_say(chat.DemoError, lambda e: f"the demo could not be drawn: {e.said}")
_say(chat.NotInServerError, lambda _: "this works only in a server that has added the bot")
_say(
    chat.ClosedChannelError,
    lambda e: f"the bot is not open in this channel; use {', '.join(f'<#{one}>' for one in e.channels)}",
)
_say(chat.RoleNeededError, lambda e: f"in this server you need the role <@&{e.role_id}> for this")
_say(
    chat.MemberLimitError,
    lambda e: f"you already have {e.limit} unfinished requests in this server; wait for one",
)
_say(chat.NotYoursError, lambda e: f"only its owner may do this: {_short(e.what)}")
_say(chat.AdminsOnlyError, lambda _: "only those who manage the server may do this")
_say(chat.RefusedTextError, lambda e: f"the {e.field} is refused: {_REFUSALS[e.reason]}")
_say(chat.UnreadablePolicyError, lambda e: f"the policy {e.path} cannot be used: {_short(e.detail)}")
_say(chat.WithheldError, lambda _: "the pictures are withheld: the classifier takes them for sexual content")
_say(
    chat.AgeGateError,
    lambda _: "in this server pictures stay covered outside of age-restricted channels",
)
_say(chat.PictureTooLargeError, lambda e: f"a picture is larger than the {_size(e.limit)} allowed here")
_say(chat.NoPictureHereError, lambda _: "this message is none of the bot's pictures")
_say(chat.NothingMadeError, lambda e: f"the pictures of job {e.job_id} are gone")
_say(chat.NothingUnfinishedError, lambda _: "you have no unfinished request")
_say(chat.ModelUnknownError, lambda _: "the engine is still starting; try again in a minute")
_say(chat.UnreadableUploadError, lambda _: "the uploaded file cannot be fetched; upload it again")
_say(
    chat.UploadTooLargeError,
    lambda e: f"the uploaded file has {_size(e.size)}; at most {_size(e.limit)} are read",
)
_say(chat.ForgottenButtonError, lambda _: "this button is from an older version of the bot; ask anew")
_say(chat.NotReachedError, lambda e: f"Discord cannot be reached: {_short(e.detail)}")
