"""What the models of Stable Diffusion 1.5's family look like, and whether a base model is one of them.

Told by the beginnings of files and by configurations: no weights are read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open

from synid_engine.errors import DamagedModelError, MissingModelError, UnsupportedModelError

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."
"""How the names of weights begin in a checkpoint that is one file."""

_ENTRY = f"{UNET}input_blocks.0.0.weight"
_CONTEXT = "attn2.to_k.weight"
_OPEN: Any = safe_open
_FOLDER_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
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


def require_family(base: Path, shape: CheckpointShape | None = None) -> None:
    """Find out whether a base model could be drawn with, as far as that can be told without its weights.

    Args:
        base: A folder in diffusers' layout, or a checkpoint in one safetensors file.
        shape: Of the models; None is Stable Diffusion 1.5's.

    Raises:
        MissingModelError: It is not there, or a part of a folder is not.
        DamagedModelError: It cannot be read.
        UnsupportedModelError: It is a pickle, of another family, or without a part.
    """
    form = shape or CheckpointShape()
    if base.is_dir():
        _require_folder(base, form)
    else:
        require_shapes(base, shapes_of(base), form)


def shapes_of(source: Path) -> Mapping[str, tuple[int, ...]]:
    """Return the shapes of a checkpoint's weights by name; errors as in `require_family`."""
    if source.suffix != ".safetensors":
        raise UnsupportedModelError(folder=source, feature=f"the suffix {source.suffix or 'of nothing'}")
    if not source.is_file():
        raise MissingModelError(folder=source.parent, part=source.name)
    try:
        with _OPEN(source, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in list(file.keys())}
    except (OSError, SafetensorError) as error:
        raise DamagedModelError(folder=source.parent, part=source.name, detail=str(error)) from error


def require_shapes(source: Path, shapes: Mapping[str, tuple[int, ...]], form: CheckpointShape) -> None:
    """Tell what a checkpoint is instead, before its weights are found not to fit."""
    for prefix, part in ((UNET, "UNet"), (VAE, "VAE"), (TEXT, "text encoder of Stable Diffusion 1")):
        if not any(name.startswith(prefix) for name in shapes):
            raise UnsupportedModelError(folder=source, feature=f"no {part}")
    channels = [shapes[_ENTRY][1]] if _ENTRY in shapes else []
    widths = [one[1] for name, one in shapes.items() if name.endswith(_CONTEXT)]
    _require_sizes(source, form, channels=channels, widths=widths)


def _require_folder(base: Path, form: CheckpointShape) -> None:
    for part in ("model_index.json", *_FOLDER_PARTS):
        if not (base / part).exists():
            raise MissingModelError(folder=base, part=part)
    try:
        fields = cast("Mapping[str, Any]", json.loads((base / "unet" / "config.json").read_text("utf-8")))
        channels, width = int(fields.get("in_channels", 4)), int(fields["cross_attention_dim"])
    except FileNotFoundError as error:
        raise MissingModelError(folder=base, part="unet/config.json") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        detail = str(error) or type(error).__name__
        raise DamagedModelError(folder=base, part="unet/config.json", detail=detail) from error
    _require_sizes(base, form, channels=[channels], widths=[width])


def _require_sizes(
    source: Path, form: CheckpointShape, *, channels: Sequence[int], widths: Sequence[int]
) -> None:
    expected = int(form.unet.get("in_channels", 4))
    for one in channels:
        if one != expected:
            feature = f"{one} input channels instead of {expected}"
            raise UnsupportedModelError(folder=source, feature=feature)
    width = int(form.unet["cross_attention_dim"])
    if set(widths) != {width}:
        feature = f"prompt tokens of width {', '.join(map(str, sorted(set(widths))))} instead of {width}"
        raise UnsupportedModelError(folder=source, feature=feature)
