"""Small real models: every class that Stable Diffusion 1.5 uses, a few thousand random weights in each."""

import re
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from diffusers import StableDiffusionPipeline as Pipeline
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from synid_engine.perception.network_file import save_network
from synid_engine.perception.networks import LandmarkNet, ResidualEmbedder

from .clip_vocabulary import byte_pair_tokenizer

CAPTIONS = (
    "a woman with red hair and round glasses, smiling, on a beach",
    "an old man with a grey beard, angry, in a forest at night",
    "a girl in a blue hoodie, surprised, close-up, tilted, mirrored",
)
LENGTH = 16


def small_tokenizer() -> CLIPTokenizer:
    """Join the words of three captions letter by letter: a trained tokenizer would be another in each run."""
    merges = dict[tuple[str, ...], None]()
    for word in re.findall(r"[a-z]+|[^a-z ]", " ".join(CAPTIONS)):
        joined, *others = [*word[:-1], f"{word[-1]}</w>"]
        for letter in others:
            merges[joined, letter] = None
            joined += letter
    return byte_pair_tokenizer(list(merges), LENGTH)


def small_unet(**settings: object) -> UNet2DConditionModel:
    """Build a UNet whose first level has no cross-attention."""
    return UNet2DConditionModel(
        **{
            "sample_size": 8,
            "in_channels": 4,
            "out_channels": 4,
            "layers_per_block": 1,
            "block_out_channels": (16, 32, 48),
            "norm_num_groups": 8,
            "attention_head_dim": 4,
            "cross_attention_dim": 24,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            **settings,
        }
    ).eval()


def flat_unet(sample_size: int) -> UNet2DConditionModel:
    """Make a UNet of one level, which is traced in no time."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return UNet2DConditionModel(
            sample_size=sample_size,
            layers_per_block=1,
            block_out_channels=(8,),
            norm_num_groups=4,
            attention_head_dim=2,
            cross_attention_dim=24,
            mid_block_type=None,
            down_block_types=("CrossAttnDownBlock2D",),
            up_block_types=("UpBlock2D",),
        ).eval()


def flat_controlnet() -> ControlNetModel:
    """Make a ControlNet that fits `flat_unet`, none of whose layers is zero."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = ControlNetModel(
            layers_per_block=1,
            block_out_channels=(8,),
            norm_num_groups=4,
            attention_head_dim=2,
            cross_attention_dim=24,
            down_block_types=("CrossAttnDownBlock2D",),
            conditioning_embedding_out_channels=(8, 8, 16, 16),
        )
        with torch.no_grad():
            for block in (*network.controlnet_down_blocks, network.controlnet_mid_block):
                block.weight.normal_(std=0.2)
    return network.eval().requires_grad_(requires_grad=False)


def small_text_encoder(vocabulary: int) -> CLIPTextModel:
    """Build a text encoder of 24 numbers a token."""
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=24,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
    )
    return CLIPTextModel(config).eval()


def save_small_models(folder: Path, *, prediction_type: str = "v_prediction", kl: bool = False) -> Path:
    """Write a whole `StableDiffusionPipeline` folder."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        tokenizer = small_tokenizer()
        if kl:
            blocks = ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4
            vae: Any = AutoencoderKL(
                down_block_types=blocks[0],
                up_block_types=blocks[1],
                block_out_channels=(8, 8, 8, 8),
                norm_num_groups=4,
                latent_channels=4,
            )
        else:
            vae = AutoencoderTiny(
                encoder_block_out_channels=(8, 8, 8, 8),
                decoder_block_out_channels=(8, 8, 8, 8),
                num_encoder_blocks=(1, 1, 1, 1),
                num_decoder_blocks=(1, 1, 1, 1),
            )
            with torch.no_grad():  # a random decoder is almost flat: give its pictures contrast
                vae.decoder.layers[-1].weight.mul_(8)
                vae.decoder.layers[-1].bias.fill_(0.5)
        noise_scheduler = DDIMScheduler(
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
            clip_sample=False,
            steps_offset=1,
            set_alpha_to_one=True,
            prediction_type=prediction_type,
            timestep_spacing="trailing",
            rescale_betas_zero_snr=prediction_type == "v_prediction",
        )
        pipeline = Pipeline(
            vae=vae.eval(),
            text_encoder=small_text_encoder(len(tokenizer)),
            tokenizer=tokenizer,
            unet=small_unet(),
            scheduler=noise_scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.save_pretrained(folder)
    return folder


def save_posed_model(drawing: Path, folder: Path) -> Path:
    """Write the models of `drawing` and a ControlNet that fits them, none of whose layers is zero."""
    shutil.copytree(drawing, folder)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", local_files_only=True)
    with torch.random.fork_rng():
        torch.manual_seed(12)
        network = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 16, 16))
        with torch.no_grad():
            for block in (*network.controlnet_down_blocks, network.controlnet_mid_block):
                block.weight.normal_(std=0.2)
            network.controlnet_cond_embedding.conv_out.weight.normal_(std=0.5)
    network.save_pretrained(folder / "controlnet")
    return folder


def save_preview_vae(folder: Path, **settings: object) -> Path:
    """Write a small VAE in the layout of `madebyollin/taesd`, with contrast in its pictures."""
    with torch.random.fork_rng():
        torch.manual_seed(13)
        vae = AutoencoderTiny(
            **{
                "encoder_block_out_channels": (8, 8, 8, 8),
                "decoder_block_out_channels": (8, 8, 8, 8),
                **settings,
            }
        )
        with torch.no_grad():
            vae.decoder.layers[-1].weight.mul_(4)
            vae.decoder.layers[-1].bias.fill_(0.5)
    vae.save_pretrained(folder)
    return folder


def save_whole_model(drawing: Path, folder: Path) -> Path:
    """Write a folder that an engine loads: the models of `drawing`, and random perception beside them."""
    shutil.copytree(drawing, folder)
    with torch.random.fork_rng():
        torch.manual_seed(8)
        for name, kind, network in (
            ("face_detector", "landmark_net", LandmarkNet()),
            ("face_encoder", "residual_embedder", ResidualEmbedder()),
        ):
            save_network(folder / "perception" / name, network, {"architecture": kind})
        small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        clip = CLIPConfig(
            text_config={**small, "vocab_size": 800, "max_position_embeddings": 16},
            vision_config={**small, "image_size": 32, "patch_size": 16},
            projection_dim=16,
        )
        CLIPModel(clip).save_pretrained(folder / "perception" / "clip")
    shutil.copytree(drawing / "tokenizer", folder / "perception" / "clip", dirs_exist_ok=True)
    return folder
