"""Creations that train in one forward pass, and what becomes of them when that breaks."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from synid_engine.errors import DeviceOutOfMemoryError
from synid_engine.runtime.backbone import Backbone
from synid_engine.serving import creation_batch
from synid_engine.serving.batch_events import Event, JobDone, JobFailed, JobProgress
from synid_engine.serving.picture_batch import BatchConfig
from synid_engine.serving.step_batcher import StepBatcher
from synid_engine.serving.stepwise import SharedRoom
from synid_engine.synid.anchors import find_anchors
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.exercise import Exercise, work_out_together
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.stage import OnProgress, Progress, StageModels, ignore_report
from synid_engine.synid.trainable import TrainableLowRank, TrainableTokens, bank_from_tokens
from synid_engine.synid.training import TrainingConfig, train
from synid_engine.synid.words import PlainIdentityWords

STEPS = 4
Together = Callable[[Sequence[Exercise], Backbone], list[float]]


@pytest.fixture(scope="module")
def anchors(models: StageModels, tiny_config: DistillConfig) -> AnchorEnsemble:
    words = PlainIdentityWords(description="a woman with red hair, wearing a blue hoodie")
    return find_anchors(words, models, tiny_config.anchors, seed=3, report=ignore_report)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many creations each shared step has."""
    return watch(monkeypatch, work_out_together)


def watch(monkeypatch: pytest.MonkeyPatch, together: Together) -> list[int]:
    noted: list[int] = []

    def noting(exercises: Sequence[Exercise], backbone: Backbone) -> list[float]:
        noted.append(len(exercises))
        return together(exercises, backbone)

    monkeypatch.setattr(creation_batch, "work_out_together", noting)
    return noted


class Hall:
    """A batcher with creations that do nothing but train."""

    def __init__(self, models: StageModels, anchors: AnchorEnsemble, *, training_rows: int) -> None:
        self.models = replace(models, classroom=SharedRoom())
        self.anchors, self.events = anchors, list[Event]()
        config = BatchConfig(preview_every=0, training_rows=training_rows)
        self.batcher = StepBatcher(models.backbone, self.events.append, config)

    def learner(self, seed: int, *, tokens: int) -> Callable[[OnProgress], Tensor]:
        """Return a call that trains an adapter, or tokens, and returns all of it."""
        backbone = self.models.backbone
        chance = torch.Generator().manual_seed(seed)
        start = torch.randn(tokens, backbone.context_dim, generator=chance)
        config = TrainingConfig(steps=STEPS, batch_size=2, perception_every=2)

        def learn(report: OnProgress) -> Tensor:
            if seed % 2:
                trainable = TrainableTokens.start(start, backbone, value_gain=0.5)
            else:
                bank = bank_from_tokens(start, backbone, value_gain=0.5)
                trainable = TrainableLowRank.start(bank, backbone, rank=2, generator=chance)
            train(
                trainable,
                self.anchors.pictures,
                self.anchors.reference,
                self.models,
                config,
                chance,
                report=lambda fraction, detail: report(
                    Progress(stage="projector", fraction=fraction, detail=detail)
                ),
            )
            return torch.cat([parameter.detach().flatten() for parameter in trainable.parameters()])

        return learn

    def run(self) -> dict[str, Tensor]:
        """Work until everything is over, and return what was learnt."""
        while self.step():
            pass
        results = [event for event in self.events if isinstance(event, JobDone)]
        return {event.job_id: event.result for event in results if isinstance(event.result, Tensor)}

    def step(self) -> bool:
        try:
            return self.batcher.step()
        except RuntimeError as error:
            self.batcher.blame(error)
            return True


def learnt_by(models: StageModels, anchors: AnchorEnsemble, *, training_rows: int) -> dict[str, Tensor]:
    hall = Hall(models, anchors, training_rows=training_rows)
    hall.batcher.create("tokens", "ann", hall.learner(1, tokens=3))
    hall.batcher.create("adapter", "ben", hall.learner(2, tokens=2))
    learnt = hall.run()
    assert sum(isinstance(event, JobProgress) for event in hall.events) == 2 * STEPS
    return learnt


def test_two_creations_learn_in_one_pass_what_each_learns_alone(
    models: StageModels, anchors: AnchorEnsemble, sizes: list[int]
) -> None:
    alone = learnt_by(models, anchors, training_rows=0)
    assert sizes == []
    together = learnt_by(models, anchors, training_rows=4)
    assert sizes == [2] * (STEPS - 1)  # the first step of each is over before anybody knows that it trains
    assert set(alone) == set(together) == {"tokens", "adapter"}
    for name, tensors in alone.items():
        # AdamW takes steps of 1e-2 whatever the gradient, so rounding shows where that is nearly nothing.
        assert (together[name] - tensors).norm() < 1e-3 * tensors.norm()


def test_creations_that_do_not_fit_train_by_themselves(
    models: StageModels, anchors: AnchorEnsemble, sizes: list[int]
) -> None:
    learnt_by(models, anchors, training_rows=3)
    assert sizes == []


def test_no_memory_for_two_lets_each_train_alone_from_then_on(
    models: StageModels, anchors: AnchorEnsemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(exercises: Sequence[Exercise], backbone: Backbone) -> list[float]:
        raise DeviceOutOfMemoryError(rows=sum(len(one.scales) for one in exercises))

    alone = learnt_by(models, anchors, training_rows=0)
    sizes = watch(monkeypatch, full)
    crowded = learnt_by(models, anchors, training_rows=4)
    assert sizes == [2]
    assert all(torch.equal(crowded[name], tensors) for name, tensors in alone.items())


def test_step_that_breaks_for_two_is_taken_by_each_alone(
    models: StageModels, anchors: AnchorEnsemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_done(exercises: Sequence[Exercise], backbone: Backbone) -> list[float]:
        work_out_together(exercises, backbone)
        raise RuntimeError(len(exercises))

    alone = learnt_by(models, anchors, training_rows=0)
    sizes = watch(monkeypatch, half_done)
    broken = learnt_by(models, anchors, training_rows=4)
    assert sizes == [2]
    assert all(torch.equal(broken[name], tensors) for name, tensors in alone.items())


def test_creation_that_is_cancelled_before_a_step_leaves_the_others(
    models: StageModels, anchors: AnchorEnsemble, sizes: list[int]
) -> None:
    hall = Hall(models, anchors, training_rows=4)
    hall.batcher.create("stays", "ann", hall.learner(1, tokens=3))
    hall.batcher.create("goes", "ben", hall.learner(2, tokens=2))
    while not sizes:
        hall.step()
    hall.batcher.cancel("goes")
    assert set(hall.run()) == {"stays"}
    assert not any(isinstance(event, JobFailed) for event in hall.events)


def test_each_pays_its_share_of_a_shared_step(
    models: StageModels, anchors: AnchorEnsemble, sizes: list[int]
) -> None:
    hall = Hall(models, anchors, training_rows=4)
    hall.batcher.create("one", "ann", hall.learner(1, tokens=3))
    hall.batcher.create("other", "ben", hall.learner(3, tokens=3))
    while not sizes:
        hall.step()
    before = {name: hall.batcher.engine_ms(name) for name in ("one", "other")}
    hall.step()
    paid = [hall.batcher.engine_ms(name) - before[name] for name in ("one", "other")]
    assert paid[0] == pytest.approx(paid[1])
    assert paid[0] > 0
