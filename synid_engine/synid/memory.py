"""The memory plan of a model's folder: how large it is, what is free, and what changes in the modules."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from synid_engine.perception.bundle import perception_bytes
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.device import choose_dtype
from synid_engine.runtime.few_steps import FEW_STEPS
from synid_engine.runtime.memory_plan import GIB, WHOLE, MemoryPlan, WeightBytes, WorkBytes, plan_memory
from synid_engine.runtime.model_folder import ModelFolder
from synid_engine.runtime.preview_vae import PREVIEW
from synid_engine.runtime.sd15_memory import SD15_WORK, WorkSize
from synid_engine.runtime.tiled_decoding import decode_in_tiles
from synid_engine.runtime.weight_files import loaded_bytes, stored_bytes

_FLOAT32 = 4
_ESTIMATORS = frozenset({".onnx", ".pth"})


def memory_plan_of(root: Path, *, device: torch.device, memory_gb: float | None) -> MemoryPlan:
    """Choose what an engine that loads a folder does on a device.

    Args:
        root: In diffusers' layout, with `perception` beside the models.
        device: Where it will draw. What is free there is asked for where it is a CUDA device.
        memory_gb: The most that it may take, in units of 2**30 bytes; it is also the most that torch then
            gives out there. None leaves it to what is free.

    Raises:
        TooLittleMemoryError: Not even the smallest plan fits.
        MissingModelError: A part of the folder is not there.
        DamagedModelError: A file cannot be read.
    """
    limit = None if memory_gb is None else round(memory_gb * GIB)
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        if limit is not None:
            cast("Any", torch.cuda).set_per_process_memory_fraction(min(1.0, limit / total), device)
        limit = min(free, limit or free)
    if limit is None:
        return WHOLE
    weights, work = sizes_of(root, dtype=choose_dtype(device))
    return plan_memory(limit, weights, work)


def sizes_of(root: Path, *, dtype: torch.dtype) -> tuple[WeightBytes, WorkBytes]:
    """Return what a folder's weights take in this format, and what their work does, at its own picture size.

    Raises:
        MissingModelError: A part of the folder is not there.
        DamagedModelError: A file cannot be read.
    """
    number = dtype.itemsize

    def part(name: str) -> int:
        return loaded_bytes(root / name, number_bytes=number)

    estimator, checker = root / "pose_estimator", root / "safety_checker"
    readers = [path for path in estimator.glob("*") if path.suffix in _ESTIMATORS]
    looking = stored_bytes(readers) + loaded_bytes(checker, number_bytes=_FLOAT32)
    weights = WeightBytes(
        unet=part("unet"),
        vae=part("vae"),
        text_encoders=part("text_encoder") + part("text_encoder_2"),
        perception=perception_bytes(root / "perception") + looking,
        controlnet=part("controlnet"),
        others=part(PREVIEW)
        + part(FEW_STEPS)
        + loaded_bytes(root / "identity_encoder", number_bytes=_FLOAT32),
    )
    models = ModelFolder(root, device=torch.device("cpu"), dtype=dtype)
    size = _work_size(models.json("unet/config.json"), models.json("vae/config.json"), number)
    return weights, size.of(SD15_WORK)


def follow(plan: MemoryPlan, backbone: Backbone) -> None:
    """Set up the UNet and the VAE as a plan wants them."""
    modules: tuple[Any, ...] = (backbone.unet, backbone.vae)
    for module in modules:
        if plan.works_twice:
            module.enable_gradient_checkpointing()
    if plan.works_in_tiles:
        decode_in_tiles(backbone)


def _work_size(unet: Mapping[str, object], vae: Mapping[str, object], number_bytes: int) -> WorkSize:
    sizes, widths = cast("Any", unet["sample_size"]), cast("Any", unet["block_out_channels"])
    height, width = (sizes, sizes) if isinstance(sizes, int) else sizes
    channels = cast("Any", vae["block_out_channels"])
    factor = 2 ** (len(channels) - 1)
    return WorkSize(
        cells=height * width,
        channels=widths[0],
        pixels=height * width * factor**2,
        picture_channels=channels[0],
        number_bytes=number_bytes,
    )
