"""What can go wrong in a chat. Errors carry fields; `bot.errors` owns the words."""

from pathlib import Path
from typing import Literal

from synid_engine.errors import CapacityError, InvalidRequestError, SynIDError


class MissingTokenError(InvalidRequestError):
    """The environment names no token to log in with."""


class RejectedTokenError(InvalidRequestError):
    """Discord does not know the token."""


class PortError(InvalidRequestError):
    """Nothing can listen at `port`; `detail` is what the system says."""

    def __init__(self, *, port: int, detail: str) -> None:
        super().__init__(port, detail)
        self.port = port
        self.detail = detail


class NotInServerError(InvalidRequestError):
    """The request needs a server that has the bot."""


class ClosedChannelError(InvalidRequestError):
    """The server's admins have not opened this channel; `channels` are the ids of those that they have."""

    def __init__(self, *, channels: tuple[int, ...]) -> None:
        super().__init__(channels)
        self.channels = channels


class RoleNeededError(InvalidRequestError):
    """The server's admins ask for the role `role_id`."""

    def __init__(self, *, role_id: int) -> None:
        super().__init__(role_id)
        self.role_id = role_id


class MemberLimitError(CapacityError):
    """A member has `limit` unfinished requests in this server, which is the most there."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class NotYoursError(InvalidRequestError):
    """Only the owner, and in some cases a moderator, may do this to `what`."""

    def __init__(self, *, what: str) -> None:
        super().__init__(what)
        self.what = what


class AdminsOnlyError(InvalidRequestError):
    """Only who manages the server may do this."""


class RefusedTextError(InvalidRequestError):
    """The policy refuses the text of `field`; its `reason` is one of five words."""

    def __init__(self, *, field: str, reason: Literal["long", "marks", "minors", "sexual", "listed"]) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason: str = reason


class UnreadablePolicyError(InvalidRequestError):
    """The file with the words of the policy at `path` cannot be used; `detail` says why."""

    def __init__(self, *, path: Path, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail


class WithheldError(InvalidRequestError):
    """The pictures are withheld, or have not been judged yet."""


class AgeGateError(InvalidRequestError):
    """Pictures stay covered outside of age-restricted channels here."""


class PictureTooLargeError(InvalidRequestError):
    """A picture does not fit into `limit` bytes, however it is encoded."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class NoPictureHereError(InvalidRequestError):
    """A message is not one of the bot's pictures."""


class NothingMadeError(InvalidRequestError):
    """The pictures of job `job_id` have been deleted, or there were none."""

    def __init__(self, *, job_id: int) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class NothingUnfinishedError(InvalidRequestError):
    """The user has no request that could be cancelled."""


class ModelUnknownError(CapacityError):
    """The engine is not ready, so nobody can say which base model there is."""


class StillLookingError(CapacityError):
    """Another picture that the user brought is being looked at."""


class UnreadableUploadError(InvalidRequestError):
    """An uploaded file cannot be fetched."""


class UploadTooLargeError(InvalidRequestError):
    """An uploaded file has `size` bytes; at most `limit` are read."""

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit


class ForgottenButtonError(InvalidRequestError):
    """A button or a form is of a version that this program does not know."""


class DemoError(SynIDError):
    """The demo's character could not be made or drawn; `said` is what its person was told."""

    def __init__(self, *, said: str) -> None:
        super().__init__(said)
        self.said = said


class NotReachedError(SynIDError):
    """Discord could not be reached, or failed; `detail` says how."""

    def __init__(self, *, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
