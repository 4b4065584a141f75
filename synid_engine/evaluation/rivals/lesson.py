"""What every rival is given: the same portrait, the same words and the same accepted pictures."""

import time
from dataclasses import dataclass

from PIL import Image

from synid_engine.engine import Engine, to_picture
from synid_engine.errors import DistillationError
from synid_engine.evaluation.cast import Described
from synid_engine.synid.checkpoint import Checkpoint
from synid_engine.synid.embeds import IdentityReference
from synid_engine.synid.pipeline import DistillConfig, distill
from synid_engine.synid.stage import OnProgress
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.words import IdentityWords

_ANCHORS_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """One character as it is handed to a rival.

    Attributes:
        who: The character.
        words: Its description, with what that leaves open filled in as the portrait was.
        portrait: Whom every picture must show.
        portrait_seed: Of the portrait's noise.
        reference: The fused embedding of the anchors.
        pictures: Anchors and accepted pictures, half of the rows each; their prompts say the filled words.
        seconds: What they took.
    """

    who: Described
    words: IdentityWords
    portrait: Image.Image
    portrait_seed: int
    reference: IdentityReference
    pictures: TrainingPictures
    seconds: float


def prepare_lesson(engine: Engine, who: Described, *, on_progress: OnProgress) -> Lesson:
    """Run the stages up to the bootstrap and keep the pictures that it accepted.

    Raises:
        DistillationError: The character could not be learnt.
        JobCancelledError: `on_progress` asked to stop.
    """
    started = time.monotonic()
    described = engine.wording.identity(who.description, None)
    kept: list[Checkpoint] = []
    distilled = distill(
        described,
        engine.models,
        DistillConfig(stages=("anchors", "projector", "bootstrap")),
        seed=who.seed,
        on_progress=on_progress,
        on_checkpoint=kept.append,
    )
    bootstrapped = kept[-1].bootstrapped
    if bootstrapped is None:
        raise DistillationError("bootstrap", 0.0)
    anchors = distilled.anchors
    words = described.filled(distilled.words)
    pictures = anchors.pictures.joined(bootstrapped.accepted, share=_ANCHORS_SHARE)
    return Lesson(
        who=who,
        words=words,
        portrait=to_picture(anchors.images[anchors.portrait]),
        portrait_seed=anchors.seeds[anchors.portrait],
        reference=anchors.reference,
        pictures=TrainingPictures(
            latents=pictures.latents,
            prompts=tuple(words.prompt(bare) for bare in pictures.bare_prompts),
            bare_prompts=pictures.bare_prompts,
            weights=pictures.weights,
        ),
        seconds=time.monotonic() - started,
    )
