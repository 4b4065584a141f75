"""Rows that are posed by a ControlNet, beside rows that are not."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline
from PIL import Image
from torch import Tensor

from synid_engine.errors import (
    DamagedModelError,
    InvalidSettingError,
    MissingModelError,
    NoPoseControlError,
    PictureSizeMismatchError,
    UnsupportedModelError,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.pose.library import NAMED_POSES
from synid_engine.pose.skeleton_map import draw_map
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.sampling.compiled import CompileConfig, CompiledUNet
from synid_engine.sampling.denoise import denoise
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun

# Diffusers' multistep schedulers hand tensors to np.array, which NumPy 2 grumbles about.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

MAP = draw_map([NAMED_POSES["front"]], width=64, height=64)
OTHER_MAP = draw_map([NAMED_POSES["waving"]], width=64, height=64)
ROW = RenderRow(prompt="a woman with red hair", seed=4, num_inference_steps=4, guidance_rescale=0.0)
POSED = replace(ROW, pose_map=MAP)
LONG = "an old woman with a red hat, in a forest at night, smiling, close-up, " * 4


@pytest.fixture(scope="module")
def make_posed_bank(posed_backbone: Backbone) -> Callable[[int], IdentityBank]:
    def make(seed: int) -> IdentityBank:
        tokens = torch.randn(3, posed_backbone.context_dim, generator=torch.Generator().manual_seed(seed))
        return IdentityBank.from_tokens(
            tokens, posed_backbone.unet, model_hash=posed_backbone.model_hash
        ).detach()

    return make


def distance(first: Tensor, second: Tensor) -> float:
    return float((first - second).abs().max())


@pytest.mark.parametrize("guidance_scale", [1.0, 5.0])
@pytest.mark.parametrize("window", [(0.0, 1.0), (0.2, 0.7)])
def test_posed_row_equals_the_pipeline(
    posed_folder: Path, posed_backbone: Backbone, guidance_scale: float, window: tuple[float, float]
) -> None:
    network = ControlNetModel.from_pretrained(posed_folder / "controlnet", local_files_only=True)
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(
        posed_folder, controlnet=network, safety_checker=None, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        ROW.prompt,
        image=MAP,
        negative_prompt="an angry man",
        num_inference_steps=7,
        guidance_scale=guidance_scale,
        controlnet_conditioning_scale=0.8,
        control_guidance_start=window[0],
        control_guidance_end=window[1],
        generator=torch.Generator().manual_seed(4),
        output_type="latent",
    ).images
    row = replace(
        POSED,
        negative_prompt="an angry man",
        num_inference_steps=7,
        guidance_scale=guidance_scale,
        pose_strength=0.8,
        pose_start=window[0],
        pose_end=window[1],
    )
    assert distance(denoise(posed_backbone, [row]), expected) < 1e-4
    assert distance(denoise(posed_backbone, [replace(row, pose_map=None)]), expected) > 1e-2


def test_pose_of_a_long_prompt_hears_all_of_it(posed_folder: Path, posed_backbone: Backbone) -> None:
    row = replace(POSED, prompt=LONG, negative_prompt=LONG.replace("woman", "man"))
    embeds, negative = posed_backbone.encode_prompts([row.prompt, row.negative_prompt])[:, None]
    assert embeds.shape[1] > posed_backbone.encode_prompts([ROW.prompt]).shape[1]
    network = ControlNetModel.from_pretrained(posed_folder / "controlnet", local_files_only=True)
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(
        posed_folder, controlnet=network, safety_checker=None, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        prompt_embeds=embeds,
        negative_prompt_embeds=negative,
        image=MAP,
        num_inference_steps=row.num_inference_steps,
        guidance_scale=row.guidance_scale,
        generator=torch.Generator().manual_seed(row.seed),
        output_type="latent",
    ).images
    assert distance(denoise(posed_backbone, [row]), expected) < 1e-4


def test_posed_rows_of_long_and_short_prompts_are_the_same_as_alone(posed_backbone: Backbone) -> None:
    rows = [
        replace(POSED, prompt=LONG),
        replace(POSED, seed=5, pose_map=OTHER_MAP, pose_strength=0.4),
        replace(POSED, seed=6, prompt=LONG * 2, negative_prompt=LONG),
        replace(ROW, seed=7, prompt=LONG),
    ]
    alone = torch.cat([denoise(posed_backbone, [row]) for row in rows])
    for order in ([0, 1, 2, 3], [2, 1, 0]):
        together = denoise(posed_backbone, [rows[place] for place in order])
        assert distance(together, alone[order]) < 1e-4


def test_posed_and_plain_rows_are_the_same_as_alone(
    posed_backbone: Backbone, make_posed_bank: Callable[[int], IdentityBank]
) -> None:
    bank = make_posed_bank(1)
    rows = [
        POSED,
        replace(ROW, seed=5),
        replace(POSED, seed=6, pose_map=OTHER_MAP, pose_strength=0.4, banks=(bank,)),
        replace(POSED, seed=7, guidance_scale=1.0, pose_end=0.5, num_inference_steps=6),
        replace(ROW, seed=8, guidance_scale=1.0, banks=(bank,)),
        replace(POSED, seed=9, pose_start=0.5, noise_scheduler="euler"),
    ]
    together = denoise(posed_backbone, rows, max_rows=4)
    alone = torch.cat([denoise(posed_backbone, [row]) for row in rows])
    assert distance(together, alone) < 1e-4


def test_strength_of_zero_is_the_stock_model_exactly(
    posed_backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = denoise(posed_backbone, [ROW])
    assert not torch.equal(denoise(posed_backbone, [POSED]), stock)
    assert posed_backbone.pose_control is not None
    monkeypatch.setattr(posed_backbone.pose_control.network, "forward", None)  # nobody may call it
    assert torch.equal(denoise(posed_backbone, [replace(POSED, pose_strength=0.0)]), stock)
    assert torch.equal(denoise(posed_backbone, [replace(POSED, pose_start=1.0)]), stock)
    assert torch.equal(denoise(posed_backbone, [replace(POSED, pose_end=0.1)]), stock)


@pytest.mark.parametrize(
    "change", [{"pose_map": OTHER_MAP}, {"pose_strength": 0.5}, {"pose_start": 0.5}, {"pose_end": 0.5}]
)
def test_every_argument_has_an_effect(posed_backbone: Backbone, change: dict[str, object]) -> None:
    usual, other = denoise(posed_backbone, [POSED, replace(POSED, **change)])
    assert distance(usual, other) > 1e-3


def test_map_is_embedded_once_a_row_and_the_network_sees_posed_rows_alone(posed_backbone: Backbone) -> None:
    control = posed_backbone.pose_control
    assert control is not None
    embedded: list[int] = []
    seen: list[int] = []
    hooks = [
        control.embedding.register_forward_hook(lambda *call: embedded.append(len(call[2]))),
        control.network.register_forward_hook(lambda *call: seen.append(len(call[1][0]))),
    ]
    run = DenoiseRun(posed_backbone)
    for row in (POSED, ROW, replace(POSED, guidance_scale=1.0, pose_end=0.5)):
        run.add(row)
    while run.tickets:
        run.step()
    for hook in hooks:
        hook.remove()
    assert embedded == [1, 1]
    assert seen == [3, 3, 2, 2]


def test_map_is_a_tensor_or_a_picture(posed_backbone: Backbone) -> None:
    tensor = torch.from_numpy(np.array(MAP)).permute(2, 0, 1) / 255
    drawn = denoise(posed_backbone, [POSED])
    assert torch.equal(denoise(posed_backbone, [replace(ROW, pose_map=tensor)]), drawn)
    large = MAP.resize((128, 128), Image.Resampling.NEAREST)
    assert distance(denoise(posed_backbone, [replace(ROW, pose_map=large)]), drawn) < 0.5
    wide = replace(ROW, latent_size=(8, 12), pose_map=draw_map([NAMED_POSES["front"]], width=96, height=64))
    assert denoise(posed_backbone, [wide]).shape == (1, 4, 8, 12)
    with pytest.raises(PictureSizeMismatchError):
        denoise(posed_backbone, [replace(wide, pose_map=tensor)])


def test_pose_needs_a_controlnet(backbone: Backbone) -> None:
    with pytest.raises(NoPoseControlError):
        denoise(backbone, [POSED])


@pytest.mark.parametrize("field", ["pose_strength", "pose_start", "pose_end"])
def test_pose_outside_its_range_is_refused(field: str) -> None:
    for value in (-0.1, 2.5, float("nan")):
        with pytest.raises(InvalidSettingError):
            replace(POSED, **{field: value})


def test_maps_of_exchanged_colours_are_exchanged_back(posed_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(posed_folder, tmp_path / "copy"))
    config = json.loads((folder / "controlnet" / "config.json").read_text())
    config["controlnet_conditioning_channel_order"] = "bgr"
    (folder / "controlnet" / "config.json").write_text(json.dumps(config))
    exchanged = load_backbone(folder, device="cpu", dtype=torch.float32)
    usual = load_backbone(posed_folder, device="cpu", dtype=torch.float32)
    assert exchanged.model_hash == usual.model_hash, "a character stays with its base model"
    flipped = Image.fromarray(np.array(MAP)[..., ::-1].copy())
    assert torch.equal(denoise(exchanged, [POSED]), denoise(usual, [replace(POSED, pose_map=flipped)]))


def test_controlnet_that_does_not_fit_is_refused(posed_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(posed_folder, tmp_path / "copy"))
    network = ControlNetModel.from_pretrained(folder / "controlnet", local_files_only=True)
    settings = {**network.config, "cross_attention_dim": 32}
    ControlNetModel.from_config(settings).save_pretrained(folder / "controlnet")
    with pytest.raises(UnsupportedModelError, match="cross_attention_dim"):
        load_backbone(folder, device="cpu")
    weights = folder / "controlnet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(DamagedModelError):
        load_backbone(folder, device="cpu")
    weights.unlink()
    with pytest.raises(MissingModelError):
        load_backbone(folder, device="cpu")


def test_posed_row_is_drawn_without_the_compiler(posed_backbone: Backbone) -> None:
    config = CompileConfig(backend=lambda graph, _inputs: graph.forward)
    compiled = replace(posed_backbone, compiled_unet=CompiledUNet(posed_backbone.unet, config))
    assert distance(denoise(compiled, [POSED]), denoise(posed_backbone, [POSED])) == 0
