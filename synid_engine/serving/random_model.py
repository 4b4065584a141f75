"""Stable Diffusion 1.5 without its weights: modules of its size filled at random, to measure speed with.

Speed does not depend on what the weights are; the pictures are noise.
"""

from dataclasses import replace
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from tokenizers import pre_tokenizers
from torch import nn
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.device import choose_device, choose_dtype, choose_memory_format
from synid_engine.runtime.model_folder import quiet_libraries
from synid_engine.runtime.pose_control import make_pose_control

_TOKENS = 77
_VOCABULARY = 49408
_SPREAD = 0.03


def random_sd15(*, device: str | None = None, posed: bool = False, image_size: int = 512) -> Backbone:
    """Build the models.

    Args:
        device: Chosen as for any other model.
        posed: Whether a ControlNet comes with them.
        image_size: Side of its own pictures, in pixels.

    Raises:
        DeviceUnavailableError: The device is not there.
    """
    place = choose_device(device)
    dtype = choose_dtype(place)
    with quiet_libraries():
        unet, vae, text_encoder = _unet(image_size // 8, place, dtype), _vae(), _text_encoder()
        preview_vae = AutoencoderTiny()
        network = _controlnet(unet, place, dtype) if posed else None
        modules = (unet, vae, text_encoder, preview_vae, *((network,) if network is not None else ()))
        for module in modules:
            placed = cast("nn.Module", module).eval().requires_grad_(requires_grad=False).to(place, dtype)
            cast("Any", placed).to(memory_format=choose_memory_format(dtype))
    built = _backbone(unet, vae, text_encoder, network, "random modules of the size of Stable Diffusion 1.5")
    return replace(built, preview_vae=preview_vae)


def sd15_shapes(*, dtype: torch.dtype, image_size: int = 512) -> Backbone:
    """Build the models, with a ControlNet, as shapes without numbers: on torch's device `meta`.

    Args:
        dtype: Format of the weights.
        image_size: Side of the pictures, in pixels.
    """
    with quiet_libraries(), torch.device("meta"):
        unet, vae, text_encoder = _denoiser(image_size // 8), _vae(), _text_encoder()
        network = ControlNetModel.from_unet(unet)
        for module in (unet, vae, text_encoder, network):
            shaped = cast("nn.Module", module).eval().to(dtype)
            cast("Any", shaped).to(memory_format=choose_memory_format(dtype))
    return _backbone(unet, vae, text_encoder, network, "shapes of Stable Diffusion 1.5")


def _backbone(
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    text_encoder: CLIPTextModel,
    network: ControlNetModel | None,
    model_id: str,
) -> Backbone:
    return Backbone(
        unet=unet,
        vae=vae,
        text_encoders=(text_encoder,),
        tokenizers=(_tokenizer(),),
        noise_scheduler_config=_noise_schedule(),
        model_id=model_id,
        model_hash="0" * 64,
        device=unet.device,
        dtype=unet.dtype,
        pose_control=None if network is None else make_pose_control(network),
    )


def _unet(sample_size: int, device: torch.device, dtype: torch.dtype) -> UNet2DConditionModel:
    return cast("UNet2DConditionModel", _filled(_denoiser(sample_size), device, dtype))


def _controlnet(unet: UNet2DConditionModel, device: torch.device, dtype: torch.dtype) -> ControlNetModel:
    with torch.device("meta"):
        network = ControlNetModel.from_unet(unet, load_weights_from_unet=False)
    return cast("ControlNetModel", _filled(network, device, dtype))


def _filled(module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Fill a large part where it shall be: the usual way to do so takes a processor a minute."""
    placed = cast("nn.Module", cast("Any", module).to(dtype).to_empty(device=device))
    for parameter in placed.parameters():
        nn.init.uniform_(parameter, -_SPREAD, _SPREAD)
    for name, parameter in placed.named_parameters():
        if "norm" in name and name.endswith("weight"):
            nn.init.ones_(parameter)
    return placed


def _denoiser(sample_size: int) -> UNet2DConditionModel:
    """Build a UNet that has shapes and no numbers."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=sample_size,
            block_out_channels=(320, 640, 1280, 1280),
            layers_per_block=2,
            attention_head_dim=8,
            cross_attention_dim=768,
        )


def _vae() -> AutoencoderKL:
    sizes: Any = (128, 256, 512, 512)  # diffusers calls every tuple one of one element
    down: Any = ("DownEncoderBlock2D",) * len(sizes)
    up: Any = ("UpDecoderBlock2D",) * len(sizes)
    return AutoencoderKL(
        down_block_types=down,
        up_block_types=up,
        block_out_channels=sizes,
        layers_per_block=2,
        sample_size=512,
    )


def _text_encoder() -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=_VOCABULARY,
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        max_position_embeddings=_TOKENS,
    )
    return CLIPTextModel(config)


def _tokenizer() -> CLIPTokenizer:
    """Return a tokenizer that knows letters and no words; a prompt has its full length whatever it says."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [*letters, *(f"{letter}</w>" for letter in letters)]
    names += [f"<{number}>" for number in range(len(names), _VOCABULARY - 2)]
    names += ["<|startoftext|>", "<|endoftext|>"]
    made: Any = CLIPTokenizer(
        vocab={name: number for number, name in enumerate(names)}, merges=[], model_max_length=_TOKENS
    )
    return cast("CLIPTokenizer", made)


def _noise_schedule() -> dict[str, object]:
    noise_scheduler: Any = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return dict(noise_scheduler.config)
