r"""Train a face recogniser with an additive angular margin over many people, traits beside it for speed.

The engine's recogniser and the one that only evaluation may use differ in architecture, seed, augmentation
and people. Run:
`python -m synid_engine.tiny.train_recogniser --kind engine --data DATA --cache CACHE --detector DETECTOR \
--out WEIGHTS/perception/face_encoder --figures FIGURES.json`, then with `--kind evaluation --seed 97`.
Both resume from the weights that lie in `--out`: the centres of the people are then their mean embeddings.

Source: ArcFace, Deng et al. 2019, equation 3.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from synid_engine.perception.alignment import align_faces
from synid_engine.perception.bundle import load_face_detector
from synid_engine.perception.face import AlignedFaceEncoder
from synid_engine.perception.networks import PlainEmbedder, ResidualEmbedder
from synid_engine.tiny.augment import Degradation, degrade
from synid_engine.tiny.perception_run import PerceptionRun, add_arguments, load_or_build
from synid_engine.tiny.picture_cache import SIDE, TRAITS, PictureSet, open_held_out, open_pictures
from synid_engine.tiny.world import IDENTITY_TRAITS, trait_values

_EMBED_DIM = 128
_PEOPLE_SPLIT = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What tells one recogniser from the other.

    Attributes:
        jitter: Deviation of the landmarks in training, as part of the picture's side.
        scale: Inverse temperature of the margin softmax.
        margin: Angle in radians that an own picture has to be closer.
        low, high: Numbers of the people, `high` excluded.
    """

    architecture: str
    build: Callable[[], nn.Module]
    degradation: Degradation
    jitter: float
    scale: float
    margin: float
    low: int
    high: int


RECIPES = {
    "engine": Recipe(
        architecture="residual_embedder",
        build=ResidualEmbedder,
        degradation=Degradation(soft=0.6, noise=0.05, color=0.04, blocks=0.2),
        jitter=0.012,
        scale=20.0,
        margin=0.3,
        low=0,
        high=_PEOPLE_SPLIT,
    ),
    "evaluation": Recipe(
        architecture="plain_embedder",
        build=PlainEmbedder,
        degradation=Degradation(soft=0.7, noise=0.08, color=0.025, blocks=0.0),
        jitter=0.02,
        scale=24.0,
        margin=0.25,
        low=_PEOPLE_SPLIT,
        high=10**9,
    ),
}


class AngularMargin(nn.Module):
    """Class centres on the sphere; an own picture must beat the others by an angle."""

    def __init__(self, centers: Tensor, *, scale: float, margin: float) -> None:
        super().__init__()
        self.centers = nn.Parameter(centers)
        self.scale = scale
        self.margin = margin

    def forward(self, embeds: Tensor, people: Tensor, *, ramp: float) -> Tensor:
        """Return the loss; `ramp`, 0 to 1, is the part of the margin that counts already."""
        cosines = (embeds @ F.normalize(self.centers, dim=1).T).clamp(-1 + 1e-6, 1 - 1e-6)
        own = cosines.gather(1, people[:, None])
        margin = self.margin * ramp
        moved = own * math.cos(margin) - (1 - own**2).sqrt() * math.sin(margin)
        moved = torch.where(own > -math.cos(margin), moved, own - margin * math.sin(margin))
        return F.cross_entropy(self.scale * cosines.scatter(1, people[:, None], moved), people)


class TraitReaders(nn.Module):
    """Linear readers of the identity traits; thrown away after training."""

    def __init__(self) -> None:
        super().__init__()
        self.columns = [TRAITS.index(trait) for trait in IDENTITY_TRAITS]
        self.readers = nn.ModuleList(nn.Linear(_EMBED_DIM, len(trait_values(t))) for t in IDENTITY_TRAITS)

    def forward(self, embeds: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy over the traits."""
        losses = [
            F.cross_entropy(reader(embeds * 8), labels[:, column], ignore_index=-1)
            for reader, column in zip(self.readers, self.columns, strict=True)
        ]
        return torch.stack(losses).mean()


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe, then measure on people outside the training set."""
    run = PerceptionRun.start(arguments)
    recipe = RECIPES[arguments.kind]
    pictures = open_pictures(arguments.data, arguments.cache)
    ids, labels = pictures.person_ids(), pictures.trait_labels()
    points = pictures.geometry()[:, 4:].view(-1, 5, 2) * SIDE
    usable = np.flatnonzero(((ids >= recipe.low) & (ids < recipe.high)).numpy())
    names, numbers = np.unique(ids.numpy()[usable], return_inverse=True)
    people = torch.full_like(ids, -1)
    people[usable] = torch.as_tensor(numbers)
    resumed = (arguments.out / "config.json").exists()
    network = load_or_build(arguments.out, recipe.architecture, recipe.build)
    network = run.place(network)
    centers = torch.randn(len(names), _EMBED_DIM)
    if resumed:
        centers = mean_embeds(network.eval(), pictures, points, people, usable)
    margin = AngularMargin(centers, scale=recipe.scale, margin=recipe.margin).to(run.device)
    readers = TraitReaders().to(run.device)
    run.heads = nn.ModuleList([margin, readers])
    config = {"architecture": recipe.architecture, "arguments": {"embed_dim": _EMBED_DIM}}
    for _step in run.steps(network.train(), config):
        rows = run.rows(usable)
        landmarks = points[rows] + recipe.jitter * SIDE * torch.randn(len(rows), 5, 2) * 0.5
        landmarks = landmarks + recipe.jitter * SIDE * torch.randn(len(rows), 1, 2)
        crops = align_faces(pictures.batch(rows, run.device), landmarks.to(run.device))
        crops = degrade(crops, recipe.degradation, run.generator).contiguous(
            memory_format=torch.channels_last
        )
        with run.precision():
            embeds: Tensor = network(crops)
        spent = run.fraction
        ramp = 1.0 if resumed else min(1.0, spent / 0.4)
        loss = margin(embeds.float(), people[rows].to(run.device), ramp=ramp)
        run.learn(loss + 2 * (1 - spent) * readers(embeds.float(), labels[rows].to(run.device)))
    run.finish(network, config, measure(network.eval(), arguments))


@torch.no_grad()
def mean_embeds(
    network: nn.Module, pictures: PictureSet, points: Tensor, people: Tensor, usable: NDArray[np.int64]
) -> Tensor:
    """Return one centre for each person: the mean of the embeddings of all pictures."""
    device = next(network.parameters()).device
    centers = torch.zeros(int(people.max()) + 1, _EMBED_DIM)
    for rows in np.array_split(usable, max(1, len(usable) // 256)):
        crops = align_faces(pictures.batch(rows, device), points[rows].to(device))
        centers.index_add_(0, people[rows], network(crops).float().cpu())
    return F.normalize(centers, dim=1)


@torch.no_grad()
def measure(network: nn.Module, arguments: argparse.Namespace) -> dict[str, float]:
    """Measure same against different and the search for a person, with the detector's own landmarks."""
    device = next(network.parameters()).device
    held_out = open_held_out(arguments.cache)
    detector = load_face_detector(arguments.detector, device=str(device))
    encoder = AlignedFaceEncoder(network=network, detector=detector)
    embeds = torch.cat(
        [
            encoder.face_embeds(held_out.batch(list(rows), device))
            for rows in np.array_split(np.arange(len(held_out)), len(held_out) // 50)
        ]
    ).cpu()
    ids = held_out.person_ids()
    cosines = embeds @ embeds.T
    same = ids[:, None] == ids[None]
    upper = torch.ones_like(same).triu(diagonal=1)
    positive, negative = cosines[same & upper], cosines[~same & upper]
    gallery = torch.arange(0, len(ids), len(ids) // int(ids.max() + 1))
    probes = torch.tensor([i for i in range(len(ids)) if i % (len(ids) // int(ids.max() + 1))])
    found = ids[gallery][cosines[probes][:, gallery].argmax(dim=1)]
    ordered = negative.sort().values
    return {
        "people": int(ids.max()) + 1,
        "same_mean_cosine": float(positive.mean()),
        "same_cosine_p05": float(positive.quantile(0.05)),
        "different_mean_cosine": float(negative.mean()),
        "different_cosine_p99": float(negative[:1_000_000].quantile(0.99)),
        "auc": float(torch.searchsorted(ordered, positive).double().mean() / len(ordered)),
        "top1_of_200": float((found == ids[probes]).float().mean()),
    }


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser, minutes=7, batch=128, learning_rate=2e-3, seed=31)
    parser.add_argument("--kind", choices=tuple(RECIPES), required=True)
    parser.add_argument("--detector", required=True, help="folder of the face detector, for the figures")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
