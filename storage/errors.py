"""What can go wrong with what is stored. Each error carries fields; the front end owns the words."""

from pathlib import Path

from synid_engine.errors import CapacityError, InvalidRequestError, StoreError


class InvalidNameError(InvalidRequestError):
    """A character cannot have this name.

    Attributes:
        name: What was asked for.
        reason: One of `empty`, `long`, `unprintable`, `path`.
    """

    def __init__(self, *, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


class ProfileNotFoundError(InvalidRequestError):
    """No character has this name; `known` lists the names that exist."""

    def __init__(self, *, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known


class ProfileExistsError(InvalidRequestError):
    """A character already has this name, whatever its case."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name)
        self.name = name


class DamagedProfileError(StoreError):
    """A stored character's files are not what its profile says; `part` is the file."""

    def __init__(self, *, name: str, part: str, detail: str) -> None:
        super().__init__(name, part, detail)
        self.name = name
        self.part = part
        self.detail = detail


class DiskFullError(StoreError):
    """There is no room to write `path`."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path


class UnwritableError(StoreError):
    """`path` could not be written, for the system's `reason`."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


class ArchiveError(InvalidRequestError):
    """A `.character` file is refused; `path` is the file."""

    def __init__(self, path: Path, *details: object) -> None:
        super().__init__(path, *details)
        self.path = path


class MissingArchiveError(ArchiveError):
    """There is no such file, or it cannot be read."""


class NotAnArchiveError(ArchiveError):
    """The file is not a whole zip: another format, cut short, or with foreign bytes before or inside it."""


class ArchiveTooLargeError(ArchiveError):
    """The file, one of its members or their sum is larger than a character can be.

    Attributes:
        size: Bytes found or declared.
        limit: Bytes allowed.
    """

    def __init__(self, path: Path, *, size: int, limit: int) -> None:
        super().__init__(path, size, limit)
        self.size = size
        self.limit = limit


class UnexpectedMemberError(ArchiveError):
    """A member is none that a character has: a path outside, a link, a pickle, a duplicate, one too many."""

    def __init__(self, path: Path, *, member: str) -> None:
        super().__init__(path, member)
        self.member = member


class MissingMemberError(ArchiveError):
    """A member that a character needs is not there."""

    def __init__(self, path: Path, *, member: str) -> None:
        super().__init__(path, member)
        self.member = member


class DamagedMemberError(ArchiveError):
    """A member's bytes are not what its checksum, its size or its format says."""

    def __init__(self, path: Path, *, member: str, detail: str) -> None:
        super().__init__(path, member, detail)
        self.member = member
        self.detail = detail


class OtherBaseModelError(ArchiveError):
    """The character was made with another base model, on which its bank means nothing."""

    def __init__(self, path: Path, *, found: str, expected: str) -> None:
        super().__init__(path, found, expected)
        self.found = found
        self.expected = expected


class CoordinatorRunningError(StoreError):
    """Another process owns the data folder; `pid` is its number, or 0 if it has not said."""

    def __init__(self, *, folder: Path, pid: int) -> None:
        super().__init__(folder, pid)
        self.folder = folder
        self.pid = pid


class NewerSchemaError(StoreError):
    """The database was written by a newer program; `found` and `known` are schema versions."""

    def __init__(self, *, path: Path, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path = path
        self.found = found
        self.known = known


class DamagedDatabaseError(StoreError):
    """The database file, or a row in it, cannot be understood."""

    def __init__(self, *, path: Path, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail


class DatabaseBusyError(CapacityError):
    """Another program kept the database locked for longer than the time-out."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path


class ConstraintError(StoreError):
    """A row breaks a rule of the schema.

    Attributes:
        kind: One of `unique`, `foreign key`, `check`, `not null`, `other`.
        detail: What SQLite says about it.
    """

    def __init__(self, *, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


class MissingFileError(StoreError):
    """A file that the database refers to is not there or cannot be read."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path


class DamagedFileError(StoreError):
    """A file's bytes are not those that its name promises."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path


class JobNotFoundError(InvalidRequestError):
    """There is no job of this number."""

    def __init__(self, *, job_id: int) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class LeaseLostError(StoreError):
    """The job is no longer this worker's: leased again, parked, cancelled or ended."""

    def __init__(self, *, job_id: int, fence: int) -> None:
        super().__init__(job_id, fence)
        self.job_id = job_id
        self.fence = fence


class NotWaitingError(InvalidRequestError):
    """The job does not wait for this answer, or no longer."""

    def __init__(self, *, job_id: int) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class RequestKeyTakenError(InvalidRequestError):
    """The same request key came with other work before; `job_id` is the job that it made."""

    def __init__(self, *, request_key: str, job_id: int) -> None:
        super().__init__(request_key, job_id)
        self.request_key = request_key
        self.job_id = job_id


class OwnerLimitError(CapacityError):
    """The owner has `limit` unfinished jobs, which is the most."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class ServerLimitError(CapacityError):
    """The server has `limit` unfinished jobs, which is the most."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class QueueFullError(CapacityError):
    """There are `limit` unfinished jobs in all, which is the most."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class CharacterExistsError(InvalidRequestError):
    """The owner already has a character of this name, whatever its case."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name)
        self.name = name


class CharacterNotFoundError(InvalidRequestError):
    """There is no character of this number."""

    def __init__(self, *, character_id: int) -> None:
        super().__init__(character_id)
        self.character_id = character_id


class StaleRevisionError(InvalidRequestError):
    """Somebody else has changed the character; `revision` was seen and `present` is there."""

    def __init__(self, *, character_id: int, revision: int, present: int) -> None:
        super().__init__(character_id, revision, present)
        self.character_id = character_id
        self.revision = revision
        self.present = present


class ImageNotFoundError(InvalidRequestError):
    """There is no picture of this number."""

    def __init__(self, *, image_id: int) -> None:
        super().__init__(image_id)
        self.image_id = image_id


class FolderInUseError(InvalidRequestError):
    """A backup can only be restored where nothing is; `folder` has something in it."""

    def __init__(self, *, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder


class NotABackupError(InvalidRequestError):
    """The file is missing, or no whole backup; `detail` says what is wrong with it."""

    def __init__(self, *, path: Path, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail


class NoDatabaseError(InvalidRequestError):
    """The data folder has no database yet."""

    def __init__(self, *, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
