"""When a training ends before its last step, and what it leaves then."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from synid_engine.errors import InvalidSettingError
from synid_engine.synid.adapter import UnfinishedAdapter
from synid_engine.synid.anchors import find_anchors
from synid_engine.synid.checkpoint import Checkpoint
from synid_engine.synid.checkpoint_file import read_checkpoint, write_checkpoint
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.pipeline import DistillConfig, distill
from synid_engine.synid.stage import Bookmark, StageModels, ignore_report, stage_generator
from synid_engine.synid.stopping import Looks, StoppingConfig
from synid_engine.synid.trainable import TrainableTokens
from synid_engine.synid.training import TrainingConfig, TrainingOutcome, train
from synid_engine.synid.training_state import TrainingState
from synid_engine.synid.words import PlainIdentityWords

NEVER_ENOUGH = StoppingConfig(every=1, patience=1, least_gain=1.0, questions=3)


@pytest.fixture(scope="module")
def anchors(models: StageModels, tiny_config: DistillConfig) -> AnchorEnsemble:
    words = PlainIdentityWords(description="a woman with red hair, wearing a blue hoodie")
    return find_anchors(words, models, tiny_config.anchors, seed=3, report=ignore_report)


def _trained(
    models: StageModels,
    anchors: AnchorEnsemble,
    config: TrainingConfig,
    told: list[float] | None = None,
    *,
    found: TrainingState | None = None,
    states: list[TrainingState] | None = None,
) -> tuple[TrainingOutcome, Tensor, Tensor]:
    start = torch.randn(3, models.backbone.context_dim, generator=torch.Generator().manual_seed(1))
    trainable = TrainableTokens.start(start, models.backbone, value_gain=0.5)
    outcome = train(
        trainable,
        anchors.pictures,
        anchors.reference,
        models,
        config,
        stage_generator(0, "test"),
        report=lambda fraction, _detail: None if told is None else told.append(fraction),
        bookmark=Bookmark(found=found, offer=lambda make: None if states is None else states.append(make())),
    )
    return outcome, trainable.tokens.detach(), start


def _looks(pairs: Sequence[tuple[float, float]]) -> Looks:
    looks = Looks()
    for number, (loss, distance) in enumerate(pairs):
        looks = looks.with_one(loss, distance, [torch.tensor(float(number))])
    return looks


def test_either_gain_is_a_gain() -> None:
    assert _looks([(1.0, 0.5), (0.8, 0.5), (0.799, 0.5), (0.798, 0.4)]).without_gain(0.05) == 0
    assert _looks([(1.0, 0.5), (0.8, 0.4), (0.799, 0.4), (0.798, 0.398)]).without_gain(0.05) == 2
    assert _looks([(1.0, 0.5), (1.2, 0.6), (1.1, 0.5)]).without_gain(0.0) == 2


def test_slow_but_steady_training_goes_on() -> None:
    slow = [(1.0 - 0.001 * look, 0.5) for look in range(9)]
    assert all(_looks(slow[: look + 1]).without_gain(0.05) == 0 for look in range(9))


def test_best_look_has_least_of_both() -> None:
    assert float(_looks([(1.0, 0.5), (0.8, 0.5), (0.9, 0.3), (0.7, 0.6)]).best[0]) == 2


def test_training_without_a_gain_ends_and_says_so(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig
) -> None:
    told: list[float] = []
    config = replace(training, steps=8, stopping=replace(NEVER_ENOUGH, patience=3))
    outcome, _, _ = _trained(models, anchors, config, told)
    assert outcome.steps == 3
    assert told == [1 / 8, 2 / 8, 3 / 8, 1.0]


def test_looking_changes_nothing_of_what_is_learnt(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig
) -> None:
    config = replace(training, steps=4)
    watched = replace(config, stopping=replace(NEVER_ENOUGH, patience=99))
    plain, _, _ = _trained(models, anchors, config)
    seen, _, _ = _trained(models, anchors, watched)
    assert seen.losses == plain.losses


def test_training_that_makes_it_worse_gives_back_what_it_began_with(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig
) -> None:
    config = replace(training, steps=3, learning_rate=1.0, stopping=NEVER_ENOUGH)
    _, tokens, start = _trained(models, anchors, config)
    assert torch.equal(tokens, start)


def test_training_goes_on_after_a_break_as_if_there_had_been_none(
    models: StageModels, anchors: AnchorEnsemble, training: TrainingConfig
) -> None:
    config = replace(training, steps=6, stopping=replace(NEVER_ENOUGH, every=2, patience=2))
    states: list[TrainingState] = []
    whole, tokens, _ = _trained(models, anchors, config, states=states)
    assert whole.steps == len(states) == 4
    for found in states:
        resumed, others, _ = _trained(models, anchors, config, found=found)
        assert resumed.losses == whole.losses
        assert torch.equal(others, tokens)


def test_character_is_told_how_many_steps_it_took_and_resumes_where_training_ended(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig, tmp_path: Path
) -> None:
    training = replace(tiny_config.projector.training, steps=5, stopping=replace(NEVER_ENOUGH, patience=2))
    config = replace(
        tiny_config,
        projector=replace(tiny_config.projector, training=training),
        adapter=replace(tiny_config.adapter, training=training),
        stages=("anchors", "projector", "adapter"),
    )
    checkpoints: list[Checkpoint] = []
    whole = distill(
        words, models, config, seed=5, on_checkpoint=checkpoints.append, is_due=lambda steps: steps >= 1
    )
    assert whole.report["steps"] == {"projector": "2 of 5", "adapter": "2 of 5"}
    last = [one for one in checkpoints if isinstance(one.unfinished, UnfinishedAdapter)][-1]
    path = tmp_path / "creation.safetensors"
    write_checkpoint(path, last, name="nova")
    resumed = distill(words, models, config, seed=5, checkpoint=read_checkpoint(path, name="nova"))
    pairs = zip(resumed.bank.tensors(), whole.bank.tensors(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert (resumed.scores, resumed.report) == (whole.scores, whole.report)


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"every": -1}, {"questions": 1}, {"least_gain": 2.0}])
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidSettingError):
        StoppingConfig(**wrong)


def test_looks_count_as_work(training: TrainingConfig) -> None:
    watched = replace(training, steps=20, stopping=StoppingConfig(every=10))
    assert watched.rows - replace(watched, stopping=StoppingConfig()).rows == 3 * watched.stopping.work
