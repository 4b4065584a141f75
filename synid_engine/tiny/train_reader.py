r"""Train a reader of traits in latents, which teaches the UNet what a drawing must be taken for.

It sees latents much as a denoiser's guesses are: sharp, blurred and noisy. It belongs to the training alone:
no engine loads it, and nothing is evaluated by it.

Run: `python -m synid_engine.tiny.train_reader --data DATA --cache CACHE --figures FIGURES.json --out READER`
It expects the latents that `train_identity` and `train_unet` keep in `--cache`, and resumes from the weights
in `--out`.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from synid_engine.perception.networks import LatentReader
from synid_engine.tiny.dataset import open_shards
from synid_engine.tiny.perception_run import PerceptionRun, add_arguments, load_or_build
from synid_engine.tiny.picture_cache import CLASSES, trait_numbers
from synid_engine.tiny.train_traits import accuracy, best, trait_loss

MOST_NOISE = 0.6
"""Beside latents whose cells have about unit variance."""
_HELD_BACK = 1000  # the last pictures: nobody in them is anywhere else
_CONFIG = {"architecture": "latent_reader", "arguments": {"classes": CLASSES}}


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe, then measure on the people held back."""
    run = PerceptionRun.start(arguments)
    latents = np.load(arguments.cache / "latents.npy", mmap_mode="r")
    labels = trait_numbers(open_shards(arguments.data)[1][: len(latents)])
    network = run.place(load_or_build(arguments.out, "latent_reader", lambda: LatentReader(classes=CLASSES)))
    usable = np.arange(len(latents) - _HELD_BACK)
    for _step in run.steps(network.train(), _CONFIG):
        rows = run.rows(usable)
        batch = as_guessed(torch.as_tensor(latents[rows]).float(), run.generator).to(run.device)
        with run.precision():
            logits = network(batch.contiguous(memory_format=torch.channels_last))
        run.learn(trait_loss(logits, labels[rows].to(run.device)))
    last = torch.as_tensor(np.array(latents[-_HELD_BACK:])).float()
    run.finish(network, _CONFIG, measure(network.eval(), last, labels[-_HELD_BACK:]))


def as_guessed(latents: Tensor, generator: torch.Generator) -> Tensor:
    """Return latents as a denoiser guesses them: some as they are, some blurred, most of them noisy."""
    one = (len(latents), 1, 1, 1)
    blurred = F.avg_pool2d(latents, 3, stride=1, padding=1, count_include_pad=False)
    latents = torch.lerp(latents, blurred, (torch.rand(one, generator=generator) - 0.4).clamp(min=0))
    noise = MOST_NOISE * (torch.rand(one, generator=generator) * 1.2 - 0.2).clamp(min=0)
    return latents + noise * torch.randn(latents.shape, generator=generator)


@torch.no_grad()
def measure(network: nn.Module, latents: Tensor, labels: Tensor) -> dict[str, float]:
    """Measure how often each trait is read rightly in latents as they are."""
    device = next(network.parameters()).device
    return accuracy(best(network(latents.to(device))), labels)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser, minutes=12, batch=64, learning_rate=2e-3, seed=71)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
