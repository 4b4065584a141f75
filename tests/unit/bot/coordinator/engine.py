"""An engine in this process: it keeps the link's promises, and does its work when the test says so."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from synid_engine.pose.body import Body
from synid_engine.pose.library import NAMED_POSES
from synid_engine.serving.cost_model import CostModel, Stage, StepCost, StepKind
from synid_engine.serving.findings import Look, Measure
from synid_engine.serving.link import EngineDownError, EngineLost, EngineStarted, LinkEvent
from synid_engine.serving.messages import (
    CreateWork,
    EvaluateWork,
    Failure,
    Hash,
    Lease,
    Picture,
    Question,
    RenderWork,
    Result,
)
from synid_engine.serving.orders import Assign, Drain, Judge, Order, ReadPose, Stop
from synid_engine.serving.reports import (
    Alive,
    Asked,
    Broken,
    Checkpointed,
    Drained,
    Finished,
    HandedBack,
    Health,
    Judged,
    PoseRead,
    Ready,
    Started,
    WorkBeat,
)

MODEL_HASH = "a" * 64
COSTS = CostModel(
    denoise=StepCost(fixed_ms=10.0, row_ms=5.0),
    decode=StepCost(row_ms=5.0),
    train=StepCost(fixed_ms=20.0, row_ms=10.0),
    creation=(Stage(kind=StepKind.TRAIN, steps=100, rows=2),),
)
READY = Ready(model_id="tiny", model_hash=MODEL_HASH, costs=COSTS, device="cpu", max_rows=8)
JOB_MS = 500.0
FIGURES = (
    Measure(name="same character, face traits", value=87.5, unit="%", interval=(52.9, 97.8)),
    Measure(name="face likeness to portrait", value=0.91, interval=(0.88, 0.94)),
    Measure(name="seconds a picture", value=1.25, unit="s"),
)
LOOKS = (
    Look(prompt="winking at the viewer, at sunset"),
    Look(prompt="smiling softly, in front of mountains", misses=("face", "background")),
)


class InProcessEngine:
    """Works at once on whatever it is given, or only when told."""

    def __init__(self, folder: Path, *, at_once: bool = True) -> None:
        self.spool = folder / "spool"
        self.at_once = at_once
        self.orders: list[Order] = []
        self.working: dict[int, Assign] = {}
        self.generation = 0
        self.is_up = False
        self.is_stuck = False
        self.nsfw: float | None = 0.02
        self.body: Body | None = NAMED_POSES["waving"]
        self.people = 1
        self.pose_failure: Failure | None = None
        self._events: asyncio.Queue[LinkEvent | None] = asyncio.Queue()
        self._is_closed = False

    async def start(self) -> None:
        self.spool.mkdir(parents=True, exist_ok=True)
        self.come_up()

    async def send(self, order: Order) -> None:
        if not self.is_up:
            raise EngineDownError
        self.orders.append(order)
        if isinstance(order, Assign):
            self.working[order.lease.job_id] = order
            if self.at_once:
                self.do(order)
        elif isinstance(order, Stop):
            self.working.pop(order.lease.job_id, None)
        elif isinstance(order, Judge) and not self.is_stuck:
            self.say(Judged(image=order.image, nsfw=self.nsfw))
        elif isinstance(order, ReadPose) and not self.is_stuck:
            read = PoseRead(image=order.image, body=self.body, people=self.people, failure=self.pose_failure)
            self.say(read)
        elif not self.is_stuck:
            self.say(Health(is_ready=True, memory_mib=100.0))

    async def events(self) -> AsyncIterator[LinkEvent]:
        while (event := await self._events.get()) is not None:
            yield event
            self._events.task_done()

    async def drain(self, timeout_s: float) -> None:
        assert timeout_s > 0
        self.orders.append(Drain())
        for order in list(self.working.values()):
            self.hand_back(order)
        self.say(Drained())
        self.is_up = False
        self.say(EngineLost(generation=self.generation, exit_code=0, reason="drained"))

    async def close(self) -> None:
        self.is_up = False
        if not self._is_closed:
            self._is_closed = True
            self._events.put_nowait(None)

    def say(self, event: LinkEvent) -> None:
        self._events.put_nowait(event)

    async def heard(self) -> None:
        """Wait until everything that was said has been acted upon."""
        await self._events.join()

    def come_up(self, ready: Ready = READY) -> None:
        self.is_up = True
        self.generation += 1
        self.say(EngineStarted(generation=self.generation))
        self.say(ready)

    def die(self, reason: str = "killed") -> None:
        self.is_up = False
        self.working.clear()
        self.say(EngineLost(generation=self.generation, exit_code=-9, reason=reason))

    def keep(self, text: str, suffix: str = ".png") -> Hash:
        """Leave a file in the spool folder."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        (self.spool / f"{digest}{suffix}").write_bytes(text.encode())
        return digest

    def do(self, order: Assign) -> None:
        """Do a job as far as it goes: to its question, or to its end."""
        self.say(Started(lease=order.lease))
        if isinstance(order.work, CreateWork) and order.work.ask and order.answer is None:
            self.ask(order)
        else:
            self.finish(order)

    def checkpoint(self, order: Assign, name: str) -> Hash:
        digest = self.keep(f"checkpoint {order.lease.job_id} {name}", ".safetensors")
        self.say(Checkpointed(lease=order.lease, checkpoint=digest))
        return digest

    def ask(self, order: Assign) -> None:
        checkpoint = self.checkpoint(order, "anchors")
        choices = tuple(self.keep(f"choice {order.lease.job_id} {number}") for number in range(4))
        nsfw = () if self.nsfw is None else (self.nsfw,) * 4
        question = Question(choices=choices, nsfw=nsfw, checkpoint=checkpoint, default=2)
        self.working.pop(order.lease.job_id, None)
        self.say(Asked(lease=order.lease, question=question, engine_ms=JOB_MS / 2))

    def result_of(self, order: Assign) -> Result:
        work = order.work
        count = work.pictures if isinstance(work, RenderWork) else 1
        drawn = tuple(self._picture(order, number) for number in range(count))
        if isinstance(work, EvaluateWork):
            return Result(pictures=drawn, figures=FIGURES, looks=LOOKS)
        if not isinstance(work, CreateWork):
            return Result(pictures=drawn)
        chosen = order.answer.choice if order.answer is not None else "none"
        bank = self.keep(f"bank {work.character_id} {chosen}", ".safetensors")
        return Result(pictures=drawn, bank=bank, scores={"identity": 0.9})

    def finish(self, order: Assign, result: Result | None = None, *, engine_ms: float = JOB_MS) -> Finished:
        report = Finished(lease=order.lease, result=result or self.result_of(order), engine_ms=engine_ms)
        self.working.pop(order.lease.job_id, None)
        self.say(report)
        return report

    def break_off(self, order: Assign, *, retryable: bool, reason: str = "DistillationError") -> None:
        self.working.pop(order.lease.job_id, None)
        failure = Failure(reason=reason, detail="it did not work")
        self.say(Broken(lease=order.lease, failure=failure, retryable=retryable, engine_ms=JOB_MS))

    def hand_back(self, order: Assign) -> None:
        self.working.pop(order.lease.job_id, None)
        self.say(HandedBack(lease=order.lease, engine_ms=JOB_MS / 4))

    def beat(self, *leases: Lease, progress: float = 0.5) -> None:
        beats = tuple(WorkBeat(lease=one, engine_ms=JOB_MS / 2, progress=progress) for one in leases)
        self.say(Alive(beats=beats))

    @property
    def assigned(self) -> list[int]:
        """The jobs in the order in which they were given."""
        return [order.lease.job_id for order in self.orders if isinstance(order, Assign)]

    @property
    def stopped(self) -> list[Lease]:
        return [order.lease for order in self.orders if isinstance(order, Stop)]

    def _picture(self, order: Assign, number: int) -> Picture:
        seed = number if isinstance(order.work, EvaluateWork) else order.work.seed + number
        name = f"{order.work!r} {seed}"
        small = self.keep(f"small {name}")
        return Picture(image=self.keep(name), thumbnail=small, seed=seed, nsfw=self.nsfw)
