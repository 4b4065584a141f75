"""The names that Stable Diffusion's first code gave its weights, and small checkpoints under them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from synid_engine.runtime.checkpoint_shape import CheckpointShape

from .small_models import small_tokenizer

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
_VAE_ENDS = {
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2",
    "mid_block.attentions.0": "mid.attn_1",
    "conv_norm_out": "norm_out",
    "conv_shortcut": "nin_shortcut",
    "to_out.0": "proj_out",
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
}

SMALL_SHAPE = CheckpointShape(
    unet={
        "sample_size": 8,
        "block_out_channels": (16, 32),
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "attention_head_dim": 4,
        "cross_attention_dim": 24,
    },
    vae={
        "block_out_channels": (8, 16),
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "latent_channels": 4,
        "sample_size": 16,
    },
    text_encoder={
        "vocab_size": 800,
        "hidden_size": 24,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 16,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    },
)


def _replaced(name: str, table: Mapping[str, str]) -> str:
    for ours, theirs in table.items():
        name = re.sub(rf"(^|\.){re.escape(ours)}\.", rf"\g<1>{theirs}.", name)
    return name


def _unet_name(name: str, layers: int, attentive: Sequence[bool]) -> str:
    down = re.match(r"down_blocks\.(\d+)\.(\w+)\.(\d+)\.(?:conv\.(?=\w+$))?", name)
    up = re.match(r"up_blocks\.(\d+)\.(\w+)\.(\d+)\.", name)
    if down is not None:
        block, kind, index = int(down[1]), down[2], int(down[3])
        number = 1 + block * (layers + 1) + (layers if kind == "downsamplers" else index)
        slot = {"resnets": "0", "attentions": "1", "downsamplers": "0.op"}[kind]
        name = f"input_blocks.{number}.{slot}.{name[down.end() :]}"
    elif up is not None:
        block, kind, index = int(up[1]), up[2], int(up[3])
        number = block * (layers + 1) + (layers if kind == "upsamplers" else index)
        slot = {"resnets": "0", "attentions": "1", "upsamplers": "2" if attentive[block] else "1"}[kind]
        name = f"output_blocks.{number}.{slot}.{name[up.end() :]}"
    renamed = _replaced(name, _UNET_ENDS)
    return renamed if "transformer_blocks" in renamed else _replaced(renamed, _RESNET)


def _vae_name(name: str, levels: int) -> str:
    def up(match: re.Match[str]) -> str:
        return f"decoder.up.{levels - 1 - int(match[1])}."

    name = re.sub(r"decoder\.up_blocks\.(\d+)\.", up, name)
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.", r"encoder.down.\1.", name)
    name = re.sub(r"(up|down)\.(\d+)\.resnets\.(\d+)\.", r"\1.\2.block.\3.", name)
    name = re.sub(r"downsamplers\.0\.", "downsample.", re.sub(r"upsamplers\.0\.", "upsample.", name))
    return _replaced(name, _VAE_ENDS)


def _vae_weight(name: str, weight: Tensor) -> Tensor:
    """Give the projections of the attention the two axes of a convolution, which they were at first."""
    is_projection = "mid.attn_1" in name and name.endswith("weight") and "norm" not in name
    return weight[..., None, None].contiguous() if is_projection else weight.contiguous()


def small_checkpoint(path: Path, *, seed: int = 3, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Write a small random checkpoint, and return its weights under the models' own names."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(**SMALL_SHAPE.unet).to(dtype)
        vae = AutoencoderKL(**SMALL_SHAPE.vae).to(dtype)
        text = CLIPTextModel(CLIPTextConfig(**SMALL_SHAPE.text_encoder)).to(dtype)
    layers = int(SMALL_SHAPE.unet["layers_per_block"])
    attentive = ["Attn" in kind for kind in SMALL_SHAPE.unet["up_block_types"]]
    levels = len(SMALL_SHAPE.vae["block_out_channels"])
    weights = {
        f"model.diffusion_model.{_unet_name(name, layers, attentive)}": one.contiguous()
        for name, one in unet.state_dict().items()
    }
    for name, one in vae.state_dict().items():
        renamed = _vae_name(name, levels)
        weights[f"first_stage_model.{renamed}"] = _vae_weight(renamed, one)
    for name, one in text.state_dict().items():
        short = name.removeprefix("text_model.")
        weights[f"cond_stage_model.transformer.text_model.{short}"] = one.contiguous()
    save_file(weights, path)
    parts = {"unet": unet, "vae": vae, "text_encoder": text}
    return {
        f"{part}.{name}": one for part, model in parts.items() for name, one in model.state_dict().items()
    }


def small_clip_tokenizer(folder: Path) -> Path:
    """Write a tokenizer as CLIP's repository has it: a vocabulary and its merges."""
    tokenizer = small_tokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    return folder
