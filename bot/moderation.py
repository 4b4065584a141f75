"""What may be shown, and how. Knows neither Discord nor stores."""

from dataclasses import dataclass

from bot.chat_errors import AgeGateError
from synid_engine.errors import InvalidSettingError
from synid_engine.serving.judging import DEFAULT_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRule:
    """Decides by the engine's score which pictures are shown.

    Attributes:
        threshold: In (0, 1]; from this probability on, a picture is withheld as sexual.
    """

    threshold: float = DEFAULT_LIMIT

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 1.0:
            raise InvalidSettingError(field="threshold", value=self.threshold, allowed="above 0, at most 1")

    def withholds(self, nsfw: float | None) -> bool:
        """Tell whether a picture is withheld; one that nobody has looked at is."""
        return nsfw is None or nsfw >= self.threshold


def is_covered(*, wished: bool, server_covers: bool, is_age_restricted: bool) -> bool:
    """Decide whether pictures are posted as spoilers.

    Args:
        wished: Whether the asker wants it.
        server_covers: Whether the server covers all pictures outside of age-restricted channels.
        is_age_restricted: Whether the channel is for adults.
    """
    return wished or (server_covers and not is_age_restricted)


def require_uncovering(*, server_covers: bool, is_age_restricted: bool) -> None:
    """Find out whether pictures may be uncovered.

    Raises:
        AgeGateError: The server covers all pictures here.
    """
    if server_covers and not is_age_restricted:
        raise AgeGateError
