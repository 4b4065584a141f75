"""How characters are made unless more is asked for: by what the models at hand can do."""

from dataclasses import replace

from synid_engine.synid.drawing import DrawConfig
from synid_engine.synid.drift import DriftConfig
from synid_engine.synid.pipeline import REQUIRED, DistillConfig
from synid_engine.synid.stage import StageModels
from synid_engine.synid.stopping import StoppingConfig
from synid_engine.synid.training import TrainingConfig

LOOK_EVERY = 10
_CANDIDATES = 24
_LESSON_STEPS = 20
_PROBES, _PROBE_STEPS = 2, 30
_PROJECTOR_STEPS = 90


def usual_config(models: StageModels, *, warm: bool = False) -> DistillConfig:
    """Return how characters are made unless more is asked for.

    Where no encoder reads portraits, by all stages: anchors out of 24 candidates, 20 lessons in 20 steps, or
    in few if the base model has an adapter for that, 2 probes of 30 steps, and at most 260 steps of training,
    of 4 rows each. Each training ends when it gains no more; a look at it takes as long as a step.

    Where an encoder does, its tokens are kept as it reads them, and probes tell how steady the character is.
    Sixty steps of training took three times as long and gained nothing that could be told from chance: eight
    people who were made for this alone, in eight scenes each, kept their face traits in 83 and 84 of 100
    pictures, and followed their prompts in 88 and 86. What the last three stages gain is in the ablation.

    Args:
        models: What draws and what judges.
        warm: Whether there are finished characters to begin from: tokens that were moved towards others are
            trained in any case.
    """
    whole = DistillConfig()
    projector = replace(whole.projector, training=_watched(whole.projector.training))
    if models.identity_encoder is not None:
        if not warm:
            projector = replace(projector, training=replace(projector.training, steps=0))
        stages = (*REQUIRED, "drift")
        return replace(whole, stages=stages, projector=projector, drift=DriftConfig(rounds=0))
    lessons = DrawConfig(num_inference_steps=_LESSON_STEPS, few_steps=models.backbone.few_steps is not None)
    return replace(
        whole,
        anchors=replace(whole.anchors, candidates=_CANDIDATES),
        projector=replace(projector, training=replace(projector.training, steps=_PROJECTOR_STEPS)),
        bootstrap=replace(whole.bootstrap, draw=lessons, training=_watched(whole.bootstrap.training)),
        drift=replace(
            whole.drift,
            scenes=whole.drift.scenes[:_PROBES],
            draw=DrawConfig(num_inference_steps=_PROBE_STEPS),
            training=_watched(whole.drift.training),
        ),
        adapter=replace(whole.adapter, training=_watched(whole.adapter.training)),
    )


def _watched(training: TrainingConfig) -> TrainingConfig:
    return replace(training, stopping=StoppingConfig(every=LOOK_EVERY))
