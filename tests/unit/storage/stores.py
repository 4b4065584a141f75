"""What the suites of all stores share: a clock that stands still, and one set of stores of each kind."""

from dataclasses import dataclass

from storage.ledger import JobStore
from synid_engine.serving.messages import RenderWork, Submission

START = 1_700_000_000.0


class StillClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    jobs: JobStore


def submission(
    key: str = "a", *, owner: int = 1, server: int | None = 7, prompt: str = "a fox", weight: float = 1.0
) -> Submission:
    work = RenderWork(prompt=prompt)
    return Submission(request_key=key, owner_id=owner, server_id=server, weight=weight, work=work)
