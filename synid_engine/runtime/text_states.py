"""From prompts to text states: cut into chunks that the text encoder can read, and weighed word by word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from synid_engine.runtime.prompt import weighed_texts

_WORD_END = "</w>"
_PAUSES = frozenset({",</w>", ".</w>", ";</w>"})
_LOOK_BACK = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    number: int
    name: str
    weight: float


_Chunk = Sequence[_Token]


def text_states(
    prompts: Sequence[str], tokenizers: Sequence[CLIPTokenizer], encoders: Sequence[CLIPTextModel]
) -> Float[Tensor, "batch tokens context_dim"]:
    """Return the states of each prompt: of one encoder the last, of several the penultimate, side by side.

    A prompt within the encoder's length and without weights gives what the stock pipeline gives. A longer one
    is cut, after a comma or a word, into chunks that each have their own beginning and end; their states
    follow each other. Prompts of fewer chunks than the longest one beside them get empty chunks.

    Source: AUTOMATIC1111's stable-diffusion-webui, prompts of unlimited length; see `_weighed` for weights.
    """
    pairs = list(zip(tokenizers, encoders, strict=True))
    chunked = [
        [_chunks(_tokens(prompt, tokenizer), _length(tokenizer, encoder) - 2) for prompt in prompts]
        for tokenizer, encoder in pairs
    ]
    most = max(len(chunks) for of_encoder in chunked for chunks in of_encoder)
    single = len(pairs) == 1
    states = [
        _encoded(of_encoder, *pair, most=most, last=single)
        for of_encoder, pair in zip(chunked, pairs, strict=True)
    ]
    return torch.cat(states, dim=-1)


def _length(tokenizer: CLIPTokenizer, encoder: CLIPTextModel) -> int:
    """Return the tokens of a chunk, its beginning and end included."""
    positions = int(cast("Any", encoder.config).max_position_embeddings)
    return min(int(cast("Any", tokenizer).model_max_length), positions)


def _tokens(prompt: str, tokenizer: CLIPTokenizer) -> list[_Token]:
    parts, tokenize = weighed_texts(prompt), cast("Any", tokenizer)
    read = tokenize([part.text for part in parts], add_special_tokens=False, verbose=False)
    return [
        _Token(number=number, name=name, weight=part.weight)
        for part, numbers in zip(parts, cast("list[list[int]]", read.input_ids), strict=True)
        for number, name in zip(numbers, tokenize.convert_ids_to_tokens(numbers), strict=True)
    ]


def _chunks(tokens: Sequence[_Token], room: int) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    start = 0
    while len(tokens) - start > room:
        cut = start + _cut(tokens[start : start + room])
        chunks.append(tokens[start:cut])
        start = cut
    return [*chunks, tokens[start:]]


def _cut(full: Sequence[_Token]) -> int:
    """Return how many of a chunk's tokens stay in it: up to a pause near its end, else to the last word."""
    length = len(full)
    pauses = (end for end in range(length, max(0, length - _LOOK_BACK), -1) if full[end - 1].name in _PAUSES)
    words = (end for end in range(length, 0, -1) if full[end - 1].name.endswith(_WORD_END))
    return next(pauses, next(words, length))


def _encoded(
    chunked: Sequence[Sequence[_Chunk]],
    tokenizer: CLIPTokenizer,
    encoder: CLIPTextModel,
    *,
    most: int,
    last: bool,
) -> Float[Tensor, "batch tokens width"]:
    length = _length(tokenizer, encoder)
    empty: _Chunk = ()
    rows = [chunk for chunks in chunked for chunk in [*chunks, *[empty] * (most - len(chunks))]]
    ids = torch.tensor([_ids(row, tokenizer, length) for row in rows], device=encoder.device)
    said = torch.tensor([[1] * (len(row) + 2) + [0] * (length - len(row) - 2) for row in rows])
    masked = bool(getattr(encoder.config, "use_attention_mask", False))
    output = cast("Any", encoder)(
        ids,
        attention_mask=said.to(encoder.device) if masked else None,
        output_hidden_states=not last,
    )
    states = cast("Tensor", output.last_hidden_state if last else output.hidden_states[-2])
    states = torch.stack([_weighed(*pair) for pair in zip(states, rows, strict=True)])
    return states.view(len(chunked), most * length, states.shape[-1])


def _ids(chunk: _Chunk, tokenizer: CLIPTokenizer, length: int) -> list[int]:
    special = cast("Any", tokenizer)
    said = [special.bos_token_id, *(token.number for token in chunk), special.eos_token_id]
    return said + [special.pad_token_id] * (length - len(said))


def _weighed(states: Float[Tensor, "tokens width"], chunk: _Chunk) -> Float[Tensor, "tokens width"]:
    """Multiply each token's state by its weight, then all states so that the chunk is as loud as before.

    Source: AUTOMATIC1111's stable-diffusion-webui, emphasis "original": the mean of the states is restored.
    Deviation: it is the mean of their magnitudes. The plain mean of normalised states can be next to nothing,
    and its ratio then of any size and sign; this is why that project has a mode that restores nothing.
    """
    if all(token.weight == 1 for token in chunk):
        return states
    exact = states.float()
    weights = exact.new_ones(len(states))
    weights[1 : len(chunk) + 1] = weights.new_tensor([token.weight for token in chunk])
    louder = exact * weights[:, None]
    return (louder * (exact.abs().mean() / louder.abs().mean())).to(states)
