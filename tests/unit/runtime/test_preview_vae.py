"""The small VAE in a model's folder, laid out as `madebyollin/taesd` is."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline

from synid_engine.engine import EMBEDDED_MODEL
from synid_engine.errors import DamagedModelError, MissingModelError, UnsupportedModelError
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.model_folder import hash_model
from synid_engine.runtime.model_table import MODELS, SETS
from synid_engine.runtime.rng import cpu_generator, gaussian_noise

from ...small_models import save_preview_vae  # noqa: TID252  (tests are no package)

LATENTS = gaussian_noise((2, 4, 8, 8), cpu_generator(5))


@pytest.fixture
def copied_folder(preview_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(preview_folder, tmp_path / "copy"))


def test_folder_is_laid_out_as_it_is_pulled(preview_folder: Path) -> None:
    [place] = [part.place for part in SETS["sd15"].parts if part.model == "taesd"]
    files = {file.path for file in MODELS["taesd"].files}
    assert {path.name for path in (preview_folder / place).iterdir()} == files


def test_preview_is_what_the_pipeline_draws_with_the_small_vae(
    preview_folder: Path, preview_backbone: Backbone
) -> None:
    vae = AutoencoderTiny.from_pretrained(preview_folder / "preview", local_files_only=True)
    pipeline = StableDiffusionPipeline.from_pretrained(
        preview_folder, vae=vae, safety_checker=None, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    latents, pictures = (
        pipeline(
            "a woman",
            num_inference_steps=2,
            generator=torch.Generator().manual_seed(4),
            output_type=output_type,
        ).images
        for output_type in ("latent", "pt")
    )
    preview = preview_backbone.preview(latents)
    assert torch.allclose(preview, pictures, atol=1e-5)
    assert preview.std() > 0.02
    assert not torch.allclose(preview, preview_backbone.decode(latents), atol=0.02)


def test_without_a_small_vae_a_preview_is_the_picture(backbone: Backbone) -> None:
    assert backbone.preview_vae is None
    assert torch.equal(backbone.preview(LATENTS), backbone.decode(LATENTS))
    assert not (EMBEDDED_MODEL / "preview").exists()


def test_no_character_depends_on_the_small_vae(preview_folder: Path, epsilon_folder: Path) -> None:
    assert hash_model(preview_folder) == hash_model(epsilon_folder)


def test_small_vae_is_frozen_and_in_the_format_of_the_others(preview_folder: Path) -> None:
    models = load_backbone(preview_folder, device="cpu", dtype=torch.bfloat16)
    assert models.preview_vae is not None
    assert not models.preview_vae.training
    assert {one.dtype for one in models.preview_vae.parameters()} == {torch.bfloat16}
    assert not any(one.requires_grad for one in models.preview_vae.parameters())
    assert models.preview(LATENTS).dtype == torch.float32


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"latent_channels": 16}, "latent_channels 16"),
        (
            {"decoder_block_out_channels": (8, 8, 8), "num_decoder_blocks": (3, 3, 1)},
            "latent cells of pixels 4",
        ),
        ({"out_channels": 4}, "out_channels 4"),
    ],
)
def test_small_vae_that_does_not_fit_is_refused(
    copied_folder: Path, settings: dict[str, object], named: str
) -> None:
    shutil.rmtree(copied_folder / "preview")
    save_preview_vae(copied_folder / "preview", **settings)
    with pytest.raises(UnsupportedModelError, match=named):
        load_backbone(copied_folder, device="cpu")


def test_small_vae_of_another_class_is_refused(copied_folder: Path) -> None:
    config = copied_folder / "preview" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "_class_name": "AutoencoderKL"}))
    with pytest.raises(UnsupportedModelError, match="preview AutoencoderKL"):
        load_backbone(copied_folder, device="cpu")


def test_small_vae_that_is_not_whole_is_refused(copied_folder: Path) -> None:
    weights = copied_folder / "preview" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(DamagedModelError) as damaged:
        load_backbone(copied_folder, device="cpu")
    assert damaged.value.part == "preview"
    weights.unlink()
    with pytest.raises(MissingModelError):
        load_backbone(copied_folder, device="cpu")
    (copied_folder / "preview" / "config.json").unlink()
    with pytest.raises(MissingModelError) as missing:
        load_backbone(copied_folder, device="cpu")
    assert missing.value.part == "preview/config.json"
