"""The five stages in a row, as in the paper's figure; each can be left out, and resumed after."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from synid_engine.errors import InvalidSettingError
from synid_engine.identity.bank import IdentityBank
from synid_engine.synid.adapter import Adapted, AdapterConfig, Lessons, adapt
from synid_engine.synid.anchors import AnchorConfig, AnchorEnsemble, Pick, find_anchors
from synid_engine.synid.bootstrap import BootstrapConfig, Bootstrapped, bootstrap
from synid_engine.synid.drift import DriftConfig, DriftCorrection, correct_drift
from synid_engine.synid.projector import Projection, ProjectorConfig, TokenLibrary, project
from synid_engine.synid.stage import OnProgress, Progress, Report, StageModels, stage_generator
from synid_engine.synid.words import IdentityWords

StageName = Literal["anchors", "projector", "bootstrap", "drift", "adapter"]
STAGES: tuple[StageName, ...] = ("anchors", "projector", "bootstrap", "drift", "adapter")
_REQUIRED: tuple[StageName, ...] = ("anchors", "projector")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillConfig:
    """The sum of the stages' configurations, in their order.

    Attributes:
        stages: Which stages run; the first two always do.
    """

    anchors: AnchorConfig = field(default_factory=AnchorConfig)
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    stages: tuple[StageName, ...] = STAGES

    def __post_init__(self) -> None:
        known = set(self.stages) <= set(STAGES) and len(set(self.stages)) == len(self.stages)
        if not known or not set(_REQUIRED) <= set(self.stages):
            allowed = f"{', '.join(_REQUIRED)} and any of {', '.join(STAGES[2:])}"
            raise InvalidSettingError(field="stages", value=self.stages, allowed=allowed)

    def ablated(self, variant: Literal["A", "B", "C", "D"]) -> "DistillConfig":
        """Return a step of the ablation.

        Args:
            variant: A is one anchor and the projector; B adds the ensemble; C adds bootstrap and drift
                correction; D adds the adapter.
        """
        stages: dict[str, tuple[StageName, ...]] = {
            "A": STAGES[:2],
            "B": STAGES[:2],
            "C": STAGES[:4],
            "D": STAGES,
        }
        anchors = replace(self.anchors, anchors=1) if variant == "A" else self.anchors
        return replace(self, anchors=anchors, stages=stages[variant])

    def work(self) -> dict[StageName, int]:
        """Return the planned work of each stage that runs, in forward rows of the UNet."""
        rows: dict[StageName, int] = {
            "anchors": self.anchors.rows,
            "projector": self.projector.training.rows,
            "bootstrap": self.bootstrap.rows,
            "drift": self.drift.rows,
            "adapter": self.adapter.rows,
        }
        return {stage: rows[stage] for stage in STAGES if stage in self.stages}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """The outputs of the stages that are done; a stage that is not done, or left out, has None."""

    anchors: AnchorEnsemble | None = None
    projection: Projection | None = None
    bootstrapped: Bootstrapped | None = None
    drift: DriftCorrection | None = None
    adapted: Adapted | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distilled:
    """A finished character, as the engine draws it.

    Attributes:
        bank: Without gradients.
        anchors: The fixed reference.
        scores: Figures of the stages; higher is better, but for `loss`.
        report: What did not go as planned, and what each stage decided.
    """

    bank: IdentityBank
    anchors: AnchorEnsemble
    scores: dict[str, float]
    report: dict[str, object]


def distill(  # noqa: PLR0913  (options that a caller names)
    words: IdentityWords,
    models: StageModels,
    config: DistillConfig,
    *,
    seed: int = 0,
    pick: Pick | None = None,
    on_progress: OnProgress | None = None,
    checkpoint: Checkpoint | None = None,
    on_checkpoint: Callable[[Checkpoint], None] | None = None,
    library: TokenLibrary | None = None,
) -> Distilled:
    """Learn a character from words.

    Args:
        words: The description.
        models: Frozen.
        config: Budgets, and which stages run.
        seed: All chance follows from it; each stage has its own stream.
        pick: Chooses the portrait among the anchors; None takes the medoid.
        on_progress: Told of every step; may raise JobCancelledError, which passes through.
        checkpoint: Stages that are done already, under the same words, configuration and seed.
        on_checkpoint: Given everything done so far after each stage.
        library: Finished characters to begin from; None begins from the words alone.

    Raises:
        DistillationError: The training went wrong.
        JobCancelledError: `on_progress` asked to stop.
    """
    clock = _Clock(config, on_progress)
    done = checkpoint or Checkpoint()

    def keep(newest: Checkpoint) -> Checkpoint:
        if on_checkpoint is not None:
            on_checkpoint(newest)
        return newest

    anchors = done.anchors
    if anchors is None:
        report = clock.begin("anchors")
        anchors = find_anchors(words, models, config.anchors, seed=seed, report=report, pick=pick)
        done = keep(replace(done, anchors=anchors))
    projection = done.projection
    if projection is None:
        generator = stage_generator(seed, "projector")
        report = clock.begin("projector")
        projection = project(anchors, models, config.projector, generator, report=report, library=library)
        done = keep(replace(done, projection=projection))
    return _perfect(_Loop(words, models, config, seed, anchors, projection), done, clock, keep)


@dataclass(frozen=True, slots=True, eq=False)
class _Loop:
    """What the last three stages share."""

    words: IdentityWords
    models: StageModels
    config: DistillConfig
    seed: int
    anchors: AnchorEnsemble
    projection: Projection

    def bootstrap(self, report: Report) -> Bootstrapped:
        generator = stage_generator(self.seed, "bootstrap")
        return bootstrap(
            self.anchors,
            self.projection,
            self.words,
            self.models,
            self.config.bootstrap,
            generator,
            seed=self.seed,
            report=report,
        )

    def correct_drift(self, projection: Projection, report: Report) -> DriftCorrection:
        generator = stage_generator(self.seed, "drift")
        return correct_drift(
            self.anchors,
            projection,
            self.words,
            self.models,
            self.config.drift,
            generator,
            seed=self.seed,
            report=report,
        )

    def adapt(self, projection: Projection, lessons: Lessons, report: Report) -> Adapted:
        generator = stage_generator(self.seed, "adapter")
        return adapt(
            self.anchors,
            lessons,
            projection,
            self.words,
            self.models,
            self.config.adapter,
            generator,
            seed=self.seed,
            report=report,
        )


def _perfect(
    loop: _Loop, done: Checkpoint, clock: "_Clock", keep: Callable[[Checkpoint], Checkpoint]
) -> Distilled:
    """Run the stages that the character teaches itself in."""
    stages, projection = loop.config.stages, loop.projection
    if "bootstrap" in stages:
        if done.bootstrapped is None:
            done = keep(replace(done, bootstrapped=loop.bootstrap(clock.begin("bootstrap"))))
        projection = done.bootstrapped.projection if done.bootstrapped else projection
    if "drift" in stages:
        if done.drift is None:
            done = keep(replace(done, drift=loop.correct_drift(projection, clock.begin("drift"))))
        projection = done.drift.projection if done.drift else projection
    if "adapter" in stages and done.adapted is None:
        learnt = done.bootstrapped
        lessons = Lessons(
            accepted=learnt.accepted if learnt else None,
            reference=learnt.refined if learnt else loop.anchors.reference,
        )
        done = keep(replace(done, adapted=loop.adapt(projection, lessons, clock.begin("adapter"))))
    bank = done.adapted.bank if done.adapted else projection.bank(loop.models)
    return _finished(bank, loop.anchors, done)


def _finished(bank: IdentityBank, anchors: AnchorEnsemble, done: Checkpoint) -> Distilled:
    scores = {"cohesion": anchors.cohesion, "anchor_prompt": anchors.prompt_score}
    report: dict[str, object] = {}
    if done.projection is not None:
        scores["loss"] = done.projection.loss
    if done.bootstrapped is not None:
        scores["bootstrap_identity"] = done.bootstrapped.identity
        scores["bootstrap_prompt"] = done.bootstrapped.prompt_score
    if done.drift is not None:
        scores["identity"] = max(done.drift.likeness)
        report["drift_likeness"] = [round(value, 4) for value in done.drift.likeness]
        report["drift_converged"] = done.drift.converged
    if done.adapted is not None:
        chosen = done.adapted.after if done.adapted.kept else done.adapted.before
        scores |= {"identity": chosen.identity, "prompt": chosen.prompt}
        report["adapter_kept"] = done.adapted.kept
        report["adapter_identity"] = [
            round(score.identity, 4) for score in (done.adapted.before, done.adapted.after)
        ]
    return Distilled(bank=bank.detach(), anchors=anchors, scores=scores, report=report)


class _Clock:
    """Turns shares of stages into progress with an estimate of the time left."""

    def __init__(self, config: DistillConfig, on_progress: OnProgress | None) -> None:
        self._work = config.work()
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._skipped = 0
        self._is_new = True

    def begin(self, stage: StageName) -> Report:
        """Return the report of a stage that begins now."""
        names = list(self._work)
        before = sum(self._work[name] for name in names[: names.index(stage)])
        total = sum(self._work.values())
        if self._is_new:
            self._skipped, self._is_new = before, False
        share = round(100 * self._work[stage] / total)

        def report(fraction: float, detail: str) -> None:
            if self._on_progress is None:
                return
            finished = before + self._work[stage] * fraction
            elapsed = time.monotonic() - self._started
            drawn = finished - self._skipped
            eta_s = elapsed * (total - finished) / drawn if drawn > 0 else None
            self._on_progress(Progress(stage=stage, fraction=fraction, detail=detail, eta_s=eta_s))

        report(0.0, f"{share} % of the work")
        return report
