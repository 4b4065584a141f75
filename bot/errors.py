"""Every error of the project as the one sentence that a person reads."""

from collections.abc import Callable
from typing import TypeVar

from bot import chat_errors as chat
from bot import coordinator_errors as coordinator
from bot import requests
from bot.tongue import mark, say, translated
from storage import errors as stored
from storage import model_errors as models
from synid_engine import errors as engine
from synid_engine.errors import SynIDError
from synid_engine.runtime.model_spec import NO_LICENCE
from synid_engine.runtime.model_table import SETS
from synid_engine.serving.link import EngineDownError
from synid_engine.serving.wire import WireError

_SHOWN = 60
_KNOWN_SHOWN = 12
_NAME_REASONS = {
    "empty": mark("a name needs at least one visible character"),
    "long": mark("a name has at most 40 characters"),
    "unprintable": mark("a name cannot have control characters"),
    "path": mark("a name cannot have slashes or begin with a dot"),
}
_REFUSALS = {
    "long": mark("it is too long"),
    "marks": mark("it has too many marks on one letter"),
    "minors": mark("nothing sexual is drawn of minors"),
    "sexual": mark("nothing sexual is drawn here"),
    "listed": mark("a word in it is not allowed here"),
}
_STATES = {"draft": mark("it is not made yet"), "failed": mark("it could not be made")}
_FIELDS = (
    mark("choice"),
    mark("description"),
    mark("name"),
    mark("negative prompt"),
    mark("pose"),
    mark("pose strength"),
    mark("prompt"),
    mark("request"),
    mark("seed"),
    mark("shape"),
    mark("style"),
)
"""What errors call the fields that people fill in."""
_ALLOWED = (
    mark("left out beside the pose of a picture"),
    mark("left out where no pose is asked for"),
)
"""What the engine says of fields that people fill in."""
_E = TypeVar("_E", bound=SynIDError)
_SENTENCES: dict[type[SynIDError], Callable[[SynIDError], str]] = {}


def sentence(error: SynIDError) -> str:
    """Return what a person reads about an error, on one line."""
    for kind in type(error).__mro__:
        if kind in _SENTENCES:
            return " ".join(_SENTENCES[kind](error).split())
    return say("something went wrong ({kind})", kind=type(error).__name__)


def has_own_sentence(kind: type[SynIDError]) -> bool:
    """Tell whether an error type has a sentence of its own, not one inherited."""
    return kind in _SENTENCES


def _say(kind: type[_E], words: Callable[[_E], str]) -> None:
    def told(error: SynIDError) -> str:
        if not isinstance(error, kind):
            message = f"{type(error).__name__} is no {kind.__name__}"
            raise TypeError(message)
        return words(error)

    _SENTENCES[kind] = told


def _short(text: str) -> str:
    visible = "".join(character if character.isprintable() else "?" for character in text)
    return visible if len(visible) <= _SHOWN else f"{visible[:_SHOWN]}..."


def _choices(names: tuple[str, ...]) -> str:
    more = ", ..." if len(names) > _KNOWN_SHOWN else ""
    return ", ".join(map(_short, names[:_KNOWN_SHOWN])) + more


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count} bytes"


def _licensed(licence: str) -> str:
    return "states no licence" if licence == NO_LICENCE else f"is for research only ({licence})"


def _no_such_character(error: stored.ProfileNotFoundError) -> str:
    name = _short(error.name)
    if not error.known:
        return say("there is no character called {name}; there is none yet", name=name)
    known = _choices(error.known)
    return say("there is no character called {name}; there is {known}", name=name, known=known)


def _not_declared(error: engine.NotDeclaredError) -> str:
    field, value = translated(error.field), _short(error.value)
    if not error.declared:
        return say(
            "{field}: the base model leaves no choice, so there is no {value}", field=field, value=value
        )
    known = _choices(tuple(translated(one) for one in error.declared))
    return say(
        "{field}: the base model has no {value}; it has {known}", field=field, value=value, known=known
    )


def _no_estimator(error: engine.NoPoseEstimatorError) -> str:
    said = say(
        "no pose can be read from a picture here: that needs weights in the base model's folder "
        "pose_estimator, and pip install 'synid-bot[sd15,gpu]'"
    )
    return f"{said} ({_short(error.detail)})" if error.detail else said


_say(SynIDError, lambda e: say("something went wrong ({kind})", kind=type(e).__name__))
_say(engine.JobCancelledError, lambda _: say("cancelled"))
_say(
    engine.DistillationError,
    lambda _: say("the character could not be learned; describe it in other words or try another seed"),
)
_say(engine.CapacityError, lambda _: say("there is no room for this now; try again later"))

_say(
    engine.InvalidSettingError,
    lambda e: say(
        "{field} cannot be {value}; it must be {allowed}",
        field=translated(e.field),
        value=_short(str(e.value)),
        allowed=translated(e.allowed),
    ),
)
_say(engine.NotDeclaredError, _not_declared)
_say(
    engine.PictureSizeMismatchError,
    lambda e: f"pictures drawn together must have one size: one is {e.found} and the others are {e.expected}",
)
_say(engine.NoFaceFoundError, lambda _: say("no face was found in the picture"))
_say(engine.NobodyFoundError, lambda _: say("nobody was found in the picture whose pose could be read"))
_say(
    engine.UnreadablePictureError,
    lambda e: say("the picture cannot be read: {detail}", detail=_short(translated(e.detail))),
)
_say(
    engine.NoPoseControlError,
    lambda _: say("the base model cannot be held to a pose: it has no pose ControlNet"),
)
_say(engine.NoPoseEstimatorError, _no_estimator)
_say(
    engine.FaceTooSmallError,
    lambda e: say(
        "the largest face in the picture is {side} pixels wide; at least {least} are needed",
        side=e.side_px,
        least=e.least_px,
    ),
)
_say(
    engine.BaseModelMismatchError,
    lambda e: say(
        "the character was made with another base model ({found}, here is {expected})",
        found=e.found[:12],
        expected=e.expected[:12],
    ),
)
_say(
    engine.DeviceOutOfMemoryError,
    lambda e: say("the device has no memory for {rows} pictures at once; ask for fewer", rows=e.rows),
)
_say(
    engine.MissingModelError,
    lambda e: (
        f"the model folder {e.folder} has no {e.part}"
        + (f"; pull it: synid models pull {e.folder.name}" if e.folder.name in SETS else "")
    ),
)
_say(engine.DamagedModelError, lambda e: f"the model folder {e.folder} is damaged: {e.part}: {e.detail}")
_say(engine.UnsupportedModelError, lambda e: f"the model in {e.folder} cannot be used: it has {e.feature}")
_say(
    engine.MissingPackageError,
    lambda e: f"the package {e.package} is not installed; run: pip install {e.install}",
)
_say(
    engine.JudgeNotHeldOutError,
    lambda e: (
        f"{e.path} is the recogniser that this bench measures likeness with, and characters learn from it; "
        "give the base model another face_encoder"
    ),
)
_say(
    engine.MissingProviderError,
    lambda e: (
        f"onnxruntime cannot run on {e.device}: it has no working {e.provider}; "
        "run make install-gpu, or choose the device cpu"
    ),
)
_say(
    engine.JudgeNotInstalledError,
    lambda e: (
        f"the policy names the judge {_short(e.judge)}, but {e.folder} has no {e.part}; "
        f"fetch it: synid models pull {e.folder.name if e.folder.name in SETS else 'sd15'} --safety-checker, "
        "or take the judge out of [judges]"
    ),
)
_say(
    engine.TooLittleMemoryError,
    lambda e: (
        f"the models need {e.needed_bytes / 2**30:.1f} GiB of the device, and {e.free_bytes / 2**30:.1f} are "
        "free; end what else uses it, allow more with SYNID_MEMORY_GB, or choose the device cpu"
    ),
)
_say(engine.DeviceUnavailableError, lambda e: f"the device {e.device} is not there")
_say(engine.CorruptTensorError, lambda e: f"{e.path} is damaged: {e.detail}")
_say(engine.MissingTensorError, lambda e: f"{e.path} is missing or cannot be read")
_say(engine.TensorWriteError, lambda e: f"{e.path} cannot be written: {e.reason}")

_say(stored.InvalidNameError, lambda e: f"{say(_NAME_REASONS[e.reason])}: {_short(e.name)}")
_say(stored.ProfileNotFoundError, _no_such_character)
_say(stored.ProfileExistsError, lambda e: f"there is already a character called {_short(e.name)}")
_say(stored.DamagedProfileError, lambda e: f"the character {_short(e.name)} is damaged: {e.part}: {e.detail}")
_say(stored.DiskFullError, lambda e: f"the disk is full; {e.path} was not written")
_say(stored.UnwritableError, lambda e: f"{e.path} cannot be written: {e.reason}")
_say(stored.MissingArchiveError, lambda e: f"{e.path} is not there or cannot be read")
_say(stored.NotAnArchiveError, lambda e: say("{path} is not a whole .character file", path=e.path))
_say(
    stored.ArchiveTooLargeError,
    lambda e: say(
        "{path} is refused: {size} where a character has at most {limit}",
        path=e.path,
        size=_size(e.size),
        limit=_size(e.limit),
    ),
)
_say(
    stored.UnexpectedMemberError,
    lambda e: say(
        "{path} is refused: it holds {member}, which no character has", path=e.path, member=_short(e.member)
    ),
)
_say(
    stored.MissingMemberError,
    lambda e: say("{path} is refused: it has no {member}", path=e.path, member=_short(e.member)),
)
_say(
    stored.DamagedMemberError,
    lambda e: say(
        "{path} is refused: {member}: {detail}", path=e.path, member=_short(e.member), detail=e.detail
    ),
)
_say(
    stored.OtherBaseModelError,
    lambda e: say(
        "{path} was made with another base model ({found}, here is {expected})",
        path=e.path,
        found=_short(e.found[:12]),
        expected=e.expected[:12],
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
_say(stored.JobNotFoundError, lambda e: say("there is no job {job_id}", job_id=e.job_id))
_say(
    stored.LeaseLostError,
    lambda e: say("job {job_id} has been cancelled or is done elsewhere", job_id=e.job_id),
)
_say(stored.NotWaitingError, lambda e: say("job {job_id} no longer waits for this answer", job_id=e.job_id))
_say(
    stored.RequestKeyTakenError,
    lambda e: f"the request {_short(e.request_key)} is already job {e.job_id}, which does other work",
)
_say(
    stored.OwnerLimitError,
    lambda e: say("you already have {limit} unfinished requests; wait for one", limit=e.limit),
)
_say(
    stored.ServerLimitError,
    lambda e: say("this server has {limit} unfinished requests; try again later", limit=e.limit),
)
_say(
    stored.QueueFullError,
    lambda e: say("the queue is full ({limit} requests); try again later", limit=e.limit),
)

_say(
    stored.CharacterExistsError,
    lambda e: say("you already have a character called {name}", name=_short(e.name)),
)
_say(
    stored.CharacterNotFoundError,
    lambda e: say("there is no character {character_id}", character_id=e.character_id),
)
_say(
    stored.StaleRevisionError,
    lambda e: say(
        "the character {character_id} has changed meanwhile; look at it again", character_id=e.character_id
    ),
)
_say(stored.ImageNotFoundError, lambda e: say("there is no picture {image_id}", image_id=e.image_id))
_say(stored.FolderInUseError, lambda e: f"{e.folder} is not empty; a backup is restored to an empty folder")
_say(stored.NotABackupError, lambda e: f"{e.path} is not a whole backup: {_short(e.detail)}")
_say(stored.NoDatabaseError, lambda e: f"{e.folder} has no database yet")

_say(
    models.UnknownModelError,
    lambda e: f"there is no model or set called {_short(e.name)}; there is {', '.join(e.known)}",
)
_say(
    models.ModelNameTakenError,
    lambda e: f"your set cannot be called {_short(e.name) or 'nothing'}; choose small letters: --name NAME",
)
_say(
    models.OwnSetTakenError,
    lambda e: f"your set {e.name} has another base, {e.source}; call this one otherwise: --name NAME",
)
_say(
    models.BaseNotThereError,
    lambda e: f"{e.path} is not there; --base takes a diffusers folder or one .safetensors file",
)
_say(
    models.PickledBaseError,
    lambda e: (
        f"{e.path} is a pickle, which could run anything on this machine; convert it to .safetensors, "
        "and give that to --base"
    ),
)
_say(
    models.LicenceNotAcceptedError,
    lambda e: (
        f"{e.name} {_licensed(e.licence)}; if that suits you, the same command with --accept fetches it"
    ),
)
_say(
    models.PickleRefusedError,
    lambda e: (
        f"{e.name} is not fetched: {e.path} is a pickle, which could run anything on this machine; "
        "for another of its kind see: synid models list"
    ),
)
_say(models.ModelNotPulledError, lambda e: f"{e.name} is not all here; pull it: synid models pull {e.name}")
_say(
    models.OfflineError,
    lambda e: (
        f"{e.name} lacks {e.path}, and HF_HUB_OFFLINE forbids fetching it; the same command fetches it with "
        "HF_HUB_OFFLINE=0 before it, in a container with docker compose run --rm -e HF_HUB_OFFLINE=0 bot"
    ),
)
_say(
    models.HubFileMissingError,
    lambda e: f"the hub has no {e.path} in {e.repo} at {e.revision[:12]}; another mirror may: HF_ENDPOINT",
)
_say(
    models.HubRefusedError,
    lambda e: f"the hub has no {e.repo}, or gives it only to people who accepted its terms there",
)
_say(
    models.HubUnreachableError,
    lambda e: f"the hub {e.endpoint} cannot be used: {_short(e.detail)}; a mirror is set by HF_ENDPOINT",
)
_say(
    models.TransferCutError,
    lambda e: (
        f"the hub broke off {e.path} after {_size(e.done)}"
        f"{f' of {_size(e.size)}' if e.size else ''}; the same command goes on from there"
    ),
)
_say(
    models.WrongHashError,
    lambda e: (
        f"{e.path} is not what it should be (hash {e.found[:12]} instead of {e.expected[:12]}), "
        "and nothing of it is kept; try again, or another mirror: HF_ENDPOINT"
    ),
)
_say(
    models.NoRoomForModelError,
    lambda e: f"the models need {_size(e.needed)}, and {e.folder} has room for {_size(e.free)}",
)
_say(models.PullRunningError, lambda e: f"another program is fetching {e.path}; wait for it")

_say(
    requests.EmptyTextError,
    lambda e: say("the {field} says nothing: use a few words", field=translated(e.field)),
)
_say(
    requests.LongTextError,
    lambda e: say(
        "the {field} has {length} characters; at most {limit} are read",
        field=translated(e.field),
        length=e.length,
        limit=e.limit,
    ),
)
_say(
    requests.UnprintableTextError,
    lambda e: say(
        "the {field} has a control character at position {position}",
        field=translated(e.field),
        position=e.position,
    ),
)
_say(requests.NoTerminalError, lambda _: "--pick ask needs a terminal to ask on; use --pick auto")
_say(
    requests.UnknownBenchError,
    lambda e: f"there is no bench called {_short(e.name)}; there is {_choices(e.known)}",
)

_say(EngineDownError, lambda _: say("the engine is not running; it is started again by itself"))
_say(WireError, lambda e: f"the other program broke off or cannot be understood: {_short(str(e))}")
_say(
    coordinator.EngineLostError,
    lambda e: say("the engine ended while it worked on this: {detail}", detail=_short(e.detail)),
)
_say(
    coordinator.EngineSilentError,
    lambda e: say(
        "the engine said nothing about this for {seconds} seconds", seconds=format(e.seconds, ".0f")
    ),
)
_say(
    coordinator.PoseReaderBrokenError,
    lambda _: say("no pose can be read from pictures at the moment; tell whoever runs the bot"),
)
_say(coordinator.CoordinatorLostError, lambda _: say("the program ended while it worked on this"))
_say(coordinator.IncompleteResultError, lambda e: f"the engine's result is not whole: it has no {e.part}")
_say(
    coordinator.CharacterNotReadyError,
    lambda e: say(
        "the character {name} cannot be drawn: {state}",
        name=_short(e.name),
        state=_short(translated(_STATES.get(e.state, e.state))),
    ),
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
_say(chat.NotInServerError, lambda _: say("this works only in a server that has added the bot"))
_say(
    chat.ClosedChannelError,
    lambda e: say(
        "the bot is not open in this channel; use {channels}",
        channels=", ".join(f"<#{one}>" for one in e.channels),
    ),
)
_say(
    chat.RoleNeededError,
    lambda e: say("in this server you need the role <@&{role_id}> for this", role_id=e.role_id),
)
_say(
    chat.MemberLimitError,
    lambda e: say("you already have {limit} unfinished requests in this server; wait for one", limit=e.limit),
)
_say(chat.NotYoursError, lambda e: say("only its owner may do this: {what}", what=_short(translated(e.what))))
_say(chat.AdminsOnlyError, lambda _: say("only those who manage the server may do this"))
_say(
    chat.RefusedTextError,
    lambda e: say(
        "the {field} is refused: {reason}", field=translated(e.field), reason=say(_REFUSALS[e.reason])
    ),
)
_say(chat.UnreadablePolicyError, lambda e: f"the policy {e.path} cannot be used: {_short(e.detail)}")
_say(
    chat.WithheldError,
    lambda _: say("the pictures are withheld: the classifier takes them for sexual content"),
)
_say(
    chat.AgeGateError,
    lambda _: say("in this server pictures stay covered outside of age-restricted channels"),
)
_say(
    chat.PictureTooLargeError,
    lambda e: say("a picture is larger than the {limit} allowed here", limit=_size(e.limit)),
)
_say(chat.NoPictureHereError, lambda _: say("this message is none of the bot's pictures"))
_say(chat.NothingMadeError, lambda e: say("the pictures of job {job_id} are gone", job_id=e.job_id))
_say(chat.NothingUnfinishedError, lambda _: say("you have no unfinished request"))
_say(chat.ModelUnknownError, lambda _: say("the engine is still starting; try again in a minute"))
_say(
    chat.StillLookingError,
    lambda _: say("another picture of yours is still being looked at; try again in a minute"),
)
_say(chat.UnreadableUploadError, lambda _: say("the uploaded file cannot be fetched; upload it again"))
_say(
    chat.UploadTooLargeError,
    lambda e: say(
        "the uploaded file has {size}; at most {limit} are read", size=_size(e.size), limit=_size(e.limit)
    ),
)
_say(chat.ForgottenButtonError, lambda _: say("this button is from an older version of the bot; ask anew"))
_say(chat.NotReachedError, lambda e: say("Discord cannot be reached: {detail}", detail=_short(e.detail)))
