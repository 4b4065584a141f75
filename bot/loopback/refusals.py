"""What Discord answers when it refuses: status, code and sentence.

Source: discord-api-docs, topics/opcodes-and-status-codes, and observed bodies.
"""

from typing import Any

FORM_IS_INVALID = 50035
NOT_MODELLED_STATUS = 501


class RefusalError(Exception):
    """A request that is answered with an error body.

    Attributes:
        status: HTTP status.
        code: Discord's own code; 0 where it has none.
        message: Discord's sentence.
        errors: Where in the form, nested as Discord nests it; absent where empty.
    """

    def __init__(self, status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """Return the JSON that goes with the status."""
        told: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            told["errors"] = self.errors
        return told


_REFUSALS: dict[str, tuple[int, int, str]] = {
    "unauthorized": (401, 0, "401: Unauthorized"),
    "not found": (404, 0, "404: Not Found"),
    "method not allowed": (405, 0, "405: Method Not Allowed"),
    "internal error": (500, 0, "500: Internal Server Error"),
    "unknown application": (404, 10002, "Unknown Application"),
    "unknown channel": (404, 10003, "Unknown Channel"),
    "unknown guild": (404, 10004, "Unknown Guild"),
    "unknown member": (404, 10007, "Unknown Member"),
    "unknown message": (404, 10008, "Unknown Message"),
    "unknown user": (404, 10013, "Unknown User"),
    "unknown emoji": (404, 10014, "Unknown Emoji"),
    "unknown webhook": (404, 10015, "Unknown Webhook"),
    "unknown interaction": (404, 10062, "Unknown interaction"),
    "unknown command": (404, 10063, "Unknown application command"),
    "too many commands": (400, 30032, "Maximum number of application commands reached (100)."),
    "too many command creates": (
        429,
        30034,
        "Max number of daily application command creates has been reached (200)",
    ),
    "too large": (413, 40005, "Request entity too large"),
    "already acknowledged": (400, 40060, "Interaction has already been acknowledged."),
    "too many follow-ups": (
        400,
        40094,
        "This interaction has reached the maximum number of follow-up messages.",
    ),
    "missing access": (403, 50001, "Missing Access"),
    "not for this kind of channel": (400, 50024, "Cannot execute action on this channel type"),
    "not for direct messages": (403, 50003, "Cannot execute action on a DM channel"),
    "not the author": (403, 50005, "Cannot edit a message authored by another user"),
    "empty message": (400, 50006, "Cannot send an empty message"),
    "cannot message this user": (403, 50007, "Cannot send messages to this user"),
    "not a text channel": (400, 50008, "Cannot send messages in a non-text channel"),
    "no history to reply to": (400, 160002, "Cannot reply without permission to read message history"),
    "missing permissions": (403, 50013, "Missing Permissions"),
    "bulk delete count": (
        400,
        50016,
        "Provided too few or too many messages to delete. Must provide at least 2 and fewer than 100 "
        "messages to delete",
    ),
    "cannot act on a system message": (403, 50021, "Cannot execute action on a system message"),
    "invalid webhook token": (401, 50027, "Invalid Webhook Token"),
    "too old": (400, 50034, "You can only bulk delete messages that are under 14 days old."),
    "invalid recipient": (400, 50033, "Invalid Recipient(s)"),
    "invalid api version": (400, 50041, "Invalid API version provided"),
    "thread is archived": (400, 50083, "Thread is archived"),
    "invalid json": (400, 50109, "The request body contains invalid JSON."),
    "thread exists": (400, 160004, "A thread has already been created for this message"),
}


def refusal(name: str) -> RefusalError:
    """Return the error that Discord answers in a situation."""
    return RefusalError(*_REFUSALS[name])


def not_modelled(what: str) -> RefusalError:
    """Return the answer to what Discord can do and the loopback cannot: loud, unlike any of Discord's."""
    return RefusalError(NOT_MODELLED_STATUS, 0, f"The loopback does not model this: {what}")
