"""How characters are made unless more is asked for: by what the models at hand can do."""

from dataclasses import replace

from synid_engine.synid.drift import DriftConfig
from synid_engine.synid.pipeline import REQUIRED, DistillConfig
from synid_engine.synid.stage import StageModels
from synid_engine.synid.stopping import StoppingConfig
from synid_engine.synid.training import TrainingConfig

LOOK_EVERY = 10


def usual_config(models: StageModels) -> DistillConfig:
    """Return how characters are made unless more is asked for.

    Where no encoder reads portraits, by all stages; each training ends when it gains no more, and the lessons
    of the bootstrap are drawn in few steps where the base model has an adapter for that. Beside an encoder's
    tokens the last three stages show no gain in the ablation, so there only the first two train, to the end,
    and probes tell how steady the character is.
    """
    if models.identity_encoder is not None:
        return DistillConfig(stages=(*REQUIRED, "drift"), drift=DriftConfig(rounds=0))
    whole = DistillConfig()
    lessons = replace(whole.bootstrap.draw, few_steps=models.backbone.few_steps is not None)
    return replace(
        whole,
        projector=replace(whole.projector, training=_watched(whole.projector.training)),
        bootstrap=replace(whole.bootstrap, draw=lessons, training=_watched(whole.bootstrap.training)),
        adapter=replace(whole.adapter, training=_watched(whole.adapter.training)),
    )


def _watched(training: TrainingConfig) -> TrainingConfig:
    return replace(training, stopping=StoppingConfig(every=LOOK_EVERY))
