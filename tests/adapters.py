"""Small few-step adapters in the layouts in which real ones are published, with random factors."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn

RANK, ALPHA = 4, 2.0
_LEFT_OUT = ("conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2")  # as published
_HYPER = {"steps": 8, "guidance_scale": 5.0, "noise_scheduler": "ddim_trailing"}

Factors = Mapping[str, tuple[Tensor, Tensor]]


def random_factors(unet: UNet2DConditionModel, *, strength: float = 0.3) -> Factors:
    """Draw a down and an up for every layer that published adapters change."""
    generator = torch.Generator().manual_seed(21)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * strength / max(1, shape[1]) ** 0.5

    factors: dict[str, tuple[Tensor, Tensor]] = {}
    for name, layer in unet.named_modules():
        if name in _LEFT_OUT:
            continue
        if isinstance(layer, nn.Linear):
            factors[name] = drawn(RANK, layer.in_features), drawn(layer.out_features, RANK)
        elif isinstance(layer, nn.Conv2d):
            down = drawn(RANK, layer.in_channels, *layer.kernel_size)
            factors[name] = down, drawn(layer.out_channels, RANK, 1, 1)
    return factors


def kohya_layout(factors: Factors) -> dict[str, Tensor]:
    """Name factors as LCM's are."""
    named: dict[str, Tensor] = {}
    for layer, (down, up) in factors.items():
        name = f"lora_unet_{layer.replace('.', '_')}"
        named |= {
            f"{name}.lora_down.weight": down,
            f"{name}.lora_up.weight": up,
            f"{name}.alpha": torch.tensor(ALPHA),
        }
    return named


def peft_layout(factors: Factors) -> dict[str, Tensor]:
    """Name factors as diffusers saves them; their alpha is their rank."""
    named: dict[str, Tensor] = {}
    for layer, (down, up) in factors.items():
        named |= {f"unet.{layer}.lora_A.weight": down, f"unet.{layer}.lora_B.weight": up}
    return named


def put_adapter(
    drawing: Path, folder: Path, tensors: Mapping[str, Tensor], *, schedule: Mapping[str, object] = _HYPER
) -> Path:
    """Write the models of `drawing` with an adapter beside them."""
    shutil.copytree(drawing, folder)
    (folder / "few_steps").mkdir()
    save_file(
        {name: one.contiguous() for name, one in tensors.items()},
        folder / "few_steps" / "adapter.safetensors",
    )
    described = {"file": "adapter.safetensors", **schedule}
    (folder / "few_steps" / "few_steps.json").write_text(json.dumps(described), encoding="utf-8")
    return folder


def merge(unet: UNet2DConditionModel, factors: Factors, *, scale: float) -> None:
    """Add `scale * up @ down` to the weights themselves, layer by layer: the textbook's formula."""
    for name, (down, up) in factors.items():
        layer = unet.get_submodule(name)
        with torch.no_grad():
            layer.weight += scale * (up.flatten(1) @ down.flatten(1)).view_as(layer.weight)
