"""A low-rank change of the whole UNet with which it draws in few steps, read from one published file.

It lies in `few_steps` of a model's folder, beside `few_steps.json`, which says how it is drawn with:

    {"file": "Hyper-SD15-8steps-CFG-lora.safetensors", "steps": 8, "guidance_scale": 5.0,
     "noise_scheduler": "ddim_trailing"}

Its weights are never merged into the UNet's. Knows nothing about rows or steps.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.utils import state_dict_utils
from safetensors import SafetensorError
from torch import Tensor, nn

from synid_engine.errors import (
    DamagedModelError,
    InvalidSettingError,
    MissingModelError,
    UnsupportedModelError,
)
from synid_engine.runtime.device import choose_memory_format
from synid_engine.runtime.model_folder import ModelFolder
from synid_engine.runtime.model_spec import FewStepSchedule

FEW_STEPS = "few_steps"
SCHEDULE_NAME = "few_steps.json"
_SETTINGS = {"steps", "guidance_scale", "noise_scheduler"}
_KEY = re.compile(r"unet\.\w.*\.lora_[AB]\.weight")
_CONVOLVED = 4  # axes of a convolution's weight
_UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError)
_OTHER_FORMULAS = ("use_rslora", "use_dora", "alpha_pattern")


@dataclass(frozen=True, slots=True, eq=False)
class LowRankChange:
    """What is added to a layer's output: `up(down(x))`.

    Attributes:
        down: (rank, in) of a linear layer, or (rank, in, height, width) of a convolution, which strides and
            pads as the layer does.
        up: (out, rank), or (out, rank, 1, 1), with the adapter's own weight in it.
    """

    down: Tensor
    up: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FewStepAdapter:
    """What a row that is drawn quickly adds to the layers of the UNet.

    Attributes:
        schedule: How it is drawn with.
        changes: By the name of the layer.
    """

    schedule: FewStepSchedule
    changes: Mapping[str, LowRankChange]


def load_few_steps(models: ModelFolder, root: Path, unet: UNet2DConditionModel) -> FewStepAdapter | None:
    """Load `few_steps` of a model's folder, where its UNet is and in its format; None where there is none.

    Raises:
        MissingModelError: A file is not there.
        DamagedModelError: One cannot be read, or the adapter does not fit the UNet's layers.
        UnsupportedModelError: It is no plain low-rank change of a UNet alone.
    """
    if not (root / FEW_STEPS).is_dir():
        return None
    file, schedule = _read_schedule(models, root)
    factors = _read_factors(root, f"{FEW_STEPS}/{file}")
    try:
        changes = {name: _change(unet, name, one) for name, one in factors.items()}
    except (AttributeError, ValueError) as error:
        part = f"{FEW_STEPS}/{file}"
        raise DamagedModelError(folder=root, part=part, detail=f"does not fit: {error}") from error
    return FewStepAdapter(schedule=schedule, changes=changes)


@dataclass(slots=True, eq=False)
class _Factors:
    """The two factors of a layer as published, and their alpha; without one it is their rank."""

    down: Tensor | None = None
    up: Tensor | None = None
    alpha: float | None = None


def _read_schedule(models: ModelFolder, root: Path) -> tuple[str, FewStepSchedule]:
    part = f"{FEW_STEPS}/{SCHEDULE_NAME}"
    fields = models.json(part)
    file = fields.pop("file", None)
    if not isinstance(file, str) or set(fields) != _SETTINGS:
        detail = f"it must have file, {', '.join(sorted(_SETTINGS))} and nothing else"
        raise DamagedModelError(folder=root, part=part, detail=detail)
    if not (root / FEW_STEPS / file).is_file():
        raise MissingModelError(folder=root, part=f"{FEW_STEPS}/{file}")
    try:
        return file, FewStepSchedule(**cast("Any", fields))
    except (InvalidSettingError, TypeError) as error:
        raise DamagedModelError(folder=root, part=part, detail=str(error)) from error


def _read_factors(root: Path, part: str) -> dict[str, _Factors]:
    """Read an adapter in any of the layouts that diffusers knows, by the layers of the UNet."""
    path = root / part
    read = cast("Any", StableDiffusionLoraLoaderMixin.lora_state_dict)
    renamed = cast("Any", state_dict_utils).convert_unet_state_dict_to_peft
    try:
        found, alphas, told = read(
            str(path.parent),
            weight_name=path.name,
            use_safetensors=True,
            local_files_only=True,
            return_lora_metadata=True,
        )
        tensors = cast("dict[str, Tensor]", renamed(found))
        weights = cast("dict[str, float]", renamed(alphas or {}))
    except _UNREADABLE as error:
        detail = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedModelError(folder=root, part=part, detail=detail) from error
    header = cast("Mapping[str, Any]", told or {})
    strange = [key for key in tensors if not _KEY.fullmatch(key)]
    strange += [name for name in _OTHER_FORMULAS if header.get(f"unet.{name}")]
    if strange or not tensors:
        raise UnsupportedModelError(folder=root, feature=f"{part} with {(*strange, 'nothing in it')[0]}")
    factors: dict[str, _Factors] = {}
    for key, tensor in tensors.items():
        one = factors.setdefault(_layer(key), _Factors(alpha=header.get("unet.lora_alpha")))
        if key.endswith("A.weight"):
            one.down = tensor
        else:
            one.up = tensor
    for key, alpha in weights.items():
        factors[_layer(key)].alpha = float(alpha)
    return factors


def _layer(key: str) -> str:
    """Return the layer of a factor or of an alpha."""
    return key.removeprefix("unet.").removesuffix(".alpha").partition(".lora_")[0]


def _change(unet: UNet2DConditionModel, name: str, factors: _Factors) -> LowRankChange:
    """Return a layer's change with alpha / rank in it, where the layer is and in its format.

    Raises:
        AttributeError: The UNet has no such layer.
        ValueError: The factors are not of its shape.

    Source: Hu et al. 2021, LoRA, section 4.1.
    """
    layer, down, up = unet.get_submodule(name), factors.down, factors.up
    if down is None or up is None:
        raise ValueError(f"half of {name} is missing")
    rank = len(down)
    wanted = _shapes(layer, rank=rank)
    if (tuple(down.shape), tuple(up.shape)) != wanted:
        raise ValueError(f"{name} is of {tuple(down.shape)} and {tuple(up.shape)}")
    weight = cast("Tensor", layer.weight)
    scale = 1.0 if factors.alpha is None else factors.alpha / rank
    placed = (one.to(weight.device, weight.dtype) for one in (down, scale * up.float()))
    if weight.ndim == _CONVOLVED:
        layout = choose_memory_format(weight.dtype)
        placed = (cast("Tensor", cast("Any", one).to(memory_format=layout)) for one in placed)
    return LowRankChange(*placed)


def _shapes(layer: nn.Module, *, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the shapes that the factors of a layer must have; None where none fits."""
    if isinstance(layer, nn.Linear):
        return (rank, layer.in_features), (layer.out_features, rank)
    if isinstance(layer, nn.Conv2d):
        return (rank, layer.in_channels, *layer.kernel_size), (layer.out_channels, rank, 1, 1)
    return None
