from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from synid_engine.errors import CorruptTensorError, InvalidSettingError, JobCancelledError
from synid_engine.identity.bank import IdentityBank
from synid_engine.perception.bundle import Perception
from synid_engine.perception.identity_encoder import IdentityEncoder
from synid_engine.runtime.backbone import load_backbone
from synid_engine.serving.creation_plan import FULL_PLAN, CreationPlan
from synid_engine.synid.adapter import HELD_OUT_SCENES
from synid_engine.synid.anchors import find_anchors, portrait_words
from synid_engine.synid.bootstrap import (
    SCENES,
    BootstrapConfig,
    CandidateScores,
    refined_tokens,
    select_varied,
)
from synid_engine.synid.checkpoint import Checkpoint, with_portrait
from synid_engine.synid.checkpoint_file import read_checkpoint, write_checkpoint
from synid_engine.synid.drift import PROBE_SCENES, DriftConfig
from synid_engine.synid.embeds import PictureEmbeds
from synid_engine.synid.ensemble import AnchorConfig, cohesive_group
from synid_engine.synid.pipeline import STAGES, DistillConfig, distill
from synid_engine.synid.projector import portrait_tokens, project
from synid_engine.synid.stage import Progress, StageModels, ignore_report, stage_generator
from synid_engine.synid.usual import usual_config
from synid_engine.synid.words import PlainIdentityWords


def _same(left: IdentityBank, right: IdentityBank) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left.tensors(), right.tensors(), strict=True))


def test_most_cohesive_group_is_found() -> None:
    similarities = torch.eye(5)
    similarities[1, 3] = similarities[3, 1] = 0.9
    similarities[0, 2] = similarities[2, 0] = 0.5
    assert cohesive_group(similarities, torch.zeros(5), 2, 1.0) == [1, 3]
    assert cohesive_group(similarities, torch.tensor([1.0, 0, 1.0, 0, 0]), 2, 1.0) == [0, 2]


def test_anchor_weights_sum_to_one_and_trust_the_portrait(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig
) -> None:
    anchors = find_anchors(words, models, tiny_config.anchors, seed=1, report=ignore_report)
    weights = anchors.pictures.weights
    assert float(weights.sum()) == pytest.approx(1.0)
    assert int(weights.argmax()) == anchors.portrait
    assert float(anchors.reference.face_embed.norm()) == pytest.approx(1.0, abs=1e-5)
    picked = find_anchors(
        words, models, tiny_config.anchors, seed=1, report=ignore_report, pick=lambda images: len(images) - 1
    )
    assert picked.portrait == tiny_config.anchors.anchors - 1
    with pytest.raises(InvalidSettingError):
        find_anchors(words, models, tiny_config.anchors, seed=1, report=ignore_report, pick=lambda _: 9)


def test_different_anchors_give_different_tokens(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig
) -> None:
    tokens: list[Tensor] = []
    for seed in (1, 2):
        anchors = find_anchors(words, models, tiny_config.anchors, seed=seed, report=ignore_report)
        generator = stage_generator(0, "projector")  # the same chance for both
        projection = project(anchors, models, tiny_config.projector, generator, report=ignore_report)
        tokens.append(projection.tokens)
    assert not torch.allclose(tokens[0], tokens[1], atol=1e-4)


def test_selection_prefers_likeness_and_then_variety() -> None:
    images = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    scores = CandidateScores(
        identity=torch.tensor([0.9, 0.8, 0.7]),
        prompt=torch.zeros(3),
        embeds=PictureEmbeds(face_embeds=images, image_embeds=images),
    )
    config = BootstrapConfig(accepted=2)
    assert select_varied(scores, config) == [0, 2]
    assert select_varied(scores, replace(config, variety_weight=0.0)) == [0, 1]


def test_stages_do_not_share_scenes() -> None:
    groups = [set(SCENES), set(PROBE_SCENES), set(HELD_OUT_SCENES)]
    assert len(set.union(*groups)) == sum(map(len, groups))


def test_resumed_character_equals_an_uninterrupted_one(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig, tmp_path: Path
) -> None:
    checkpoints: list[Checkpoint] = []
    stages: list[str] = []
    whole = distill(
        words,
        models,
        tiny_config,
        seed=5,
        on_checkpoint=checkpoints.append,
        on_progress=lambda progress: stages.append(progress.stage),
    )
    assert tuple(dict.fromkeys(stages)) == tiny_config.stages
    assert len(checkpoints) == 5
    for checkpoint in checkpoints[1:]:
        path = tmp_path / "creation.safetensors"
        write_checkpoint(path, checkpoint, name="nova")
        assert read_checkpoint(path, name="another creation") is None
        resumed = distill(words, models, tiny_config, seed=5, checkpoint=read_checkpoint(path, name="nova"))
        assert _same(resumed.bank, whole.bank)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CorruptTensorError):
        read_checkpoint(path, name="nova")
    assert {"cohesion", "identity", "prompt", "loss"} <= set(whole.scores)
    assert isinstance(whole.report["adapter_kept"], bool)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_character_resumed_within_a_stage_equals_an_uninterrupted_one(
    small_folder: Path,
    perception: Perception,
    words: PlainIdentityWords,
    tiny_config: DistillConfig,
    tmp_path: Path,
    dtype: torch.dtype,
) -> None:
    models = StageModels(
        backbone=load_backbone(small_folder, device="cpu", dtype=dtype), perception=perception
    )
    checkpoints: list[Checkpoint] = []
    whole = distill(
        words, models, tiny_config, seed=5, on_checkpoint=checkpoints.append, is_due=lambda steps: steps >= 1
    )
    unfinished = {
        type(one.unfinished).__name__: one for one in reversed(checkpoints) if one.unfinished is not None
    }
    assert set(unfinished) == {"TrainingState", "UnfinishedBootstrap", "UnfinishedDrift", "UnfinishedAdapter"}
    for kind, checkpoint in unfinished.items():
        path = tmp_path / "creation.safetensors"
        write_checkpoint(path, checkpoint, name="nova")
        resumed = distill(words, models, tiny_config, seed=5, checkpoint=read_checkpoint(path, name="nova"))
        assert _same(resumed.bank, whole.bank), kind
        assert resumed.scores == whole.scores, kind


def test_portrait_that_is_chosen_later_is_as_good_as_picked_at_once(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig
) -> None:
    config = tiny_config.anchors
    plain = find_anchors(words, models, config, seed=1, report=ignore_report)
    other = 1 - plain.portrait
    picked = find_anchors(words, models, config, seed=1, report=ignore_report, pick=lambda _: other)
    checkpoint = with_portrait(Checkpoint(anchors=plain), other, config)
    assert checkpoint.anchors is not None
    assert checkpoint.anchors.portrait == other
    assert torch.equal(checkpoint.anchors.pictures.weights, picked.pictures.weights)
    assert torch.equal(checkpoint.anchors.reference.face_embed, picked.reference.face_embed)
    assert len(set(plain.seeds)) == config.anchors
    with pytest.raises(InvalidSettingError):
        with_portrait(Checkpoint(anchors=plain), 7, config)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWords(PlainIdentityWords):
    """Words that leave the hair open, as long as nobody is thought of."""

    def somebody(self, seed: int) -> "OpenWords":
        return replace(self, description=f"{self.description} with {('red', 'blue', 'grey')[seed % 3]} hair")


def test_who_chooses_sees_another_person_in_each_choice(
    models: StageModels, tiny_config: DistillConfig
) -> None:
    words, config = OpenWords(description="a woman"), tiny_config.with_choice().anchors
    found = find_anchors(words, models, config, seed=1, report=ignore_report)
    assert len(found.choices) == len(found.others) == config.anchors
    people = [portrait_words(words, other, config, seed=1).prompt("") for other in found.others]
    assert len(set(people)) == config.anchors
    assert people[found.chosen] == portrait_words(words, found, config, seed=1).prompt("")
    assert torch.equal(found.choices[found.chosen], found.images[found.portrait])
    everybody = [seed for other in found.others for seed in other.seeds]
    assert len(set(everybody)) == len(everybody) == config.candidates


def test_whom_somebody_chose_is_learnt_alone_and_kept(
    models: StageModels, tiny_config: DistillConfig, tmp_path: Path
) -> None:
    words, config = OpenWords(description="a woman"), tiny_config.with_choice().anchors
    asked = find_anchors(words, models, config, seed=1, report=ignore_report)
    other = 1 - asked.chosen
    picked = find_anchors(words, models, config, seed=1, report=ignore_report, pick=lambda _: other)
    assert picked.seeds == asked.others[other].seeds
    assert not set(picked.seeds) & set(asked.seeds)
    path = tmp_path / "creation.safetensors"
    checkpoint = Checkpoint(anchors=asked)
    for _ in range(2):  # the answer is read again at every start
        write_checkpoint(path, checkpoint, name="nova")
        read = read_checkpoint(path, name="nova")
        assert read is not None
        checkpoint = with_portrait(read, other, config)
        assert checkpoint.anchors is not None
        assert checkpoint.anchors.seeds == picked.seeds
        assert torch.equal(checkpoint.anchors.reference.face_embed, picked.reference.face_embed)
    with pytest.raises(InvalidSettingError):
        with_portrait(Checkpoint(anchors=asked), config.anchors, config)


def test_words_that_leave_nobody_open_offer_the_anchors(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig
) -> None:
    config = tiny_config.with_choice().anchors
    asked = find_anchors(words, models, config, seed=1, report=ignore_report)
    plain = find_anchors(words, models, tiny_config.anchors, seed=1, report=ignore_report)
    assert torch.equal(asked.choices, plain.images)
    assert asked.seeds == plain.seeds
    assert asked.chosen == asked.portrait == plain.portrait


@pytest.mark.parametrize("stage", ["anchors", "projector", "bootstrap", "drift", "adapter"])
def test_cancellation_stops_at_the_first_step_of_any_stage(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig, stage: str
) -> None:
    after: list[Progress] = []

    def stop(progress: Progress) -> None:
        if progress.stage == stage and progress.fraction > 0:
            after.append(progress)
            raise JobCancelledError

    with pytest.raises(JobCancelledError):
        distill(words, models, tiny_config, seed=5, on_progress=stop)
    assert len(after) == 1


def test_ablation_leaves_stages_out(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig
) -> None:
    single = tiny_config.ablated("A")
    assert single.anchors.anchors == 1
    character = distill(words, models, single, seed=5)
    assert len(character.anchors.images) == 1
    assert "adapter_kept" not in character.report
    assert tiny_config.ablated("C").stages == ("anchors", "projector", "bootstrap", "drift")
    assert set(DistillConfig().work()) == set(DistillConfig().stages)
    with pytest.raises(InvalidSettingError):
        replace(tiny_config, stages=("anchors", "adapter"))


def test_adapter_that_is_no_better_is_not_kept(
    models: StageModels,
    words: PlainIdentityWords,
    tiny_config: DistillConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from synid_engine.synid import adapter as module  # noqa: PLC0415
    from synid_engine.synid.probes import ProbeScore  # noqa: PLC0415

    worse = iter((ProbeScore(identity=0.9, prompt=0.2), ProbeScore(identity=0.8, prompt=0.2)))
    fake: Callable[..., ProbeScore] = lambda *_, **__: next(worse)  # noqa: E731
    monkeypatch.setattr(module, "probe_bank", fake)
    config = replace(tiny_config, stages=("anchors", "projector", "adapter"))
    checkpoints: list[Checkpoint] = []
    character = distill(words, models, config, seed=5, on_checkpoint=checkpoints.append)
    projection = checkpoints[-1].projection
    assert projection is not None
    assert character.report["adapter_kept"] is False
    assert _same(character.bank, projection.bank(models))


class _Elsewhere:
    """A library that would begin with other tokens, which nothing would then train."""

    def warmed(self, tokens: torch.Tensor, _reference: object) -> torch.Tensor:
        return tokens + 1


def test_tokens_begin_as_what_the_encoder_reads(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig
) -> None:
    anchors = find_anchors(words, models, tiny_config.anchors, seed=1, report=ignore_report)
    pictures = anchors.pictures
    assert portrait_tokens(pictures.latents, pictures.weights, models, count=3) is None
    encoder = IdentityEncoder(
        latent_channels=models.backbone.latent_shape[0],
        context_dim=models.backbone.context_dim,
        tokens=tiny_config.projector.tokens,
        width=16,
    )
    reading = replace(models, identity_encoder=encoder.eval())
    begun = portrait_tokens(pictures.latents, pictures.weights, reading, count=3)
    assert begun is not None
    torch.testing.assert_close(
        begun, torch.einsum("p,pkd->kd", pictures.weights, encoder(pictures.latents)), atol=1e-5, rtol=0
    )
    still = replace(tiny_config.projector, training=replace(tiny_config.projector.training, steps=0))
    generator = stage_generator(0, "projector")
    told: list[float] = []
    projection = project(
        anchors,
        reading,
        still,
        generator,
        report=lambda fraction, _detail: told.append(fraction),
        library=_Elsewhere(),
    )
    assert torch.equal(projection.tokens, begun)
    assert (projection.steps, told) == (0, [1.0])
    moved = refined_tokens(projection, pictures, reading, share=0.5)
    torch.testing.assert_close(moved, begun)
    with pytest.raises(InvalidSettingError):
        portrait_tokens(pictures.latents, pictures.weights, reading, count=2)


def test_creation_without_training_tells_of_no_loss_and_no_steps(
    models: StageModels, words: PlainIdentityWords, tiny_config: DistillConfig
) -> None:
    untrained = replace(tiny_config.projector.training, steps=0)
    config = replace(
        tiny_config,
        stages=("anchors", "projector"),
        projector=replace(tiny_config.projector, training=untrained),
    )
    made = distill(words, models, config, seed=5)
    assert "loss" not in made.scores
    assert "steps" not in made.report


def test_full_size_model_makes_a_character_by_the_plan_that_is_measured(models: StageModels) -> None:
    usual = usual_config(models)
    rounds = (1, 1, usual.drift.rounds, 1)
    trainings = [stage.training for stage in (usual.projector, usual.bootstrap, usual.drift, usual.adapter)]
    plan = CreationPlan(
        candidates=usual.anchors.candidates,
        candidate_steps=usual.anchors.draw.num_inference_steps,
        lessons=len(usual.bootstrap.scenes),
        lesson_steps=usual.bootstrap.draw.num_inference_steps,
        probes=len(usual.drift.scenes),
        probe_steps=usual.drift.draw.num_inference_steps,
        optimiser_steps=sum(count * one.steps for count, one in zip(rounds, trainings, strict=True)),
        batch_size=max(training.batch_size for training in trainings),
    )
    assert plan == FULL_PLAN


def test_all_stages_run_where_no_encoder_reads_portraits(models: StageModels) -> None:
    usual = usual_config(models)
    assert usual.stages == STAGES
    assert not usual.bootstrap.draw.few_steps, "no adapter, no few steps"
    trained = (usual.projector, usual.bootstrap, usual.drift, usual.adapter)
    assert all(stage.training.stopping.every > 0 for stage in trained)
    reading = replace(models, identity_encoder=IdentityEncoder(width=16))
    usual = usual_config(reading)
    assert usual.stages == ("anchors", "projector", "drift")
    assert (usual.anchors, usual.bootstrap) == (AnchorConfig(), BootstrapConfig())
    assert usual.drift == DriftConfig(rounds=0), "probes only: nothing is trained"
    assert usual.projector.training.steps == 0, "its tokens stay as they are read"
    warm = usual_config(reading, warm=True).projector.training
    assert (warm.steps, warm.stopping.every > 0) == (60, True), "what begins elsewhere is trained"
