"""A Stable Diffusion 1.5 checkpoint that is one safetensors file, turned into a folder in diffusers' layout.

The file has weights under their first names and nothing else, so the shape of the models is known here.
Nothing is fetched: the tokenizer, which such a file lacks, comes from a folder on this machine.
"""

import json
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
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

from synid_engine.errors import DamagedModelError, MissingModelError, TensorWriteError
from synid_engine.runtime.checkpoint_shape import TEXT, CheckpointShape, require_family
from synid_engine.runtime.model_folder import quiet_libraries

_NAMES: Any = ldm_names
_OPEN: Any = safe_open
_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)


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
        TensorWriteError: The system refused to write the folder.
    """
    form = shape or CheckpointShape()
    require_family(source, form)
    weights = _read(source)
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
    try:
        with _OPEN(source, framework="pt") as file:
            return {name: file.get_tensor(name) for name in list(file.keys())}
    except (OSError, SafetensorError) as error:
        raise DamagedModelError(folder=source.parent, part=source.name, detail=str(error)) from error


def _save(source: Path, folder: Path, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Fill a model with its part of the weights, every one of them, and write it."""
    converted = _converted(model, weights)
    try:
        model.load_state_dict(converted, strict=True, assign=True)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise DamagedModelError(folder=source.parent, part=source.name, detail=detail) from error
    with _written(folder):
        cast("Any", model).save_pretrained(folder)


def _converted(model: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a model's weights under the names that the model itself has for them."""
    if isinstance(model, UNet2DConditionModel):
        return _NAMES.convert_ldm_unet_checkpoint(dict(weights), model.config)
    if isinstance(model, AutoencoderKL):
        return _NAMES.convert_ldm_vae_checkpoint(dict(weights), model.config)
    named = {
        name.removeprefix(TEXT).removeprefix("text_model."): one
        for name, one in weights.items()
        if name.startswith(TEXT) and not name.endswith("position_ids")
    }
    is_wrapped = hasattr(model, "text_model")
    return {f"text_model.{name}": one for name, one in named.items()} if is_wrapped else named


def _copy_tokenizer(source: Path, folder: Path) -> None:
    if not any((source / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise MissingModelError(folder=source, part="vocab.json")
    with _written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in _TOKENIZER_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)


def _write_json(path: Path, fields: Mapping[str, object]) -> None:
    with _written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _written(path: Path) -> Generator[None]:
    """Translate the system's refusals, which safetensors tells in words of its own."""
    try:
        yield
    except OSError as error:
        raise TensorWriteError(path=path, reason=error.strerror or str(error)) from error
    except SafetensorError as error:
        raise TensorWriteError(path=path, reason=str(error)) from error
