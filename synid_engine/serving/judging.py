"""Who looks at finished pictures, and from which score on each withholds them. Knows no torch."""

from collections.abc import Mapping
from dataclasses import dataclass

from synid_engine.errors import InvalidSettingError

OPENNSFW, SAFETY_CHECKER = "opennsfw", "safety_checker"
JUDGES = (OPENNSFW, SAFETY_CHECKER)
DEFAULT_LIMIT = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeLimit:
    """A judge, and the score above 0 and at most 1 from which on it withholds a picture."""

    name: str
    limit: float

    def __post_init__(self) -> None:
        if self.name not in JUDGES:
            raise InvalidSettingError(field="judges", value=self.name, allowed=" or ".join(JUDGES))
        if not 0.0 < self.limit <= 1.0:
            raise InvalidSettingError(field=self.name, value=self.limit, allowed="above 0, at most 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What a deployment wants.

    Attributes:
        judges: Each with its own limit, any of which is enough; none is `opennsfw` with the common one.
        limit: The common one: whoever shows pictures withholds them from this score on.
    """

    judges: tuple[JudgeLimit, ...] = ()
    limit: float = DEFAULT_LIMIT

    def __post_init__(self) -> None:
        if not 0.0 < self.limit <= 1.0:
            raise InvalidSettingError(field="limit", value=self.limit, allowed="above 0, at most 1")

    def __str__(self) -> str:
        """Return the text that `read_judging` reads."""
        return ",".join([str(self.limit), *(f"{one.name}={one.limit}" for one in self.judges)])


def judge_limits(limits: Mapping[str, float]) -> tuple[JudgeLimit, ...]:
    """Return judges by name.

    Raises:
        InvalidSettingError: There is no such judge, or no such limit.
    """
    return tuple(JudgeLimit(name=name, limit=limit) for name, limit in limits.items())


def read_judging(text: str) -> Judging:
    """Read the common limit and the judges, as in `0.8,opennsfw=0.8,safety_checker=0.5`.

    Raises:
        ValueError: It is not of this form.
        InvalidSettingError: There is no such judge, or no such limit.
    """
    limit, *judges = text.split(",")
    pairs = (one.partition("=") for one in judges)
    return Judging(limit=float(limit), judges=judge_limits({name: float(value) for name, _, value in pairs}))
