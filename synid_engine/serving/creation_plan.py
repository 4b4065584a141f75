"""What the making of a character consists of, and how long that takes where each kind of step is measured."""

from dataclasses import dataclass

from synid_engine.synid.stopping import StoppingConfig
from synid_engine.synid.usual import LOOK_EVERY

PUBLISHED_CANDIDATE_STEPS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationPlan:
    """Counts of steps.

    Attributes:
        candidates: Pictures that the anchors are chosen from.
        candidate_steps: Denoising steps of each.
        lessons: Pictures of the bootstrap.
        lesson_steps: Likewise.
        probes: Pictures that the character is judged by.
        probe_steps: Likewise.
        optimiser_steps: Steps of the training.
        batch_size: Rows of each.
        has_quick_lessons: Whether a few-step adapter draws the lessons.
        looks: How often it is found out whether the training still gains.
    """

    candidates: int = 24
    candidate_steps: int = 8
    lessons: int = 20
    lesson_steps: int = 20
    probes: int = 2
    probe_steps: int = 30
    optimiser_steps: int = 260
    batch_size: int = 4
    has_quick_lessons: bool = False
    looks: int = 0

    @property
    def pictures(self) -> tuple[tuple[int, int], ...]:
        """How many pictures of how many steps."""
        return (
            (self.candidates, self.candidate_steps),
            (self.lessons, self.lesson_steps),
            (self.probes, self.probe_steps),
        )

    @property
    def samples(self) -> int:
        """Rows that the training sees."""
        return self.optimiser_steps * self.batch_size


_LOOKING = StoppingConfig(every=LOOK_EVERY)
FULL_PLAN = CreationPlan()
SHORT_PLAN = CreationPlan(
    lesson_steps=8, optimiser_steps=100, has_quick_lessons=True, looks=_LOOKING.looks(100)
)
"""What is left where a few-step adapter draws the lessons in 8 steps and the training stops after 100.

That it stops there is an assumption, for no real weights of this size were at hand: the embedded model took
48 of 60 steps in the mean over six characters, which would be 208 of 260. Looking is counted in.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchedSteps:
    """Seconds of each kind of step when pictures are drawn together and the bank alone is trained.

    Attributes:
        pictures: Guided pictures of a denoising step.
        denoise_s: That step.
        decode_s: Decoding one picture.
        batch_size: Rows of an optimiser step.
        train_s: That step.
        quick_s: A denoising step of rows that are drawn with a few-step adapter.
    """

    pictures: int
    denoise_s: float
    decode_s: float
    batch_size: int
    train_s: float
    quick_s: float

    def creation_s(self, plan: CreationPlan) -> float:
        """Return the seconds of a plan; a batch that is not full counts as one."""
        lesson_s = self.quick_s if plan.has_quick_lessons else self.denoise_s
        drawing = sum(
            -(-count // self.pictures) * steps * step_s + count * self.decode_s
            for (count, steps), step_s in zip(
                plan.pictures, (self.denoise_s, lesson_s, self.denoise_s), strict=True
            )
        )
        rows = 2 * self.pictures
        look_s = self.denoise_s * _LOOKING.questions / rows + self.decode_s * _LOOKING.judged
        training = -(-plan.samples // self.batch_size) * self.train_s
        return drawing + training + plan.looks * look_s

    def picture_s(self, steps: int) -> float:
        """Return the seconds of one picture among many."""
        return steps * self.denoise_s / self.pictures + self.decode_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleSteps:
    """Seconds of each kind of step when everything is done one by one.

    Attributes:
        denoise_s: A step of the pipeline with one guided picture.
        rest_s: What the pipeline does beside its steps: text, latents and decoding.
        train_s: An optimiser step of one row, with adapters after each block.
    """

    denoise_s: float
    rest_s: float
    train_s: float

    def creation_s(self, plan: CreationPlan, *, samples: int) -> float:
        """Return the seconds of a plan, its candidates drawn in 30 steps as published.

        Args:
            plan: What is drawn.
            samples: Rows that are trained on.
        """
        kinds = ((plan.candidates, PUBLISHED_CANDIDATE_STEPS), *plan.pictures[1:])
        return sum(count * self.picture_s(steps) for count, steps in kinds) + samples * self.train_s

    def picture_s(self, steps: int) -> float:
        """Return the seconds of one picture."""
        return steps * self.denoise_s + self.rest_s
