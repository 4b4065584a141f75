"""How a feature says that a card is to follow a job."""

from collections.abc import Callable

from synid_engine.serving.messages import Job

Follow = Callable[[Job], None]
