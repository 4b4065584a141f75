"""The frozen models that every picture goes through: UNet, ControlNet, VAE, text encoders and noise schedule.

Knows nothing about identities, rows or steps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from synid_engine.runtime.device import choose_device, choose_dtype
from synid_engine.runtime.few_steps import FewStepAdapter, load_few_steps
from synid_engine.runtime.model_folder import ModelFolder, hash_model, quiet_libraries
from synid_engine.runtime.pose_control import PoseControl, load_pose_control
from synid_engine.runtime.preview_vae import load_preview_vae
from synid_engine.runtime.text_states import text_states

_CROSS_ATTENTION = ".attn2.processor"


def cross_attention_layers(unet: UNet2DConditionModel) -> dict[str, int]:
    """Return each cross-attention layer's name and hidden width, in the order of the UNet."""
    names = [name for name in unet.attn_processors if name.endswith(_CROSS_ATTENTION)]
    layers = [name.removesuffix(".processor") for name in names]
    return {
        layer: int(cast("nn.Linear", attention_module(unet, layer).to_k).out_features) for layer in layers
    }


def attention_module(unet: UNet2DConditionModel, layer: str) -> Any:  # noqa: ANN401  (diffusers' classes are untyped)
    """Return the attention module of this name."""
    return unet.get_submodule(layer)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backbone:
    """The frozen bundle that draws.

    Attributes:
        unet: Denoiser; its parameters never require gradients.
        vae: Picture <-> latents.
        text_encoders: One, or two whose penultimate states are joined along their width.
        tokenizers: One for each text encoder.
        noise_scheduler_config: Configuration of a diffusers noise scheduler: betas, prediction type, spacing.
        model_id: Name for people.
        model_hash: SHA-256 over every weight and configuration file but those of ControlNet, preview VAE and
            few-step adapter, which no identity depends on; identities belong to one.
        device: Where all modules are, but for text encoders that wait on the processor.
        dtype: Format of their weights; latents between steps stay float32.
        pose_control: Holds poses; None where the folder has no `controlnet`.
        preview_vae: Decodes what is looked at for a moment; None where the folder has no `preview`.
        compiled_unet: Called in the place of `unet`, and as it, where no gradients are wanted; None where
            nothing is compiled.
        few_steps: Lets rows be drawn in few steps; None where the folder has no `few_steps`.
    """

    unet: UNet2DConditionModel
    vae: AutoencoderTiny | AutoencoderKL
    text_encoders: tuple[CLIPTextModel, ...]
    tokenizers: tuple[CLIPTokenizer, ...]
    noise_scheduler_config: Mapping[str, object]
    model_id: str
    model_hash: str
    device: torch.device
    dtype: torch.dtype
    pose_control: PoseControl | None = None
    preview_vae: AutoencoderTiny | None = None
    compiled_unet: Callable[..., tuple[Tensor]] | None = None
    few_steps: FewStepAdapter | None = None

    @property
    def vae_scale_factor(self) -> int:
        """Pixels along each side of one latent cell."""
        return _scale_factor(self.vae)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the latents of the model's own picture size."""
        config = _config(self.unet)
        size: Any = config["sample_size"]
        height, width = (size, size) if isinstance(size, int) else size
        return int(config["in_channels"]), int(height), int(width)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels of the model's own picture size."""
        _, height, width = self.latent_shape
        return height * self.vae_scale_factor, width * self.vae_scale_factor

    @property
    def context_dim(self) -> int:
        """Width of a prompt token."""
        return sum(int(encoder.config.hidden_size) for encoder in self.text_encoders)

    @property
    def cross_attention_layers(self) -> dict[str, int]:
        """Each cross-attention layer's name and hidden width."""
        return cross_attention_layers(self.unet)

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str]) -> Float[Tensor, "batch tokens context_dim"]:
        """Return the text states of each prompt, with the chunks of the longest one: see `text_states`."""
        states = text_states(prompts, self.tokenizers, self.text_encoders)
        return states.to(self.device, self.dtype)

    def decode(self, latents: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch 3 height width"]:
        """Return float32 pictures in [0, 1]; differentiable except where a value had to be clamped."""
        return self._decoded(self.vae, latents)

    def preview(self, latents: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch 3 height width"]:
        """Return what `decode` does of the same latents, roughly, where there is a small VAE for that."""
        return self._decoded(self.vae if self.preview_vae is None else self.preview_vae, latents)

    def encode(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch c h w"]:
        """Return float32 latents, scaled as the UNet wants them, of pictures in [0, 1]; differentiable."""
        signed = images.to(self.device, self.dtype) * 2 - 1
        encoded = cast("Any", self.vae).encode(signed)
        latents = encoded.latents if isinstance(self.vae, AutoencoderTiny) else encoded.latent_dist.mode()
        return cast("Tensor", latents).float() * float(_config(self.vae)["scaling_factor"])

    def _decoded(
        self, vae: AutoencoderTiny | AutoencoderKL, latents: Float[Tensor, "batch c h w"]
    ) -> Float[Tensor, "batch 3 height width"]:
        scaled = latents.to(self.device, self.dtype) / float(_config(vae)["scaling_factor"])
        images = cast("Tensor", cast("Any", vae).decode(scaled, return_dict=False)[0]).float()
        return (images / 2 + 0.5).clamp(0, 1)


def load_backbone(
    folder: str | Path,
    *,
    device: str | None = None,
    dtype: torch.dtype | None = None,
    text_device: str | None = None,
) -> Backbone:
    """Load the frozen models of a folder in diffusers' layout, as Stable Diffusion 1.5 has it.

    Args:
        folder: Holds `model_index.json`, `unet`, `vae`, `text_encoder`, `tokenizer` and `scheduler`, and may
            hold `controlnet`, `preview` and `few_steps`, which then must fit the UNet.
        device: For example `cpu` or `cuda:0`; None chooses the fastest.
        dtype: Format of the weights; None chooses what the device multiplies in hardware.
        text_device: Where the text encoders live and work; None is beside everything else.

    Raises:
        MissingModelError: The folder or a part of it is not there.
        DamagedModelError: A file cannot be read or lacks weights.
        UnsupportedModelError: The model is of another kind.
        DeviceUnavailableError: The device is not there.
    """
    root = Path(folder)
    place = choose_device(device)
    weights = dtype or choose_dtype(place)
    models = ModelFolder(root, device=place, dtype=weights)
    index = models.json("model_index.json")
    encoders, texts = models.text_encoder_parts(), models
    if text_device is not None:
        reading = choose_device(text_device)
        texts = ModelFolder(root, device=reading, dtype=_readable(weights, reading))
    with quiet_libraries():
        unet = cast("UNet2DConditionModel", models.model("unet", UNet2DConditionModel))
        vae = models.autoencoder()
        return Backbone(
            unet=unet,
            vae=vae,
            text_encoders=tuple(cast("CLIPTextModel", texts.model(part, CLIPTextModel)) for part in encoders),
            tokenizers=tuple(
                models.tokenizer(part.replace("text_encoder", "tokenizer")) for part in encoders
            ),
            noise_scheduler_config=models.noise_scheduler_config(),
            model_id=str(index.get("_name_or_path") or root.resolve().name),
            model_hash=hash_model(root),
            device=place,
            dtype=weights,
            pose_control=load_pose_control(models, root, unet),
            preview_vae=load_preview_vae(models, root, unet, scale_factor=_scale_factor(vae)),
            few_steps=load_few_steps(models, root, unet),
        )


def _scale_factor(vae: nn.Module) -> int:
    return 2 ** (len(_config(vae)["block_out_channels"]) - 1)


def _readable(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Return the format of text encoders on a device: processors multiply float16 slowly, or not at all."""
    return torch.float32 if dtype == torch.float16 and device.type == "cpu" else dtype


def _config(model: nn.Module) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", model.config)
