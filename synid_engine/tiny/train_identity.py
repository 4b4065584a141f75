# pyright: basic, reportPrivateImportUsage=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
"""Teach the identity encoder to say who is in a picture, one token a trait, in the text encoder's own states.

The UNet understands such tokens at once, because they are words to it. `train_unet` then trains both
together, and the tokens learn what words cannot say.

Run: `python -m synid_engine.tiny.train_identity --data DATA --out WEIGHTS --cache CACHE --minutes 6`
It expects `vae/`, `text_encoder/` and `tokenizer/` in `--out`, and writes `identity_encoder/` there.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from synid_engine.perception.identity_encoder import IdentityEncoder
from synid_engine.tiny.dataset import Labelled
from synid_engine.tiny.train_text import tokenize
from synid_engine.tiny.train_unet import PORTRAIT_NOISE, Family, cache_latents, load_family, save_encoder
from synid_engine.tiny.train_vae import LATENT_CHANNELS
from synid_engine.tiny.training import Budget, autocast, pick_device, set_rate
from synid_engine.tiny.vocabulary import TRAIT_WORDINGS
from synid_engine.tiny.world import IDENTITY_TRAITS, trait_values

TRAITS = ("style", *IDENTITY_TRAITS)
"""What the tokens say, in their order."""
_SHARPNESS = 10.0
_TESTED = 2000


def word_states(family: Family, trait: str) -> Tensor:
    """Return (values, context_dim) states of the last word that names each value of a trait."""
    texts = [phrase(trait, value) for value in trait_values(trait)]
    ids = tokenize(family.tokenizer, texts)
    last = (ids == family.tokenizer.eos_token_id).int().argmax(dim=1) - 1
    states = family.encode(texts)
    return states[torch.arange(len(texts)), last.to(states.device)]


def phrase(trait: str, value: str) -> str:
    """Name one trait in a prompt of its own."""
    word = TRAIT_WORDINGS[trait][value][0]
    patterns = {
        "style": "a person, {}",
        "hair_color": "a person with {} hair",
        "clothes": "a person wearing {}",
        "clothes_color": "a person wearing {} clothes",
    }
    said = " ".join(word.format("").split())
    return patterns.get(trait, "a person with {}").format(said)


def numbers(labels: list[Labelled]) -> Tensor:
    """Return (pictures, traits) numbers of the values; -1 for a hair colour that cannot be seen."""
    places = {trait: {value: i for i, value in enumerate(trait_values(trait))} for trait in TRAITS}
    rows = []
    for item in labels:
        row = [places[trait][getattr(item.person, trait)] for trait in TRAITS]
        if not item.person.shows_hair_color:
            row[TRAITS.index("hair_color")] = -1
        rows.append(row)
    return torch.tensor(rows)


def saying_loss(tokens: Tensor, states: list[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss, and for each trait the share of the pictures whose nearest word is the right one."""
    loss, right = tokens.new_zeros(()), []
    for k, words in enumerate(states):
        seen = targets[:, k] >= 0
        said, wanted = tokens[seen, k], targets[seen, k]
        likeness = functional.normalize(said, dim=1) @ functional.normalize(words, dim=1).T
        loss = loss + functional.cross_entropy(_SHARPNESS * likeness, wanted)
        loss = loss + (said - words[wanted]).square().mean()
        right.append((likeness.argmax(dim=1) == wanted).float().mean())
    return loss / len(states), torch.stack(right)


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe; people of the last pictures are only tested on."""
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    device = pick_device()
    family = load_family(arguments.out, device)
    latents = cache_latents(arguments.data, arguments.cache, family.vae, arguments.pictures)
    targets = numbers(latents.labels).to(device)
    states = [word_states(family, trait) for trait in TRAITS]
    context_dim = family.text_encoder.config.hidden_size
    encoder = IdentityEncoder(latent_channels=LATENT_CHANNELS, context_dim=context_dim).to(device)
    encoder = encoder.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=arguments.lr, weight_decay=0.02, fused=True)
    budget = Budget(minutes=arguments.minutes, learning_rate=arguments.lr)
    shown = time.monotonic()
    for step in budget.steps():
        set_rate(optimizer, budget.rate(step))
        rows = torch.from_numpy(rng.integers(len(targets) - _TESTED, size=arguments.batch))
        clean = latents.values[rows].float().to(device)
        noise = torch.rand(len(rows), 1, 1, 1, device=device) * PORTRAIT_NOISE
        noisy = (clean + noise * torch.randn_like(clean)).contiguous(memory_format=torch.channels_last)
        with autocast(device):
            tokens = encoder(noisy)
        loss, right = saying_loss(tokens.float(), states, targets[rows.to(device)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            figures = f"loss {float(loss.detach()):.3f} right {float(right.mean()):.1%}"
            print(f"{budget.fraction:.0%} step {step} {figures}", flush=True)  # noqa: T201
    encoder.eval()
    with torch.no_grad():
        tokens = torch.cat([encoder(part.float().to(device)) for part in latents.values[-_TESTED:].split(50)])
        _, right = saying_loss(tokens, states, targets[-_TESTED:])
    told = ", ".join(f"{trait} {share:.1%}" for trait, share in zip(TRAITS, right.tolist(), strict=True))
    print(f"people never seen: {told}")  # noqa: T201
    save_encoder(encoder, family, arguments.out)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--pictures", type=int, default=24_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=61)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
