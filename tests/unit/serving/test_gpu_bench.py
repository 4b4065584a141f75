"""What `synid bench gpu` measures, on small random models; what the figures are does not matter here."""

import copy
import gc
import weakref
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
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
from synid_engine.runtime.model_table import MODELS
from synid_engine.sampling.compiled import CompileConfig, CompiledUNet
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving import gpu_bench
from synid_engine.serving.creation_plan import FULL_PLAN, SHORT_PLAN, BatchedSteps, SingleSteps
from synid_engine.serving.gpu_bench import GpuBenchConfig, bench_gpu, gpu_figures
from synid_engine.serving.random_adapter import random_few_steps
from synid_engine.serving.step_kinds import StepKinds, step_kinds
from synid_engine.serving.upstream_training import BlockAdapter, UpstreamTraining

SMALL = GpuBenchConfig(
    kinds=StepKinds(pictures=2, drawn=2, decoded=2, batch_size=2, pipeline_steps=(1, 2)),
    repeats=1,
    image_size=64,
)


def test_plans_are_added_up_from_their_steps() -> None:
    batched = BatchedSteps(
        pictures=4, denoise_s=10.0, decode_s=1.0, batch_size=4, train_s=100.0, quick_s=13.0
    )
    drawing = 10 * (6 * 8 + 5 * 20 + 1 * 30) + 46
    assert batched.creation_s(FULL_PLAN) == drawing + 260 * 100
    assert batched.creation_s(SHORT_PLAN) == (
        drawing - 5 * (20 * 10 - 8 * 13) + 100 * 100 + SHORT_PLAN.looks * (10 * 4 / 8 + 2 * 1)
    )
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


def test_poses_and_previews_are_measured_where_there_are_models_for_them(
    posed_backbone: Backbone, preview_backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = replace(posed_backbone, preview_vae=preview_backbone.preview_vae)
    taken = {"mixed": 2.0, "posed": 3.0, "decode": 0.5, "chunk": 0.75, "preview": 0.01}

    def taking(_backbone: Backbone, sides: dict[str, object], **_settings: object) -> dict[str, float]:
        return {name: taken.get(name, 1.0) for name in sides}

    monkeypatch.setattr(gpu_bench, "take_turns", taking)
    figures = {figure.name.strip(): figure for figure in gpu_figures(both, SMALL)}
    posed = figures["with a pose, 30 steps: pictures a second"]
    assert posed.value == pytest.approx(1 / (30 * 3 / 2 + 0.5))
    assert posed.target is None
    assert figures["a picture's time with a pose / without"].value == pytest.approx(45.5 / 30.5)
    assert figures["decoding 2 together, each / decoding one"].value == pytest.approx(0.75)
    assert figures["a preview / decoding one"].value == pytest.approx(0.02)
    queue = BatchedSteps(pictures=2, denoise_s=2.0, quick_s=2.0, decode_s=0.5, batch_size=2, train_s=1.0)
    on_a_gpu, _ratio = gpu_bench._pose_figures(queue, taken, is_gpu=True)
    assert (on_a_gpu.value, on_a_gpu.target, on_a_gpu.bound) == (posed.value, 4.0, "least")


def test_every_row_of_a_posed_step_has_a_pose_of_its_own(
    posed_backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[RenderRow] = []
    monkeypatch.setattr(DenoiseRun, "add", lambda _run, row: rows.append(row))
    step_kinds(posed_backbone, replace(SMALL.kinds, pictures=4))
    maps = [np.asarray(row.pose_map).tobytes() for row in rows if row.is_posed]
    assert len(set(maps)) == len(maps) == 4
    assert len([row for row in rows if not row.is_posed]) == 4 + 4 + 2 + 2  # mixed, one, drawn, quick


def test_kinds_leave_the_attention_that_they_need_to_each_other(backbone: Backbone) -> None:
    sides = step_kinds(backbone, SMALL.kinds)
    ours = dict(backbone.unet.attn_processors)
    for name in ("upstream", "mixed", "short", "train", "one"):
        sides[name]()
    assert backbone.unet.attn_processors == ours
    assert all(isinstance(one, (IdentityAttnProcessor, SelfAttnProcessor)) for one in ours.values())


def test_random_few_step_adapter_is_as_large_as_published() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=(320, 640, 1280, 1280), attention_head_dim=8, cross_attention_dim=768
        )
        adapter = random_few_steps(unet)
    factors = [tensor for change in adapter.changes.values() for tensor in (change.down, change.up)]
    for name, number_bytes in (("lcm-lora", 2), ("hyper-sd-8", 4)):
        size = MODELS[name].size or 0
        header = size - number_bytes * sum(factor.numel() for factor in factors)
        assert 0 < header < 300 * len(factors), "names and shapes of the factors, and nothing else"


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
    monkeypatch.setattr(gpu_bench, "random_sd15", lambda *, image_size, posed: backbone)
    monkeypatch.setattr(gpu_bench, "choose_device", lambda: torch.device("cpu"))
    peak = Figure(name="peak memory, small plan", value=1.0)
    monkeypatch.setattr(gpu_bench, "memory_figures", lambda *, is_gpu: () if is_gpu else (peak,))
    report = bench_gpu(BenchOptions(quick=True))
    assert "no GPU" in report.notes[0]
    assert "256x256" in report.notes[0]
    assert "not judged" in report.notes[-2]
    assert report.figures[-1] is peak


def test_memory_is_counted_when_the_first_models_are_gone(
    monkeypatch: pytest.MonkeyPatch, backbone: Backbone
) -> None:
    """A compiled step and its UNet hold each other, and are freed by no count of references."""
    unets: list[weakref.ref[UNet2DConditionModel]] = []
    gone: list[bool] = []

    def made(*, image_size: int, posed: bool) -> Backbone:
        assert image_size == 256 or posed
        unet = copy.deepcopy(backbone.unet)
        unets.append(weakref.ref(unet))
        config = CompileConfig(backend=lambda graph, _inputs: graph.forward)
        return replace(backbone, unet=unet, compiled_unet=CompiledUNet(unet, config))

    def counted(*, is_gpu: bool) -> tuple[Figure, ...]:
        gone.append(unets[0]() is None)
        return () if is_gpu else (Figure(name="peak memory, small plan", value=1.0),)

    monkeypatch.setattr(gpu_bench, "random_sd15", made)
    monkeypatch.setattr(gpu_bench, "choose_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(gpu_bench, "gpu_figures", lambda *_inputs, **_told: ())
    monkeypatch.setattr(gpu_bench, "memory_figures", counted)
    gc.disable()
    try:
        bench_gpu(BenchOptions(quick=True))
    finally:
        gc.enable()
    assert gone == [True]


def test_bench_is_known_by_its_name() -> None:
    assert measures._bench("gpu") is bench_gpu
