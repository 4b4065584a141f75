"""Rows that a few-step adapter draws, against diffusers with the same adapter merged into its weights."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import jaxtyping
import pytest
import torch
from diffusers import DDIMScheduler, LCMScheduler
from diffusers import StableDiffusionPipeline as Pipeline
from torch import Tensor
from torch.fx import GraphModule

from synid_engine.errors import (
    DamagedModelError,
    InvalidSettingError,
    MissingModelError,
    UnsupportedModelError,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.few_steps import FewStepAdapter, LowRankChange
from synid_engine.runtime.model_folder import hash_model
from synid_engine.runtime.model_spec import FewStepSchedule
from synid_engine.sampling.compiled import CompileConfig, CompiledUNet
from synid_engine.sampling.denoise import denoise
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun

from ...adapters import (  # noqa: TID252  (tests are no package)
    ALPHA,
    RANK,
    kohya_layout,
    merge,
    peft_layout,
    put_adapter,
    random_factors,
)
from ...small_models import flat_unet  # noqa: TID252

ROW = RenderRow(prompt="a woman with red hair", seed=4, num_inference_steps=4, guidance_rescale=0.0)
QUICK = replace(ROW, noise_scheduler="ddim_trailing", few_steps_scale=1.0)
SCHEDULE = FewStepSchedule(steps=8, guidance_scale=5.0, noise_scheduler="ddim_trailing")


@pytest.fixture(scope="module")
def quick_folder(epsilon_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    unet = load_backbone(epsilon_folder, device="cpu", dtype=torch.float32).unet
    folder = tmp_path_factory.mktemp("models") / "quick"
    return put_adapter(epsilon_folder, folder, kohya_layout(random_factors(unet)))


@pytest.fixture(scope="module")
def quick(quick_folder: Path) -> Backbone:
    return load_backbone(quick_folder, device="cpu", dtype=torch.float32)


def _merged(folder: Path, *, scale: float) -> Pipeline:
    pipeline = Pipeline.from_pretrained(folder, safety_checker=None, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    merge(pipeline.unet, random_factors(pipeline.unet), scale=scale)
    return pipeline


def _piped(pipeline: Pipeline, row: RenderRow) -> Tensor:
    return pipeline(
        row.prompt,
        num_inference_steps=row.num_inference_steps,
        guidance_scale=row.guidance_scale,
        generator=torch.Generator().manual_seed(row.seed),
        output_type="latent",
    ).images


@pytest.mark.parametrize("layout", ["kohya", "peft"])
def test_quick_row_equals_the_pipeline_with_the_adapter_merged(
    epsilon_folder: Path, tmp_path: Path, layout: str, quick: Backbone
) -> None:
    backbone, scale = quick, ALPHA / RANK
    if layout == "peft":
        folder, scale = tmp_path / "peft", 1.0
        put_adapter(epsilon_folder, folder, peft_layout(random_factors(quick.unet)))
        backbone = load_backbone(folder, device="cpu", dtype=torch.float32)
    pipeline = _merged(epsilon_folder, scale=scale)
    pipeline.scheduler = DDIMScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="trailing", steps_offset=1, clip_sample=False
    )
    drawn, plain = denoise(backbone, [QUICK]), denoise(backbone, [replace(QUICK, few_steps_scale=0.0)])
    assert torch.allclose(drawn, _piped(pipeline, QUICK), atol=3e-4)
    assert float((drawn - plain).abs().max()) > 0.1, "the adapter must be seen"


def test_lcm_row_equals_the_pipeline_with_its_scheduler(epsilon_folder: Path, quick: Backbone) -> None:
    pipeline = _merged(epsilon_folder, scale=ALPHA / RANK)
    pipeline.scheduler = LCMScheduler.from_config(
        pipeline.scheduler.config, steps_offset=1, clip_sample=False
    )
    row = replace(QUICK, noise_scheduler="lcm", guidance_scale=1.5)
    assert torch.allclose(denoise(quick, [row]), _piped(pipeline, row), atol=1e-4)


def test_preview_of_an_lcm_row_is_its_clean_picture(quick: Backbone) -> None:
    run = DenoiseRun(quick)
    ticket = run.add(replace(QUICK, noise_scheduler="lcm"))
    run.step()
    assert not torch.equal(run.preview(ticket), run._states[ticket].latents[0])


def test_quick_and_ordinary_rows_share_a_batch(quick: Backbone) -> None:
    states = quick.encode_prompts(["an old man"])[0][:3]
    bank = IdentityBank.from_tokens(states, quick.unet, model_hash=quick.model_hash).detach()
    rows = [
        QUICK,
        replace(ROW, seed=5),
        replace(QUICK, seed=6, few_steps_scale=0.5, guidance_scale=1.0, banks=(bank,)),
        replace(ROW, seed=7, banks=(bank,)),
    ]
    together = denoise(quick, rows)
    alone = torch.cat([denoise(quick, [row]) for row in rows])
    assert torch.allclose(together, alone, atol=3e-4)


def test_ordinary_row_beside_a_quick_one_is_the_stock_models_bit_for_bit(
    quick: Backbone, epsilon_folder: Path
) -> None:
    stock = load_backbone(epsilon_folder, device="cpu", dtype=torch.float32)
    quickly = replace(QUICK, seed=9)
    ordinary = replace(quickly, few_steps_scale=0.0)
    beside = denoise(quick, [quickly, ROW])[1]
    assert torch.equal(beside, denoise(stock, [ordinary, ROW])[1])
    assert torch.equal(denoise(quick, [ROW]), denoise(stock, [ROW]))
    assert not any(module._forward_hooks for module in quick.unet.modules())


def test_adapter_is_gone_after_a_step_that_fails(quick: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_others: object) -> None:
        raise torch.OutOfMemoryError

    run = DenoiseRun(quick)
    run.add(QUICK)
    monkeypatch.setattr(quick.unet, "forward", fail)
    with pytest.raises(Exception, match="2"):
        run.step()
    assert not any(module._forward_hooks for module in quick.unet.modules())


def test_short_format_draws_alike(quick: Backbone, quick_folder: Path) -> None:
    half = load_backbone(quick_folder, device="cpu", dtype=torch.bfloat16)
    drawn, expected = denoise(half, [QUICK]), denoise(quick, [QUICK])
    assert float((drawn - expected).abs().mean()) < 0.05 * float(expected.abs().mean())


def test_model_without_an_adapter_draws_nothing_quickly(backbone: Backbone) -> None:
    assert backbone.few_steps is None
    with pytest.raises(InvalidSettingError) as caught:
        DenoiseRun(backbone).add(QUICK)
    assert caught.value.field == "few_steps_scale"


def test_adapter_is_no_part_of_who_a_character_is(quick: Backbone, epsilon_folder: Path) -> None:
    assert quick.model_hash == hash_model(epsilon_folder)
    assert quick.few_steps is not None
    assert quick.few_steps.schedule == SCHEDULE


def _cut(folder: Path) -> None:
    path = folder / "few_steps" / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-40])


def _gone(folder: Path) -> None:
    (folder / "few_steps" / "adapter.safetensors").unlink()


def _untold(folder: Path) -> None:
    (folder / "few_steps" / "few_steps.json").unlink()


def _mistold(folder: Path) -> None:
    told = {"file": "adapter.safetensors", "steps": 0, "guidance_scale": 1, "noise_scheduler": "lcm"}
    (folder / "few_steps" / "few_steps.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_cut, DamagedModelError),
        (_gone, MissingModelError),
        (_untold, MissingModelError),
        (_mistold, DamagedModelError),
    ],
)
def test_damaged_adapter_is_refused(
    epsilon_folder: Path,
    tmp_path: Path,
    quick: Backbone,
    spoil: Callable[[Path], None],
    error: type[Exception],
) -> None:
    folder = put_adapter(
        epsilon_folder,
        tmp_path / "spoilt",
        kohya_layout(random_factors(quick.unet)),
    )
    spoil(folder)
    with pytest.raises(error) as caught:
        load_backbone(folder, device="cpu", dtype=torch.float32)
    assert "few_steps/" in str(caught.value)


def _strange(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        "lora_unet_down_blocks_9_resnets_0_conv1" + key[key.index(".") :]: tensors[key] for key in tensors
    }


def _half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: one for key, one in tensors.items() if "lora_down" in key}


def _wide(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        key: one if one.ndim == 0 else one.repeat(1, 2, *[1] * (one.ndim - 2)) for key, one in tensors.items()
    }


def _for_words(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    name = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight"
    return {name: next(iter(tensors.values()))}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_strange, DamagedModelError),
        (_half, DamagedModelError),
        (_wide, DamagedModelError),
        (_for_words, UnsupportedModelError),
        (lambda tensors: {"conv": next(iter(tensors.values()))}, UnsupportedModelError),
    ],
)
def test_adapter_that_does_not_fit_is_refused(
    epsilon_folder: Path,
    tmp_path: Path,
    quick: Backbone,
    change: Callable[[Mapping[str, Tensor]], dict[str, Tensor]],
    error: type[Exception],
) -> None:
    factors = dict(list(random_factors(quick.unet).items())[:1])
    folder = put_adapter(epsilon_folder, tmp_path / "other", change(kohya_layout(factors)))
    with pytest.raises(error) as caught:
        load_backbone(folder, device="cpu", dtype=torch.float32)
    assert "few_steps/adapter.safetensors" in str(caught.value)


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Dynamo cannot trace what checks the shapes in all other tests."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
    torch._dynamo.reset()


@pytest.mark.usefixtures("unchecked_shapes")
def test_quick_rows_are_drawn_without_the_compiler_and_never_disturb_it(backbone: Backbone) -> None:
    compilations: list[GraphModule] = []

    def count(graph: GraphModule, _inputs: object) -> Callable[..., object]:
        compilations.append(graph)
        return graph.forward

    flat = replace(backbone, unet=flat_unet(8).requires_grad_(requires_grad=False))
    changes = {name: LowRankChange(*factors) for name, factors in random_factors(flat.unet).items()}
    eager = replace(flat, few_steps=FewStepAdapter(schedule=SCHEDULE, changes=changes))
    unet = CompiledUNet(flat.unet, CompileConfig(backend=count))
    compiled = replace(eager, compiled_unet=unet)
    with unet.learning():
        denoise(compiled, [ROW])
    learnt = len(compilations)
    assert learnt >= 1
    for rows in ([QUICK], [ROW, QUICK], [replace(ROW, seed=8)], [QUICK], [ROW]):
        assert torch.allclose(denoise(compiled, rows), denoise(eager, rows), atol=1e-4)
    assert len(compilations) == learnt
