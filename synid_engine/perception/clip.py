"""Scoring pictures against words and pictures with a CLIP model in transformers' layout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from synid_engine.errors import DamagedModelError, MissingModelError
from synid_engine.perception.clip_pixels import ClipPixels, read_pixels
from synid_engine.runtime.model_folder import quiet_libraries
from synid_engine.runtime.prompt import plain_text

_UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransformersClipScorer:
    """A frozen CLIPModel with its tokenizer; pictures are reduced and normalised here.

    Attributes:
        model: Both towers.
        tokenizer: Cuts longer texts at its `model_max_length`.
        pixels: Makes the picture tower's input.
    """

    model: CLIPModel
    tokenizer: CLIPTokenizer
    pixels: ClipPixels

    def image_embeds(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch clip_dim"]:
        """Return unit vectors; gradients flow to the pictures."""
        weight = next(self.model.parameters())
        output = cast("Any", self.model.vision_model)(pixel_values=self.pixels.of(images.to(weight)))
        projected = cast("Tensor", self.model.visual_projection(output.pooler_output))
        return F.normalize(projected.float(), dim=1)

    @torch.no_grad()
    def text_embeds(self, texts: Sequence[str]) -> Float[Tensor, "batch clip_dim"]:
        """Return unit vectors, without gradients; brackets that weigh words are not read."""
        weight = next(self.model.parameters())
        config = cast("Any", self.model.config).text_config
        length = min(int(cast("Any", self.tokenizer).model_max_length), int(config.max_position_embeddings))
        encoding = cast("Any", self.tokenizer)(
            [plain_text(text) for text in texts],
            padding="max_length",
            max_length=length,
            truncation=True,
            return_tensors="pt",
        )
        output = cast("Any", self.model.text_model)(
            input_ids=encoding.input_ids.to(weight.device),
            attention_mask=encoding.attention_mask.to(weight.device),
        )
        projected = cast("Tensor", self.model.text_projection(output.pooler_output))
        return F.normalize(projected.float(), dim=1)


def load_clip(folder: str | Path, *, device: torch.device) -> TransformersClipScorer:
    """Load model and tokenizer from one folder in the hub's layout, fp32 and frozen.

    Raises:
        MissingModelError: The folder, its weights or its tokenizer are not there.
        DamagedModelError: A file cannot be read or lacks weights.
        UnsupportedModelError: Its pictures are made in a way that is not known here.
    """
    root = Path(folder)
    for part in ("config.json", "model.safetensors", "tokenizer_config.json"):
        if not (root / part).is_file():
            raise MissingModelError(folder=root, part=part)
    try:
        with quiet_libraries():
            loaded = cast("Any", CLIPModel).from_pretrained(
                str(root),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                dtype=torch.float32,
            )
            tokenizer = cast("Any", CLIPTokenizer).from_pretrained(str(root), local_files_only=True)
    except _UNREADABLE as error:
        detail = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedModelError(folder=root, part="model.safetensors", detail=detail) from error
    model, info = cast("tuple[CLIPModel, Mapping[str, Any]]", loaded)
    wrong = [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]
    if wrong:
        detail = f"{len(wrong)} weights missing, such as {wrong[0]}"
        raise DamagedModelError(folder=root, part="model.safetensors", detail=detail)
    model.eval().requires_grad_(requires_grad=False)
    placed = cast("CLIPModel", cast("Any", model).to(device))
    pixels = read_pixels(root, side=int(cast("Any", model.config).vision_config.image_size))
    return TransformersClipScorer(model=placed, tokenizer=cast("CLIPTokenizer", tokenizer), pixels=pixels)
