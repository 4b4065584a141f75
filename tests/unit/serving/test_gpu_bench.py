"""What `synid bench gpu` measures, on small random models; what the figures are does not matter here."""

from typing import Any, cast

import pytest
import torch
from torch import Tensor

from bot import measures
from synid_engine.evaluation.figures import Figure
from synid_engine.evaluation.progress import BenchOptions
from synid_engine.identity.attention import (
    IdentityAttnProcessor,
    SelfAttnProcessor,
    remove_identity_attention,
)
from synid_engine.runtime.backbone import Backbone
from synid_engine.serving import gpu_bench
from synid_engine.serving.creation_plan import FULL_PLAN, SHORT_PLAN, BatchedSteps, SingleSteps
from synid_engine.serving.gpu_bench import GpuBenchConfig, bench_gpu, gpu_figures
from synid_engine.serving.step_kinds import StepKinds, step_kinds
from synid_engine.serving.upstream_training import BlockAdapter, UpstreamTraining

SMALL = GpuBenchConfig(
    kinds=StepKinds(pictures=2, drawn=2, batch_size=2, pipeline_steps=(1, 2)), repeats=1, image_size=64
)


def test_plans_are_added_up_from_their_steps() -> None:
    batched = BatchedSteps(pictures=4, denoise_s=10.0, decode_s=1.0, batch_size=4, train_s=100.0)
    drawing = 10 * (6 * 8 + 5 * 20 + 1 * 30) + 46
    assert batched.creation_s(FULL_PLAN) == drawing + 260 * 100
    assert batched.creation_s(SHORT_PLAN) == drawing - 10 * 5 * 12 + 100 * 100
    assert batched.picture_s(30) == 30 * 10 / 4 + 1
    single = SingleSteps(denoise_s=3.0, rest_s=2.0, train_s=5.0)
    one_by_one = 24 * (90 + 2) + 20 * (60 + 2) + 2 * (90 + 2)
    assert single.creation_s(FULL_PLAN, samples=1040) == one_by_one + 1040 * 5


def test_seconds_are_judged_on_a_gpu_alone(backbone: Backbone) -> None:
    figures = gpu_figures(backbone, SMALL)
    judged = [figure for figure in figures if figure.target is not None]
    assert [figure.bound for figure in judged] == ["most", "least", "most"]
    assert all(figure.unit == "" for figure in judged)
    assert all(figure.value > 0 for figure in figures)


def test_kinds_leave_the_attention_that_they_need_to_each_other(backbone: Backbone) -> None:
    sides = step_kinds(backbone, SMALL.kinds)
    ours = dict(backbone.unet.attn_processors)
    for name in ("upstream", "mixed", "short", "train", "one"):
        sides[name]()
    assert backbone.unet.attn_processors == ours
    assert all(isinstance(one, (IdentityAttnProcessor, SelfAttnProcessor)) for one in ours.values())


def test_published_adapters_are_as_large_as_published() -> None:
    widths = [320] * 5 + [640] * 5 + [1280] * 6
    with torch.device("meta"):
        adapters = [BlockAdapter(width, 768) for width in widths]
    count = sum(parameter.numel() for adapter in adapters for parameter in adapter.parameters())
    assert count == pytest.approx(56.36e6, rel=2e-3)


def test_published_training_moves_every_adapter_and_leaves_the_model_alone(backbone: Backbone) -> None:
    remove_identity_attention(backbone.unet)
    upstream = UpstreamTraining(backbone)
    before = {name: tensor.clone() for name, tensor in upstream.adapters.state_dict().items()}
    assert upstream.parameter_count == sum(tensor.numel() for tensor in before.values())
    inputs = torch.zeros(1, 4, 8, 8), 500
    context = backbone.encode_prompts([""])

    def drawn() -> Tensor:
        with torch.no_grad():
            return cast("Any", backbone.unet)(*inputs, encoder_hidden_states=context).sample

    stock = drawn()
    upstream.step()
    changed = upstream.adapters.state_dict()
    assert not any(torch.equal(changed[name], before[name]) for name in before if "weight" in name)
    assert torch.equal(drawn(), stock)


def test_bench_tells_where_it_ran(monkeypatch: pytest.MonkeyPatch, backbone: Backbone) -> None:
    monkeypatch.setattr(gpu_bench, "random_sd15", lambda *, image_size: backbone)
    monkeypatch.setattr(gpu_bench, "choose_device", lambda: torch.device("cpu"))
    peak = Figure(name="peak memory, small plan", value=1.0)
    monkeypatch.setattr(gpu_bench, "memory_figures", lambda *, is_gpu: () if is_gpu else (peak,))
    report = bench_gpu(BenchOptions(quick=True))
    assert "no GPU" in report.notes[0]
    assert "256x256" in report.notes[0]
    assert "not judged" in report.notes[-2]
    assert report.figures[-1] is peak


def test_bench_is_known_by_its_name() -> None:
    assert measures._bench("gpu") is bench_gpu
