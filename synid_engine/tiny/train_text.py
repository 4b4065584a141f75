# pyright: basic, reportPrivateImportUsage=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
"""Train the tokenizer and the text encoder of the embedded family, from captions alone.

A byte-pair tokenizer is learned from captions and synonym tables. The encoder then learns to make every
trait that a caption names readable by one cross-attention with a learned query, which is how a UNet reads
it; traits that the caption leaves open must read as open. So the UNet starts from states in which the words
already mean something.

Run: `python -m synid_engine.tiny.train_text --out WEIGHTS --minutes 8`
"""

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from synid_engine.tiny.captions import named_traits
from synid_engine.tiny.training import Budget, MovingAverage, autocast, pick_device, set_rate
from synid_engine.tiny.world import FREE_TRAITS, IDENTITY_TRAITS, sample_person, sample_shot, trait_values

WIDTH = 128
MAX_LENGTH = 48
VOCABULARY = 1536
START, END = "<|startoftext|>", "<|endoftext|>"
TRAITS = ("style", *IDENTITY_TRAITS, *FREE_TRAITS)


class TraitReaders(nn.Module):
    """One learned query a trait, reading a caption's token states by attention."""

    def __init__(self, width: int, classes: dict[str, int]) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(len(classes), width) * width**-0.5)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.heads = nn.ModuleList(nn.Linear(width, count) for count in classes.values())

    def forward(self, states: Tensor) -> list[Tensor]:
        """Read (batch, tokens, width) states into one tensor of logits a trait."""
        scores = self.queries @ self.key(states).transpose(1, 2) / states.shape[-1] ** 0.5
        read = scores.softmax(dim=-1) @ self.value(states)
        return [head(read[:, i]) for i, head in enumerate(self.heads)]


def train_tokenizer(texts: list[str], folder: Path) -> CLIPTokenizer:
    """Learn byte-pair merges in CLIP's manner and save them as a CLIPTokenizer."""
    tokenizer = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(
                Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", True
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 258,  # the final-byte forms and the two special tokens join it below
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(pair) for pair in learned["merges"]]
    symbols = [*sorted(alphabet), *(f"{symbol}</w>" for symbol in sorted(alphabet))]
    symbols += [left + right for left, right in merges]
    vocabulary = {symbol: i for i, symbol in enumerate(dict.fromkeys([*symbols, START, END]))}
    clip = CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        unk_token=END,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        model_max_length=MAX_LENGTH,
    )
    clip.save_pretrained(folder)
    return clip


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Build the untrained encoder: three layers, 128 wide."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=MAX_LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def sample_captions(seed: int, count: int) -> tuple[list[str], list[dict[str, str]]]:
    """Write captions of random people in random shots, with the traits that each one names."""
    rng = np.random.default_rng(seed)
    texts: list[str] = []
    named: list[dict[str, str]] = []
    for _ in range(count):
        person = sample_person(rng)
        text, traits = named_traits(person, sample_shot(rng, person.style), rng)
        texts.append(text)
        named.append(traits)
    return texts, named


def label_matrix(named: list[dict[str, str]]) -> Tensor:
    """Number the named values; 0 is a trait left open."""
    values = {trait: {value: i + 1 for i, value in enumerate(trait_values(trait))} for trait in TRAITS}
    return torch.tensor([[values[t].get(row[t], 0) if t in row else 0 for t in TRAITS] for row in named])


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Turn texts into padded ids of the model's fixed length."""
    encoded = tokenizer(
        texts, padding="max_length", max_length=MAX_LENGTH, truncation=True, return_tensors="pt"
    )
    return encoded["input_ids"]


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe and print the accuracy of the readers on fresh captions."""
    torch.manual_seed(arguments.seed)
    device = pick_device()
    texts, named = sample_captions(arguments.seed, arguments.captions)
    tokenizer_folder = arguments.out / "tokenizer"
    if (tokenizer_folder / "tokenizer_config.json").exists():
        tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder)
    else:
        words = " ".join(sorted(set(re.findall(r"[a-z]+", json.dumps(sorted(set(texts[:20000])))))))
        tokenizer = train_tokenizer([*texts[:60000], *[words] * 20], tokenizer_folder)
    print(f"{len(tokenizer)} tokens; {tokenizer.tokenize(texts[0])}", flush=True)  # noqa: T201
    ids, labels = tokenize(tokenizer, texts), label_matrix(named)
    print(f"longest {int((ids != tokenizer.eos_token_id).sum(dim=1).max()) + 1} of {MAX_LENGTH}", flush=True)  # noqa: T201
    folder = arguments.out / "text_encoder"
    encoder = (
        CLIPTextModel.from_pretrained(folder, dtype=torch.float32)
        if (folder / "config.json").exists()
        else build_text_encoder(tokenizer)
    ).to(device)
    readers = TraitReaders(WIDTH, {t: len(trait_values(t)) + 1 for t in TRAITS}).to(device)
    model = nn.ModuleDict({"encoder": encoder, "readers": readers}).train()
    average = MovingAverage(model, decay=0.998)
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.lr, weight_decay=0.01, betas=(0.9, 0.98))
    budget = Budget(minutes=arguments.minutes, learning_rate=arguments.lr)
    shown = time.monotonic()
    for step in budget.steps():
        set_rate(optimizer, budget.rate(step))
        rows = torch.randint(0, len(ids), (arguments.batch,))
        loss = reading_loss(encoder, readers, ids[rows].to(device), labels[rows].to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 4 == 0:
            average.update(model)
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            print(f"{budget.fraction:.0%} step {step} loss {float(loss.detach()):.4f}", flush=True)  # noqa: T201
    with average.applied_to(model):
        model.eval()
        accuracy(tokenizer, encoder, readers, arguments.seed + 1)
        state = {name: value.clone() for name, value in encoder.state_dict().items()}
        encoder.half().save_pretrained(folder)
        encoder.float().load_state_dict(state)


def reading_loss(encoder: CLIPTextModel, readers: TraitReaders, ids: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of every trait, summed, with a pull of the states towards unit variance."""
    with autocast(ids.device):
        states = encoder(ids).last_hidden_state
        logits = readers(states + 0.1 * torch.randn_like(states))
    losses = [F.cross_entropy(row.float(), labels[:, i]) for i, row in enumerate(logits)]
    return torch.stack(losses).sum()


@torch.no_grad()
def accuracy(tokenizer: CLIPTokenizer, encoder: CLIPTextModel, readers: TraitReaders, seed: int) -> None:
    """Print how often each trait is read right in captions of another seed."""
    texts, named = sample_captions(seed, 2000)
    device = readers.queries.device
    labels = label_matrix(named)
    logits = readers(encoder(tokenize(tokenizer, texts).to(device)).last_hidden_state)
    for i, trait in enumerate(TRAITS):
        right = logits[i].argmax(dim=1).cpu() == labels[:, i]
        print(f"{trait} {right.float().mean():.3f}", flush=True)  # noqa: T201


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--captions", type=int, default=150_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=11)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
