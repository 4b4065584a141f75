"""The byte-pair vocabulary of CLIP, as the wheel of open-clip-torch carries it, and others of its form."""

import gzip
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, files

import pytest
from transformers import CLIPTokenizer

_MERGES = 49152 - 256 - 2
_LENGTH = 77


def make_clip_tokenizer() -> CLIPTokenizer:
    """Build the tokenizer of Stable Diffusion 1.5, or skip the test where the wheel is not installed."""
    try:
        held = files("open-clip-torch") or []
    except PackageNotFoundError:
        pytest.skip("pip install --no-deps open-clip-torch")
    [vocabulary] = [file.locate() for file in held if file.name == "bpe_simple_vocab_16e6.txt.gz"]
    with gzip.open(str(vocabulary), "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    return byte_pair_tokenizer([tuple(line.split()) for line in lines[1 : _MERGES + 1]], _LENGTH)


def byte_pair_tokenizer(merges: Sequence[tuple[str, ...]], length: int) -> CLIPTokenizer:
    """Number letters, letters that end a word, merges and the two marks, in CLIP's order."""
    letters = _letters()
    names = [*letters, *(f"{one}</w>" for one in letters), *("".join(merge) for merge in merges)]
    names += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: number for number, name in enumerate(names)}
    return CLIPTokenizer(vocab=vocabulary, merges=list(merges), model_max_length=length)


def _letters() -> list[str]:
    """Return a letter for each byte: the printable ones stand for themselves and come first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = 256 - len(printable)
    return [chr(one) for one in printable] + [chr(256 + one) for one in range(others)]
