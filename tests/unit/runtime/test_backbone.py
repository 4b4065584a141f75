import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel

from synid_engine.errors import (
    DamagedModelError,
    DeviceUnavailableError,
    MissingModelError,
    UnsupportedModelError,
)
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.device import choose_device, choose_dtype, choose_memory_format
from synid_engine.runtime.rng import cpu_generator, gaussian_noise

PROMPTS = ["a woman with red hair", "", "an old man :)"]


@pytest.fixture
def copied_folder(small_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_folder, tmp_path / "copy"))


def test_folder_says_its_sizes(backbone: Backbone) -> None:
    assert backbone.latent_shape == (4, 8, 8)
    assert backbone.vae_scale_factor == 8
    assert backbone.image_size == (64, 64)
    assert backbone.context_dim == 24
    assert len(backbone.cross_attention_layers) == 7
    assert set(backbone.cross_attention_layers.values()) == {32, 48}


def test_every_weight_is_frozen(backbone: Backbone) -> None:
    modules = (backbone.unet, backbone.vae, *backbone.text_encoders)
    assert not any(parameter.requires_grad for module in modules for parameter in module.parameters())
    assert not any(module.training for module in modules)


def test_prompts_are_encoded_as_the_pipeline_does(
    backbone: Backbone, stock_pipeline: StableDiffusionPipeline
) -> None:
    expected, _ = stock_pipeline.encode_prompt(PROMPTS, "cpu", 1, do_classifier_free_guidance=False)
    assert torch.equal(backbone.encode_prompts(PROMPTS), expected)


def test_latents_are_decoded_as_the_pipeline_does(
    backbone: Backbone, stock_pipeline: StableDiffusionPipeline
) -> None:
    latents = gaussian_noise((1, 4, 8, 8), cpu_generator(5))
    decoded = stock_pipeline.vae.decode(latents / stock_pipeline.vae.config.scaling_factor).sample
    expected = stock_pipeline.image_processor.postprocess(decoded.detach(), output_type="pt")
    assert torch.allclose(backbone.decode(latents), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["small_folder", "epsilon_folder"])
def test_both_autoencoders_encode_and_decode_with_gradients(
    kind: str, request: pytest.FixtureRequest
) -> None:
    models = load_backbone(request.getfixturevalue(kind), device="cpu", dtype=torch.float32)
    images = torch.rand(2, 3, 64, 64, generator=cpu_generator(1), requires_grad=True)
    latents = models.encode(images)
    assert latents.shape == (2, 4, 8, 8)
    decoded = models.decode(latents)
    assert decoded.shape == images.shape
    assert 0 <= decoded.min() <= decoded.max() <= 1
    decoded.square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_two_text_encoders_are_joined_by_width(backbone: Backbone) -> None:
    double = replace(backbone, text_encoders=backbone.text_encoders * 2, tokenizers=backbone.tokenizers * 2)
    states = double.encode_prompts(["a woman"])
    assert states.shape == (1, 16, 48)
    assert double.context_dim == 48
    assert torch.equal(states[..., :24], states[..., 24:])


def test_sharded_weights_load_in_silence_and_are_the_same(
    backbone: Backbone, copied_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    unet = UNet2DConditionModel.from_pretrained(copied_folder / "unet", low_cpu_mem_usage=False)
    shutil.rmtree(copied_folder / "unet")
    unet.save_pretrained(copied_folder / "unet", max_shard_size="200KB")
    assert len(list((copied_folder / "unet").glob("*.safetensors"))) > 1
    capfd.readouterr()
    loaded = load_backbone(copied_folder, device="cpu", dtype=torch.float32).unet.state_dict()
    assert capfd.readouterr() == ("", "")
    assert all(torch.equal(loaded[name], weight) for name, weight in backbone.unet.state_dict().items())


def test_short_format_goes_to_every_module(small_folder: Path) -> None:
    models = load_backbone(small_folder, device="cpu", dtype=torch.bfloat16)
    for module in (models.unet, models.vae, *models.text_encoders):
        assert {parameter.dtype for parameter in module.parameters()} == {torch.bfloat16}
    assert models.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert models.decode(torch.zeros(1, 4, 8, 8)).dtype == torch.float32


def test_hash_follows_the_weights_and_nothing_else(backbone: Backbone, copied_folder: Path) -> None:
    (copied_folder / "README.md").write_text("words")
    assert load_backbone(copied_folder, device="cpu").model_hash == backbone.model_hash
    config = copied_folder / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text() + " ")
    assert load_backbone(copied_folder, device="cpu").model_hash != backbone.model_hash


@pytest.mark.parametrize("part", ["model_index.json", "vae/config.json", "scheduler/scheduler_config.json"])
def test_missing_file_is_named(copied_folder: Path, part: str) -> None:
    (copied_folder / part).unlink()
    with pytest.raises(MissingModelError) as caught:
        load_backbone(copied_folder)
    assert caught.value.part == part


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_missing_part_is_named(copied_folder: Path, part: str) -> None:
    shutil.rmtree(copied_folder / part)
    with pytest.raises(MissingModelError) as caught:
        load_backbone(copied_folder)
    assert caught.value.part.startswith(part)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError) as caught:
        load_backbone(tmp_path / "nothing")
    assert caught.value.folder == tmp_path / "nothing"


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_cut_weights_are_refused(copied_folder: Path, part: str) -> None:
    weights = next((copied_folder / part).glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(DamagedModelError) as caught:
        load_backbone(copied_folder)
    assert caught.value.part == part


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_lacking_weights_are_not_made_up(copied_folder: Path, part: str) -> None:
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    path = next((copied_folder / part).glob("*.safetensors"))
    weights = load_file(path)
    del weights[sorted(weights)[3]]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(DamagedModelError) as caught:
        load_backbone(copied_folder)
    assert caught.value.part == part
    assert "missing" in caught.value.detail


def test_pickles_are_never_read(copied_folder: Path) -> None:
    weights = next((copied_folder / "unet").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(MissingModelError):
        load_backbone(copied_folder)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("vae/config.json", "_class_name", "AutoencoderDC"),
        ("scheduler/scheduler_config.json", "prediction_type", "sample"),
    ],
)
def test_unknown_kinds_are_refused(copied_folder: Path, part: str, field: str, value: str) -> None:
    path = copied_folder / part
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(UnsupportedModelError) as caught:
        load_backbone(copied_folder)
    assert value in caught.value.feature


@pytest.mark.parametrize("name", ["cuda:99", "quantum", "meta"])
def test_absent_device_is_refused(name: str) -> None:
    with pytest.raises(DeviceUnavailableError):
        choose_device(name)


@pytest.mark.parametrize(("name", "index"), [(None, 1), ("cuda", 1), ("cuda:0", 0), ("cuda:1", 1)])
def test_gpu_has_its_number(monkeypatch: pytest.MonkeyPatch, name: str | None, index: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert choose_device(name) == torch.device("cuda", index)


def test_format_is_that_of_the_gpu_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: ((7, 5), (8, 0))[device.index])
    formats = [choose_dtype(torch.device("cuda", index)) for index in range(2)]
    assert formats == [torch.float16, torch.bfloat16]


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({}, torch.float32)],
)
def test_processor_with_bfloat16_uses_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    dtype = choose_dtype(torch.device("cpu"))
    assert dtype == expected
    channels_last = choose_memory_format(dtype) == torch.channels_last
    assert channels_last == (expected == torch.bfloat16)


def test_seed_determines_noise() -> None:
    first, again, other = (gaussian_noise((4,), cpu_generator(seed)) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert gaussian_noise((4,), cpu_generator(-1)).shape == (4,)
