r"""Train the trait classifier that only evaluation uses, on sharp and on degraded pictures.

Run: `python -m synid_engine.tiny.train_traits --data DATA --cache CACHE --figures FIGURES.json \
--out WEIGHTS/evaluation/trait_classifier`
It resumes from the weights that lie in `--out`.
"""

import argparse
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from synid_engine.perception.networks import TraitNet
from synid_engine.tiny.augment import Degradation, degrade
from synid_engine.tiny.perception_run import PerceptionRun, add_arguments, load_or_build
from synid_engine.tiny.picture_cache import CLASSES, SIDE, TRAITS, open_held_out, open_pictures
from synid_engine.tiny.world import trait_values

_CONFIG = {
    "architecture": "trait_net",
    "arguments": {"classes": CLASSES},
    "values": {trait: list(trait_values(trait)) for trait in TRAITS},
}
_JITTER = 1.5  # pixels by which the landmarks miss in training
_DEGRADATION = Degradation(soft=0.65, noise=0.06, color=0.03, blocks=0.2)


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe, then measure on people outside the training set."""
    run = PerceptionRun.start(arguments)
    pictures = open_pictures(arguments.data, arguments.cache)
    labels = pictures.trait_labels()
    points = pictures.geometry()[:, 4:].view(-1, 5, 2) * SIDE
    built = load_or_build(arguments.out, "trait_net", lambda: TraitNet(classes=CLASSES))
    network = cast("TraitNet", run.place(built))
    everyone = np.arange(len(pictures))
    for _step in run.steps(network.train(), _CONFIG):
        rows = run.rows(everyone)
        batch = degrade(pictures.batch(rows, run.device), _DEGRADATION, run.generator)
        batch = batch.contiguous(memory_format=torch.channels_last)
        truth = points[rows].to(run.device)
        noise = _JITTER * (torch.randn_like(truth) / 2 + torch.randn_like(truth[:, :1]))
        with run.precision():
            scene = network.look(batch)
            found = network.locate(scene).float()
            logits = network.read(scene, network.look_closely(batch, truth + noise))
        place = F.smooth_l1_loss(found, truth, beta=0.5)
        run.learn(trait_loss(logits, labels[rows].to(run.device)) + 0.5 * place)
    run.finish(network, _CONFIG, measure(network.eval(), arguments))


def trait_errors(
    logits: dict[str, Tensor], labels: Tensor, *, reduction: str, label_smoothing: float = 0.0
) -> Tensor:
    """Return the cross-entropy of each trait, first in the shape; what cannot be seen costs nothing.

    Args:
        logits: (rows, values) of each trait.
        labels: (rows, traits) numbers of the values, -1 where one cannot be seen.
        reduction: `mean` over the rows in which a trait can be seen, or `none`, which gives (traits, rows).
        label_smoothing: As torch's.
    """
    errors = [
        F.cross_entropy(
            logits[trait].float(),
            labels[:, i],
            ignore_index=-1,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )
        for i, trait in enumerate(TRAITS)
    ]
    return torch.stack(errors)


def trait_loss(logits: dict[str, Tensor], labels: Tensor) -> Tensor:
    """Sum the cross-entropies of the traits that can be seen."""
    return trait_errors(logits, labels, reduction="mean", label_smoothing=0.02).sum()


@torch.no_grad()
def measure(network: nn.Module, arguments: argparse.Namespace) -> dict[str, object]:
    """Measure each trait on clean renders, and on the same reduced to half and enlarged again."""
    device = next(network.parameters()).device
    held_out = open_held_out(arguments.cache)
    labels = held_out.trait_labels()
    sharp: list[Tensor] = []
    soft: list[Tensor] = []
    for rows in np.array_split(np.arange(len(held_out)), len(held_out) // 50):
        batch = held_out.batch(list(rows), device)
        blurred = F.interpolate(F.avg_pool2d(batch, 2), scale_factor=2, mode="bilinear", align_corners=False)
        sharp.append(best(network(batch)))
        soft.append(best(network(blurred)))
    clean = accuracy(torch.cat(sharp), labels)
    blurred_accuracy = accuracy(torch.cat(soft), labels)
    return {
        "clean": clean,
        "clean_mean": sum(clean.values()) / len(clean),
        "half_resolution": blurred_accuracy,
        "half_resolution_mean": sum(blurred_accuracy.values()) / len(clean),
    }


def best(logits: dict[str, Tensor]) -> Tensor:
    """Return (rows, traits): the number of the likeliest value of each trait."""
    return torch.stack([logits[trait].argmax(dim=1) for trait in TRAITS], dim=1).cpu()


def accuracy(found: Tensor, labels: Tensor) -> dict[str, float]:
    """Return how often each trait is found where it can be seen."""
    rates: dict[str, float] = {}
    for i, trait in enumerate(TRAITS):
        seen = labels[:, i] >= 0
        rates[trait] = round(float((found[seen, i] == labels[seen, i]).float().mean()), 4)
    return rates


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser, minutes=8, batch=64, learning_rate=2e-3, seed=51)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
