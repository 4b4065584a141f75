"""A checkpoint in one file becomes the folder that it would have been."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

from synid_engine.errors import (
    BaseModelMismatchError,
    DamagedModelError,
    MissingModelError,
    UnsupportedModelError,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import load_backbone
from synid_engine.runtime.checkpoint_shape import CheckpointShape
from synid_engine.runtime.model_folder import hash_model
from synid_engine.runtime.single_file import convert_single_file
from synid_engine.sampling.denoise import render
from synid_engine.sampling.row import RenderRow

from ...ldm_names import SMALL_SHAPE, small_checkpoint, small_clip_tokenizer  # noqa: TID252  (tests are no package)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def converted(tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("converted")
    small_checkpoint(root / "one.safetensors", seed=1)
    convert_single_file(root / "one.safetensors", root / "folder", tokenizer=tokenizer, shape=SMALL_SHAPE)
    return root / "folder"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_every_weight_arrives_under_its_own_name(tokenizer: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    expected = small_checkpoint(tmp_path / "one.safetensors", dtype=dtype)
    convert_single_file(
        tmp_path / "one.safetensors", tmp_path / "folder", tokenizer=tokenizer, shape=SMALL_SHAPE
    )
    found = {
        f"{path.parent.name}.{name}": weight
        for path in (tmp_path / "folder").glob("*/*.safetensors")
        for name, weight in load_file(path).items()
    }
    assert found.keys() == expected.keys()
    assert all(weight.dtype == dtype for weight in found.values())
    assert all(torch.equal(weight, expected[name]) for name, weight in found.items())


def test_folder_draws(converted: Path) -> None:
    backbone = load_backbone(converted, device="cpu", dtype=torch.float32)
    assert backbone.model_id == "one"
    assert backbone.context_dim == 24
    [picture] = render(backbone, [RenderRow(prompt="a woman", seed=1, num_inference_steps=2)])
    assert picture.shape == (16, 16, 3)


def test_character_of_one_base_is_refused_by_another(
    converted: Path, tokenizer: Path, tmp_path: Path
) -> None:
    small_checkpoint(tmp_path / "other.safetensors", seed=2)
    other = tmp_path / "folder"
    convert_single_file(tmp_path / "other.safetensors", other, tokenizer=tokenizer, shape=SMALL_SHAPE)
    first, second = hash_model(converted), hash_model(other)
    assert first != second
    bank = IdentityBank(
        keys={"layer": torch.zeros(1, 8)},
        values={"layer": torch.zeros(1, 8)},
        null_keys={"layer": torch.zeros(1, 8)},
        null_values={"layer": torch.zeros(1, 8)},
        identity_tokens=torch.zeros(1, 24),
        null_tokens=torch.zeros(0, 24),
        model_hash=first,
        metadata={},
    )
    bank.check_base(model_hash=first)
    with pytest.raises(BaseModelMismatchError) as caught:
        bank.check_base(model_hash=second)
    assert (caught.value.found, caught.value.expected) == (first, second)


def test_usual_shape_is_that_of_stable_diffusion() -> None:
    shape = CheckpointShape()
    assert shape.unet["cross_attention_dim"] == shape.text_encoder["hidden_size"] == 768
    json.dumps(shape.noise_schedule)
    with torch.device("meta"):
        unet, vae = UNet2DConditionModel(**shape.unet), AutoencoderKL(**shape.vae)
        text_encoder = CLIPTextModel(CLIPTextConfig(**shape.text_encoder))
    assert [len(model.state_dict()) for model in (unet, vae, text_encoder)] == [686, 248, 196]
    assert sum(weight.numel() for weight in unet.parameters()) == 859_520_964


@pytest.mark.parametrize(
    ("prefix", "feature"),
    [("first_stage_model.", "no VAE"), ("cond_stage_model.", "no text encoder"), ("model.", "no UNet")],
)
def test_lacking_part_is_named(tokenizer: Path, tmp_path: Path, prefix: str, feature: str) -> None:
    path = tmp_path / "one.safetensors"
    small_checkpoint(path)
    save_file({name: one for name, one in load_file(path).items() if not name.startswith(prefix)}, path)
    with pytest.raises(UnsupportedModelError) as caught:
        convert_single_file(path, tmp_path / "folder", tokenizer=tokenizer, shape=SMALL_SHAPE)
    assert feature in caught.value.feature


def test_other_family_and_inpainting_are_refused(tokenizer: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    small_checkpoint(path)
    with pytest.raises(UnsupportedModelError) as caught:
        convert_single_file(path, tmp_path / "folder", tokenizer=tokenizer)
    assert caught.value.feature == "prompt tokens of width 24 instead of 768"
    weights = load_file(path)
    weights["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(16, 9, 3, 3)
    save_file(weights, path)
    with pytest.raises(UnsupportedModelError) as caught:
        convert_single_file(path, tmp_path / "folder", tokenizer=tokenizer, shape=SMALL_SHAPE)
    assert caught.value.feature == "9 input channels instead of 4"


def test_lacking_weight_is_not_made_up(tokenizer: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    small_checkpoint(path)
    weights = load_file(path)
    del weights["model.diffusion_model.time_embed.0.bias"]
    save_file(weights, path)
    with pytest.raises(DamagedModelError) as caught:
        convert_single_file(path, tmp_path / "folder", tokenizer=tokenizer, shape=SMALL_SHAPE)
    assert "time_embedding.linear_1.bias" in caught.value.detail


def test_cut_file_pickle_and_missing_files_are_refused(tokenizer: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    with pytest.raises(MissingModelError):
        convert_single_file(path, tmp_path / "folder", tokenizer=tokenizer, shape=SMALL_SHAPE)
    small_checkpoint(path)
    with pytest.raises(MissingModelError):
        convert_single_file(path, tmp_path / "folder", tokenizer=tmp_path, shape=SMALL_SHAPE)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DamagedModelError):
        convert_single_file(path, tmp_path / "folder", tokenizer=tokenizer, shape=SMALL_SHAPE)
    with pytest.raises(UnsupportedModelError):
        convert_single_file(path.with_suffix(".ckpt"), tmp_path, tokenizer=tokenizer, shape=SMALL_SHAPE)
