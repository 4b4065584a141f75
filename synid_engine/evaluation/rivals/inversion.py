"""Textual inversion: new words whose embeddings alone learn.

Source: Gal et al. 2022, "An Image is Worth One Word", section 4; several vectors as in its appendix.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from synid_engine.evaluation.rivals.learning import LearningConfig, answer, learn
from synid_engine.evaluation.rivals.lesson import Lesson
from synid_engine.runtime.backbone import Backbone
from synid_engine.synid.stage import Report, stage_generator

VECTORS = 4
CONFIG = LearningConfig(steps=200, batch_size=4, learning_rate=2e-2)


class NewWords(nn.Module):
    """Stands in for a token embedding: some ids have vectors of their own.

    Attributes:
        known: The frozen embedding.
        first: Id of the first new word.
        vectors: (words, width), float32; what learns.
    """

    def __init__(self, known: nn.Embedding, first: int, vectors: Tensor) -> None:
        super().__init__()
        self.known, self.first = known, first
        self.vectors = nn.Parameter(vectors.float())

    def forward(self, ids: Tensor) -> Tensor:
        """Embed token ids."""
        is_new = ids >= self.first
        old = self.known(ids.masked_fill(is_new, 0))
        new = self.vectors[(ids - self.first).clamp(min=0)].to(old.dtype)
        return torch.where(is_new[..., None], new, old)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inverted:
    """A base model that knows new words.

    Attributes:
        backbone: With its own tokenizer and text encoder.
        name: The new words as a prompt says them.
        byte_count: What a character takes on disk in half precision.
    """

    backbone: Backbone
    name: str
    byte_count: int


def invert(
    lesson: Lesson, backbone: Backbone, *, config: LearningConfig = CONFIG, report: Report
) -> Inverted:
    """Learn new words from a lesson's pictures; they begin as the mean of the description's words.

    Args:
        lesson: What is learnt.
        backbone: With one text encoder; it is not changed.
        config: Steps, rows and rate.
        report: Told of every step.
    """
    tokenizer, encoder = copy.deepcopy(backbone.tokenizers[0]), copy.deepcopy(backbone.text_encoders[0])
    names = [f"<who{number}>" for number in range(VECTORS)]
    known = cast("nn.Embedding", cast("Any", encoder).get_input_embeddings())
    first = known.num_embeddings
    cast("Any", tokenizer).add_tokens(names)
    vectors = _first_vectors(tokenizer, known, lesson.words.prompt(""))
    words = NewWords(known, first, vectors)
    cast("Any", encoder).set_input_embeddings(words)
    taught = replace(backbone, tokenizers=(tokenizer,), text_encoders=(encoder,))
    name = " ".join(names)
    captions = [f"{name}, {bare}" for bare in lesson.pictures.bare_prompts]

    def predict(noisy: Tensor, timesteps: Tensor, picked: list[int]) -> Tensor:
        context = _states([captions[number] for number in picked], tokenizer, encoder)
        return answer(backbone.unet, noisy.to(backbone.dtype), timesteps, context.to(backbone.dtype))

    generator = stage_generator(lesson.who.seed, "textual inversion")
    learn([words.vectors], predict, lesson.pictures, backbone, config, generator, report=report)
    words.requires_grad_(requires_grad=False)
    return Inverted(backbone=taught, name=name, byte_count=2 * words.vectors.numel())


def _first_vectors(tokenizer: CLIPTokenizer, known: nn.Embedding, text: str) -> Tensor:
    """Return the embeddings of the text's words, evenly spaced."""
    ids = cast("list[int]", cast("Any", tokenizer)(text, add_special_tokens=False).input_ids)
    chosen = torch.linspace(0, len(ids) - 1, VECTORS).round().long()
    return known.weight.detach()[torch.tensor(ids)[chosen]].float().clone()


def _states(texts: Sequence[str], tokenizer: CLIPTokenizer, encoder: CLIPTextModel) -> Tensor:
    """Encode as the backbone does, with gradients."""
    config: Any = encoder.config
    length = int(config.max_position_embeddings)
    encoding = cast("Any", tokenizer)(
        list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    output = cast("Any", encoder)(encoding.input_ids.to(encoder.device))
    return cast("Tensor", output.last_hidden_state)
