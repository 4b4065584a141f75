"""A Stable Diffusion 1.5 checkpoint that is one safetensors file, turned into a folder in diffusers' layout.

The file has weights under their first names and nothing else, so the shape of the models is known here.
Nothing is fetched: the tokenizer, which such a file lacks, comes from a folder on this machine.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.loaders import single_file_utils as ldm_names
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel

from synid_engine.errors import DamagedModelError, MissingModelError, UnsupportedModelError
from synid_engine.runtime.model_folder import quiet_libraries

_UNET, _VAE, _TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."
_ENTRY = f"{_UNET}input_blocks.0.0.weight"
_CONTEXT = "attn2.to_k.weight"
_NAMES: Any = ldm_names
_OPEN: Any = safe_open
_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
_LEVELS = (128, 256, 512, 512)


def _unet() -> Mapping[str, Any]:
    return {"sample_size": 64, "attention_head_dim": 8, "cross_attention_dim": 768}


def _vae() -> Mapping[str, Any]:
    return {
        "sample_size": 512,
        "block_out_channels": _LEVELS,
        "layers_per_block": 2,
        "latent_channels": 4,
        "down_block_types": ("DownEncoderBlock2D",) * len(_LEVELS),
        "up_block_types": ("UpDecoderBlock2D",) * len(_LEVELS),
    }


def _text_encoder() -> Mapping[str, Any]:
    return {
        "vocab_size": 49408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "max_position_embeddings": 77,
        "projection_dim": 768,
        "hidden_act": "quick_gelu",
    }


def _noise_schedule() -> Mapping[str, Any]:
    return {
        "_class_name": "DDIMScheduler",
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": "epsilon",
        "clip_sample": False,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointShape:
    """What the weights of a checkpoint belong to; the defaults are Stable Diffusion 1.5's.

    Attributes:
        unet: Settings of a `UNet2DConditionModel`.
        vae: Settings of an `AutoencoderKL`.
        text_encoder: Settings of a `CLIPTextConfig`.
        noise_schedule: A whole `scheduler_config.json`.
    """

    unet: Mapping[str, Any] = field(default_factory=_unet)
    vae: Mapping[str, Any] = field(default_factory=_vae)
    text_encoder: Mapping[str, Any] = field(default_factory=_text_encoder)
    noise_schedule: Mapping[str, Any] = field(default_factory=_noise_schedule)


def convert_single_file(
    source: Path, folder: Path, *, tokenizer: Path, shape: CheckpointShape | None = None
) -> None:
    """Write a checkpoint's models into a folder, each in the number format that it came in.

    Args:
        source: The safetensors file.
        folder: Where to write; made if need be.
        tokenizer: Holds CLIP's `vocab.json` and `merges.txt`, or both as `tokenizer.json`.
        shape: Of the models; None is Stable Diffusion 1.5's.

    Raises:
        MissingModelError: The checkpoint or a tokenizer file is not there.
        DamagedModelError: The checkpoint cannot be read, or its weights do not fit the shape.
        UnsupportedModelError: It is a pickle, of another family, or without a part.
    """
    form = shape or CheckpointShape()
    weights = _read(source)
    _require_family(source, weights, form)
    with torch.device("meta"):  # the weights come from the file
        unet, vae = UNet2DConditionModel(**form.unet), AutoencoderKL(**form.vae)
        text_encoder = CLIPTextModel(CLIPTextConfig(**form.text_encoder))
    with quiet_libraries():
        for part, model in (("unet", unet), ("vae", vae), ("text_encoder", text_encoder)):
            _save(source, folder / part, model, weights)
    _copy_tokenizer(tokenizer, folder / "tokenizer")
    _write_json(folder / "scheduler" / "scheduler_config.json", form.noise_schedule)
    _write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "_name_or_path": source.stem,
            "requires_safety_checker": False,
            "scheduler": ["diffusers", form.noise_schedule["_class_name"]],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )


def _read(source: Path) -> Mapping[str, Tensor]:
    if source.suffix != ".safetensors":
        raise UnsupportedModelError(folder=source, feature=f"the suffix {source.suffix or 'of nothing'}")
    if not source.is_file():
        raise MissingModelError(folder=source.parent, part=source.name)
    try:
        with _OPEN(source, framework="pt") as file:
            return {name: file.get_tensor(name) for name in list(file.keys())}
    except (OSError, SafetensorError) as error:
        raise DamagedModelError(folder=source.parent, part=source.name, detail=str(error)) from error


def _require_family(source: Path, weights: Mapping[str, Tensor], form: CheckpointShape) -> None:
    """Tell what a checkpoint is instead, before its weights are found not to fit."""
    for prefix, part in ((_UNET, "UNet"), (_VAE, "VAE"), (_TEXT, "text encoder of Stable Diffusion 1")):
        if not any(name.startswith(prefix) for name in weights):
            raise UnsupportedModelError(folder=source, feature=f"no {part}")
    channels = int(form.unet.get("in_channels", 4))
    if _ENTRY in weights and weights[_ENTRY].shape[1] != channels:
        feature = f"{weights[_ENTRY].shape[1]} input channels instead of {channels}"
        raise UnsupportedModelError(folder=source, feature=feature)
    width = int(form.unet["cross_attention_dim"])
    found = {int(one.shape[1]) for name, one in weights.items() if name.endswith(_CONTEXT)}
    if found != {width}:
        feature = f"prompt tokens of width {', '.join(map(str, sorted(found)))} instead of {width}"
        raise UnsupportedModelError(folder=source, feature=feature)


def _save(source: Path, folder: Path, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Fill a model with its part of the weights, every one of them, and write it."""
    converted = _converted(model, weights)
    try:
        model.load_state_dict(converted, strict=True, assign=True)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise DamagedModelError(folder=source.parent, part=source.name, detail=detail) from error
    cast("Any", model).save_pretrained(folder)


def _converted(model: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a model's weights under the names that the model itself has for them."""
    if isinstance(model, UNet2DConditionModel):
        return _NAMES.convert_ldm_unet_checkpoint(dict(weights), model.config)
    if isinstance(model, AutoencoderKL):
        return _NAMES.convert_ldm_vae_checkpoint(dict(weights), model.config)
    named = {
        name.removeprefix(_TEXT).removeprefix("text_model."): one
        for name, one in weights.items()
        if name.startswith(_TEXT) and not name.endswith("position_ids")
    }
    is_wrapped = hasattr(model, "text_model")
    return {f"text_model.{name}": one for name, one in named.items()} if is_wrapped else named


def _copy_tokenizer(source: Path, folder: Path) -> None:
    if not any((source / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise MissingModelError(folder=source, part="vocab.json")
    folder.mkdir(parents=True, exist_ok=True)
    for name in _TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _write_json(path: Path, fields: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
