"""The five stages in a row, as in the paper's figure; each can be left out, and resumed within or after."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from synid_engine.errors import InvalidSettingError
from synid_engine.identity.bank import IdentityBank
from synid_engine.synid.adapter import Adapted, AdapterConfig, Lessons, UnfinishedAdapter, adapt
from synid_engine.synid.anchors import Pick, find_anchors, portrait_words
from synid_engine.synid.bootstrap import BootstrapConfig, Bootstrapped, UnfinishedBootstrap, bootstrap
from synid_engine.synid.checkpoint import Checkpoint, StageKeeper, every_25_steps
from synid_engine.synid.drift import DriftConfig, DriftCorrection, UnfinishedDrift, correct_drift
from synid_engine.synid.ensemble import AnchorConfig, AnchorEnsemble
from synid_engine.synid.projector import Projection, ProjectorConfig, TokenLibrary, project
from synid_engine.synid.stage import Bookmark, OnProgress, Report, StageModels, stage_generator
from synid_engine.synid.stage_clock import StageClock
from synid_engine.synid.training import TrainingConfig
from synid_engine.synid.training_state import TrainingState
from synid_engine.synid.words import IdentityWords

StageName = Literal["anchors", "projector", "bootstrap", "drift", "adapter"]
STAGES: tuple[StageName, ...] = ("anchors", "projector", "bootstrap", "drift", "adapter")
REQUIRED: tuple[StageName, ...] = ("anchors", "projector")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillConfig:
    """The sum of the stages' configurations, in their order.

    Attributes:
        stages: Which stages run; the first two always do. `usual_config` leaves out what shows no gain.
    """

    anchors: AnchorConfig = field(default_factory=AnchorConfig)
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    stages: tuple[StageName, ...] = STAGES

    def __post_init__(self) -> None:
        known = set(self.stages) <= set(STAGES) and len(set(self.stages)) == len(self.stages)
        if not known or not set(REQUIRED) <= set(self.stages):
            allowed = f"{', '.join(REQUIRED)} and any of {', '.join(STAGES[2:])}"
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

    def with_choice(self) -> "DistillConfig":
        """Return the same for somebody who chooses the portrait."""
        return replace(self, anchors=replace(self.anchors, to_choose=True))

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
class Distilled:
    """A finished character, as the engine draws it.

    Attributes:
        bank: Without gradients.
        anchors: The fixed reference.
        scores: Figures of the stages; higher is better, but for `loss`.
        report: What did not go as planned, and what each stage decided.
        words: What the portrait was drawn from: the description, with what it leaves open filled in.
    """

    bank: IdentityBank
    anchors: AnchorEnsemble
    scores: dict[str, float]
    report: dict[str, object]
    words: str


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
    is_due: Callable[[int], bool] = every_25_steps,
    library: TokenLibrary | None = None,
) -> Distilled:
    """Learn a character from words.

    Args:
        words: The description.
        models: Frozen.
        config: Budgets, and which stages run.
        seed: All chance follows from it; each stage has its own stream.
        pick: Chooses the portrait; None takes the most typical.
        on_progress: Told of every step; may raise JobCancelledError, which passes through.
        checkpoint: What is done already, under the same words, configuration and seed.
        on_checkpoint: Given everything done so far, after each stage and within those that train.
        is_due: Asked after each training step, with the steps since the last checkpoint of the stage.
        library: Finished characters to begin from; None begins from the words alone.

    Raises:
        DistillationError: The training went wrong.
        JobCancelledError: `on_progress` asked to stop.
    """
    clock = StageClock({**config.work()}, on_progress)
    done = checkpoint or Checkpoint()
    keeper = StageKeeper(on_checkpoint, is_due)
    anchors = done.anchors
    if anchors is None:
        report = clock.begin("anchors")
        anchors = find_anchors(words, models, config.anchors, seed=seed, report=report, pick=pick)
        done = keeper.keep(replace(done, anchors=anchors))
    projection = done.projection
    if projection is None:
        projection = project(
            anchors,
            models,
            config.projector,
            stage_generator(seed, "projector"),
            report=clock.begin("projector"),
            library=library,
            bookmark=keeper.bookmark(done, TrainingState),
        )
        done = keeper.keep(replace(done, projection=projection))
    whole = portrait_words(words, anchors, config.anchors, seed=seed)
    return _perfect(_Loop(whole, models, config, seed, anchors, projection), done, clock, keeper)


@dataclass(frozen=True, slots=True, eq=False)
class _Loop:
    """What the last three stages share."""

    words: IdentityWords
    models: StageModels
    config: DistillConfig
    seed: int
    anchors: AnchorEnsemble
    projection: Projection

    def bootstrap(self, report: Report, bookmark: Bookmark[UnfinishedBootstrap]) -> Bootstrapped:
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
            bookmark=bookmark,
        )

    def correct_drift(
        self, projection: Projection, report: Report, bookmark: Bookmark[UnfinishedDrift]
    ) -> DriftCorrection:
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
            bookmark=bookmark,
        )

    def adapt(
        self,
        projection: Projection,
        lessons: Lessons,
        report: Report,
        bookmark: Bookmark[UnfinishedAdapter],
    ) -> Adapted:
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
            bookmark=bookmark,
        )


def _perfect(loop: _Loop, done: Checkpoint, clock: StageClock, keeper: StageKeeper) -> Distilled:
    """Run the stages that the character teaches itself in."""
    stages, projection = loop.config.stages, loop.projection
    if "bootstrap" in stages:
        if done.bootstrapped is None:
            bookmark = keeper.bookmark(done, UnfinishedBootstrap)
            bootstrapped = loop.bootstrap(clock.begin("bootstrap"), bookmark)
            done = keeper.keep(replace(done, bootstrapped=bootstrapped))
        projection = done.bootstrapped.projection if done.bootstrapped else projection
    if "drift" in stages:
        if done.drift is None:
            bookmark = keeper.bookmark(done, UnfinishedDrift)
            drift = loop.correct_drift(projection, clock.begin("drift"), bookmark)
            done = keeper.keep(replace(done, drift=drift))
        projection = done.drift.projection if done.drift else projection
    if "adapter" in stages and done.adapted is None:
        learnt = done.bootstrapped
        lessons = Lessons(
            accepted=learnt.accepted if learnt else None,
            reference=learnt.refined if learnt else loop.anchors.reference,
        )
        bookmark = keeper.bookmark(done, UnfinishedAdapter)
        adapted = loop.adapt(projection, lessons, clock.begin("adapter"), bookmark)
        done = keeper.keep(replace(done, adapted=adapted))
    bank = done.adapted.bank if done.adapted else projection.bank(loop.models)
    return _finished(bank, loop, done)


def _finished(bank: IdentityBank, loop: _Loop, done: Checkpoint) -> Distilled:
    anchors = loop.anchors
    scores = {"cohesion": anchors.cohesion, "anchor_prompt": anchors.prompt_score}
    report: dict[str, object] = {}
    if done.projection is not None and done.projection.steps:
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
    if steps := _steps(loop.config, done):
        report["steps"] = steps
    return Distilled(
        bank=bank.detach(), anchors=anchors, scores=scores, report=report, words=loop.words.prompt("")
    )


def _steps(config: DistillConfig, done: Checkpoint) -> dict[str, str]:
    """Tell how many of the planned steps each training took."""
    taken: dict[str, tuple[int, TrainingConfig]] = {}
    if done.projection is not None:
        taken["projector"] = done.projection.steps, config.projector.training
    if done.bootstrapped is not None:
        taken["bootstrap"] = done.bootstrapped.projection.steps, config.bootstrap.training
    if done.adapted is not None:
        taken["adapter"] = done.adapted.steps, config.adapter.training
    trained = {stage: (steps, training.steps) for stage, (steps, training) in taken.items() if training.steps}
    return {stage: f"{steps} of {planned}" for stage, (steps, planned) in trained.items()}
