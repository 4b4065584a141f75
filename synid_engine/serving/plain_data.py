"""What every message is made of; knows nothing of jobs.

Every message carries the version of its form, so that a row written by an older program is still understood
and one written by a newer program is refused instead of misread.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal: the name of a file in the spool folder or in storage."""

Identifier = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A person, a server or a row; Discord's ids fit."""

Milliseconds = Annotated[float, Field(ge=0.0)]

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Message(BaseModel):
    """What all messages have: no field but the declared ones, no change after they are made."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = SCHEMA_VERSION
